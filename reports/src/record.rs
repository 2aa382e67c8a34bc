//! What is reported about a campaign, as plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::story::Story;

/// How a run ended, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was promised held, and enough happened.
    Pass,
    /// Nothing was broken, but too little happened to say so.
    Inconclusive,
    /// The run itself failed.
    HarnessError,
    /// A promise was broken.
    Violation,
}

impl Verdict {
    /// The word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::HarnessError => "harness error",
            Self::Violation => "VIOLATION",
        }
    }

    /// The process exit code that says it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Violation => 1,
            Self::Inconclusive => 2,
            Self::HarnessError => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}

/// What happened in a run, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Operations that were checked, watch events included.
    pub operations: u64,
    /// Writes that a client was told are done.
    pub acknowledged: u64,
    /// Operations whose outcome nobody knows.
    pub unknown: u64,
    /// Members that were killed or lost power.
    pub crashes: u64,
    /// Terms in which a member became leader.
    pub elections: u64,
    /// Watches that went on after their stream had broken.
    pub resumed_watches: u64,
    /// Snapshots that a member received and installed.
    pub installed_snapshots: u64,
    /// Faults of any kind that were injected.
    pub faults: u64,
    /// Watch events that were delivered.
    pub watch_events: u64,
    /// Changes of the membership that were done.
    pub changes: u64,
    /// Leases whose time was over.
    pub expired_leases: u64,
    /// Locks that were taken.
    pub locks: u64,
    /// Answers to operators.
    #[serde(default)]
    pub upkeep: u64,
    /// Writes that were refused because there is no room.
    #[serde(default)]
    pub no_space: u64,
    /// Members that stopped, or did not start, because of their disks.
    #[serde(default)]
    pub stops: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.crashes += other.crashes;
        self.elections += other.elections;
        self.resumed_watches += other.resumed_watches;
        self.installed_snapshots += other.installed_snapshots;
        self.faults += other.faults;
        self.watch_events += other.watch_events;
        self.changes += other.changes;
        self.expired_leases += other.expired_leases;
        self.locks += other.locks;
        self.upkeep += other.upkeep;
        self.no_space += other.no_space;
        self.stops += other.stops;
    }
}

/// A number that must be reached for a campaign to mean anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// What is counted.
    pub name: String,
    /// How much there was.
    pub reached: u64,
    /// How much there must be.
    pub needed: u64,
}

impl Floor {
    /// Whether there was enough.
    pub fn holds(&self) -> bool {
        self.reached >= self.needed
    }
}

/// How often a kind of fault, or a rare state, was reached in a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// What kind of thing it is: a fault, a rare state.
    pub group: String,
    /// What it is.
    pub name: String,
    /// In how many runs.
    pub runs: u64,
    /// How often in all of them.
    pub times: u64,
}

/// Everything about one invocation of the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// What kind of campaign.
    pub title: String,
    /// The command that repeats it.
    pub command: String,
    /// The commit of the folder in which it was tested, where it is known. The program may have been built from another.
    pub commit: Option<String>,
    /// What tells the program that ran from every other; nothing where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The verdict on the whole.
    pub verdict: Verdict,
    /// Real microseconds from start to end.
    pub wall_us: u64,
    /// Runs at a time.
    pub jobs: usize,
    /// What had to be reached.
    pub floors: Vec<Floor>,
    /// What can be reached, and was or was not.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// One entry per scenario.
    pub scenarios: Vec<Scenario>,
}

impl Campaign {
    /// The sum over all runs.
    pub fn counts(&self) -> Counts {
        total(self.runs())
    }

    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.scenarios.iter().flat_map(|scenario| &scenario.runs)
    }

    /// Simulated microseconds of all runs.
    pub fn simulated_us(&self) -> u64 {
        self.runs().map(|run| run.simulated_us).sum()
    }
}

/// A scenario and its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it shows, in one sentence.
    pub about: String,
    /// One run per seed, in the order of the seeds.
    pub runs: Vec<Run>,
}

impl Scenario {
    /// The worst verdict of its runs.
    pub fn verdict(&self) -> Verdict {
        self.runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Inconclusive)
    }

    /// The sum over its runs.
    pub fn counts(&self) -> Counts {
        total(self.runs.iter())
    }

    /// Simulated seconds per real second and core.
    pub fn speed(&self) -> f64 {
        let simulated: u64 = self.runs.iter().map(|run| run.simulated_us).sum();
        let wall: u64 = self.runs.iter().map(|run| run.wall_us).sum();
        if wall == 0 { 0.0 } else { simulated as f64 / wall as f64 }
    }
}

fn total<'a>(runs: impl Iterator<Item = &'a Run>) -> Counts {
    runs.fold(Counts::default(), |mut sum, run| {
        sum += run.counts;
        sum
    })
}

/// One seed of one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// How it ended.
    pub verdict: Verdict,
    /// What happened.
    pub counts: Counts,
    /// Simulated microseconds.
    pub simulated_us: u64,
    /// Real microseconds, checking included.
    pub wall_us: u64,
    /// The hash of its events.
    pub digest: String,
    /// The command that repeats it.
    pub replay: String,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Kinds of faults that hit somebody, with how often.
    #[serde(default)]
    pub struck: BTreeMap<String, u64>,
    /// Rare states that were reached, with how often.
    #[serde(default)]
    pub reached: BTreeMap<String, u64>,
    /// Kinds of steps that did nothing, with the reasons, and how often for each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spared: BTreeMap<String, BTreeMap<String, u64>>,
    /// Whether it gave the same events when it was run once more; nothing where it was run once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<bool>,
    /// What was done to what the verdict relies on; nothing where nobody kept accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    /// What happened in detail; kept for runs that did not pass.
    pub story: Option<Story>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Who found it.
    pub checker: String,
    /// What is wrong, in one sentence with its numbers.
    pub message: String,
    /// Further lines, such as the operations that bear witness.
    pub details: Vec<String>,
    /// When, in true simulated microseconds; nothing where it has no time, or nobody wrote it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

impl Finding {
    /// What is wrong, and who says so.
    pub fn new(checker: &str, message: String) -> Self {
        Self { checker: checker.to_owned(), message, details: Vec::new(), when: None }
    }
}

/// From when something was wrong, and when that was noticed, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// When it began, as far as that is known; else when it was noticed.
    pub began_us: u64,
    /// When it was noticed.
    pub noticed_us: u64,
}

impl When {
    /// Noticed as it happened.
    pub fn at(noticed_us: u64) -> Self {
        Self { began_us: noticed_us, noticed_us }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn the_worst_verdict_is_a_violation() {
        let worst = [Verdict::HarnessError, Verdict::Violation, Verdict::Pass].into_iter().max();
        assert_eq!(worst, Some(Verdict::Violation));
    }

    #[test]
    fn exit_codes_tell_verdicts_apart() {
        let all = [Verdict::Pass, Verdict::Violation, Verdict::Inconclusive, Verdict::HarnessError];
        assert_eq!(all.map(Verdict::exit_code), [0, 1, 2, 3]);
    }
}
