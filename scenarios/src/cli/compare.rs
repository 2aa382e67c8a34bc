//! Whether a seed replays: the same run several times.

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
use sim::trace::Digest;

/// Prints the hash of a run.
pub(super) fn hash(name: &str, seed: u64) -> Result<Verdict, Trouble> {
    let subject = find(name)?;
    let ran = quietly(&subject, seed, false)?;
    say(&format!("{} seed {seed}: {}", subject.name(), ran.digest));
    Ok(Verdict::Pass)
}

/// Runs every seed so many times; the first event that differs is named.
pub(super) fn determinism(
    common: &Common,
    seeds: Range<u64>,
    times: u32,
    names: &[String],
) -> Result<Verdict, Trouble> {
    let subjects = if names.is_empty() {
        vec![Subject::Swarm]
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let runs: Vec<(&Subject, u64)> = subjects
        .iter()
        .flat_map(|subject| seeds.clone().map(move |seed| (subject, seed)))
        .collect();
    let mut differing = 0;
    for ((subject, seed), digests) in runs.iter().zip(digests(common, &runs, times)) {
        let digests = digests?;
        let first = digests[0];
        match digests.iter().find(|digest| **digest != first) {
            Some(other) => {
                differing += 1;
                let place = place(subject, *seed, times)?;
                say(&format!("{} seed {seed}: {first} and {other}: {place}", subject.name()));
            }
            None if times > 2 => {
                say(&format!("{} seed {seed}: {times} times {first}", subject.name()));
            }
            None => {}
        }
    }
    let each = if times == 2 { "twice".to_owned() } else { format!("{times} times") };
    say(&format!("determinism: {} runs, each {each}, {differing} differ", runs.len()));
    Ok(if differing == 0 { Verdict::Pass } else { Verdict::Violation })
}

/// The hashes of every run, as often as it is to be run. All of them are tasks of their own: a thread then has other
/// runs behind it each time.
fn digests(
    common: &Common,
    runs: &[(&Subject, u64)],
    times: u32,
) -> Vec<Result<Vec<Digest>, Trouble>> {
    let tasks = (0..runs.len()).flat_map(|run| (0..times).map(move |_| run));
    let mut all: Vec<Result<Vec<Digest>, Trouble>> = runs.iter().map(|_| Ok(Vec::new())).collect();
    each(
        jobs(common),
        tasks,
        |run| (run, quietly(runs[run].0, runs[run].1, false).map(|ran| ran.digest)),
        |_, (run, digest)| match (&mut all[run], digest) {
            (Ok(digests), Ok(digest)) => digests.push(digest),
            (Err(_), _) => {}
            (all, Err(trouble)) => *all = Err(trouble),
        },
    );
    all
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

/// Where runs of a seed part that do. Only now are the events needed, and there may be millions of them.
fn place(subject: &Subject, seed: u64, times: u32) -> Result<String, Trouble> {
    let first = quietly(subject, seed, true)?.recording;
    for _ in 1..times {
        let other = quietly(subject, seed, true)?.recording;
        if let Some(difference) = first.first_difference(&other) {
            return Ok(difference.to_string());
        }
    }
    Ok(format!("and {times} further runs that were recorded did not differ"))
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
