//! Campaigns that end when their time is over.

use std::time::{Duration, Instant};

use reports::Verdict;

use super::Trouble;
use super::arguments::Common;
use super::campaigns::{batches, commit, report};
use super::screen::{Screen, say};
use crate::campaign::{self, Batch, Subject, Until};

/// More seeds than anybody has time for.
const ENDLESS: u64 = 1 << 40;

/// When a campaign ends of which nobody has said when.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

/// Every scripted scenario under one seed, then the swarm until the budget is spent, and `at_least` so many seeds.
pub(super) fn check(
    common: &Common,
    budget: Duration,
    at_least: u64,
    base: Option<&str>,
) -> Result<Verdict, Trouble> {
    let end = Instant::now() + budget;
    let first = first_seed(base);
    let mut all: Vec<Batch> = campaign::scripted()?
        .into_iter()
        .map(|subject| Batch::all(subject, first..first + 1))
        .collect();
    all.push(swarm(first, Until { end, at_least }));
    report(common, batches(common, "check", all), Screen::new())
}

/// Swarm seeds, one after the other.
pub(super) fn soak(
    common: &Common,
    time: Option<Duration>,
    base: Option<&str>,
) -> Result<Verdict, Trouble> {
    let end = Instant::now() + time.unwrap_or(CENTURY);
    let batch = swarm(first_seed(base), Until { end, at_least: 0 });
    report(common, batches(common, "soak", vec![batch]), Screen::telling())
}

fn swarm(first: u64, until: Until) -> Batch {
    let until = Some(until);
    Batch { subject: Subject::Swarm, seeds: first..first + ENDLESS, until }
}

fn first_seed(base: Option<&str>) -> u64 {
    let name = base.map(str::to_owned).or_else(commit).unwrap_or_default();
    // A number of the user's own may be as large as it likes.
    let first = campaign::base_seed(&name).min(u64::MAX - ENDLESS);
    say(&format!("seeds from {first} on ({})", if name.is_empty() { "no commit" } else { &name }));
    first
}
