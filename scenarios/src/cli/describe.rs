//! What there is.

use reports::Verdict;

use super::Trouble;
use super::screen::say;
use crate::campaign::{Subject, find, scripted};
use crate::script::with_seed;

pub(super) fn list() -> Result<Verdict, Trouble> {
    for subject in scripted()?.into_iter().chain([Subject::Swarm]) {
        say(&format!("{:<24} {}", subject.name(), subject.about()));
    }
    Ok(Verdict::Pass)
}

pub(super) fn show(name: &str, seed: u64) -> Result<Verdict, Trouble> {
    say(with_seed(&find(name)?.plan(seed), seed).trim_end());
    Ok(Verdict::Pass)
}
