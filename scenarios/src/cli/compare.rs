//! Whether a seed replays: the same run twice.

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};

use reports::Verdict;

use super::Trouble;
use super::arguments::Common;
use super::campaigns::jobs;
use super::screen::say;
use super::values::RunName;
use crate::campaign::{Subject, each, find};
use crate::panics::Slot;
use crate::run::{Options, Ran, simulate};

/// Prints the hash of a run.
pub(super) fn hash(name: &str, seed: u64) -> Result<Verdict, Trouble> {
    let subject = find(name)?;
    let ran = quietly(&subject, seed, false)?;
    say(&format!("{} seed {seed}: {}", subject.name(), ran.digest));
    Ok(Verdict::Pass)
}

/// Runs every seed twice; the first event that differs is named.
pub(super) fn determinism(
    common: &Common,
    seeds: Range<u64>,
    names: &[String],
) -> Result<Verdict, Trouble> {
    let subjects = if names.is_empty() {
        vec![Subject::Swarm]
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let tasks: Vec<(&Subject, u64)> = subjects
        .iter()
        .flat_map(|subject| seeds.clone().map(move |seed| (subject, seed)))
        .collect();
    let mut results: Vec<Option<Result<Option<String>, Trouble>>> = Vec::new();
    results.resize_with(tasks.len(), || None);
    each(
        jobs(common),
        tasks.iter(),
        |(subject, seed)| difference(subject, *seed),
        |task, result| results[task] = Some(result),
    );
    let mut differing = 0;
    for ((subject, seed), result) in tasks.iter().zip(results) {
        if let Some(text) = result.transpose()?.flatten() {
            differing += 1;
            say(&format!("{} seed {seed}: {text}", subject.name()));
        }
    }
    say(&format!("determinism: {} runs, each twice, {differing} differ", tasks.len()));
    Ok(if differing == 0 { Verdict::Pass } else { Verdict::Violation })
}

/// Events that are shown before and after the place where two runs part.
const AROUND: usize = 6;

/// Shows where two runs part. That they do is told like a violation, as `diff` does with files.
pub(super) fn diff(left: &RunName, right: &RunName) -> Result<Verdict, Trouble> {
    let record = |run: &RunName| quietly(&find(&run.scenario)?, run.seed, true);
    let (one, other) = (record(left)?.recording, record(right)?.recording);
    let Some(difference) = one.first_difference(&other) else {
        say(&format!("the runs are the same, {} events", one.events.len()));
        return Ok(Verdict::Pass);
    };
    let place = usize::try_from(difference.number).expect("events are in memory");
    let from = place.saturating_sub(AROUND);
    say(&format!("the first {place} events are the same"));
    one.events[from..place].iter().for_each(|event| say(&format!("    {event}")));
    for (sign, run, recording) in [('<', left, &one), ('>', right, &other)] {
        say(&format!("{sign} {}:{}", run.scenario, run.seed));
        let rest = recording.events.get(place..).unwrap_or_default();
        rest.iter().take(AROUND).for_each(|event| say(&format!("{sign}   {event}")));
        if rest.is_empty() {
            say(&format!("{sign}   (ended)"));
        }
    }
    Ok(Verdict::Violation)
}

/// What differs between two runs of a seed.
fn difference(subject: &Subject, seed: u64) -> Result<Option<String>, Trouble> {
    let (first, second) = (quietly(subject, seed, false)?, quietly(subject, seed, false)?);
    if first.digest == second.digest {
        return Ok(None);
    }
    // Only now are the events needed, and there may be millions of them.
    let (left, right) = (quietly(subject, seed, true)?, quietly(subject, seed, true)?);
    let (one, two) = (first.digest, second.digest);
    let text = match left.recording.first_difference(&right.recording) {
        Some(difference) => difference.to_string(),
        None => "and two further runs that were recorded did not differ".to_owned(),
    };
    Ok(Some(format!("{one} and {two}: {text}")))
}

fn quietly(subject: &Subject, seed: u64, is_recorded: bool) -> Result<Ran, Trouble> {
    let slot = Slot::default();
    slot.enter();
    let options = Options { is_recorded, panics: Some(slot.clone()), ..Options::default() };
    let plan = subject.plan(seed);
    let attempt = panic::catch_unwind(AssertUnwindSafe(|| simulate(&plan, seed, &options)));
    Slot::leave();
    attempt.map_err(|_| Trouble::Panic(slot.first().unwrap_or_default()))
}
