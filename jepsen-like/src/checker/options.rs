//! What checkers may be told, and what they tell together.

use serde::Serialize;

use super::{Verdict, Violation};
use crate::history::Micros;

/// What checkers may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Most candidates tried for revisions that nothing else explains; then it is inconclusive.
    pub search_steps_max: usize,
    /// How long before the end of a healed run an event must have been known to count as
    /// undelivered, and how long members have from healing to agree.
    pub watch_grace: Micros,
    /// What a run must contain for its passes to count.
    pub minimum: Minimum,
    /// How well the members' clocks keep time.
    pub clocks: Clocks,
    /// Whether the history goes on: what would excuse a refusal may be seen only later.
    pub is_beginning: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            search_steps_max: 200_000,
            watch_grace: 5_000_000,
            minimum: Minimum::default(),
            clocks: Clocks::default(),
            is_beginning: false,
        }
    }
}

/// How far members' clocks may be from true time, and what they add to leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clocks {
    /// Microseconds a second that the fastest clock gains.
    pub fast_ppm: u64,
    /// What a new leader adds to the time of each lease.
    pub extension: Micros,
}

/// Least numbers of things in a run that is worth a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimum {
    /// Answered operations.
    pub answers: usize,
    /// Answered writes.
    pub writes: usize,
    /// Answered reads.
    pub reads: usize,
    /// Delivered watch events.
    pub watch_events: usize,
    /// Clients with an answered operation.
    pub clients: usize,
}

impl Default for Minimum {
    fn default() -> Self {
        Self { answers: 1, writes: 1, reads: 0, watch_events: 0, clients: 1 }
    }
}

/// The verdicts on one history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Checker and verdict.
    pub verdicts: Vec<(&'static str, Verdict)>,
    /// What was counted on the way.
    pub statistics: Statistics,
}

impl Report {
    /// All violations.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.verdicts.iter().filter_map(|(_, verdict)| verdict.violation())
    }

    /// What one checker said.
    pub fn verdict(&self, checker: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|(name, _)| *name == checker).map(|(_, verdict)| verdict)
    }
}

/// Numbers of a history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Operations called.
    pub operations: usize,
    /// Of them answered.
    pub answered: usize,
    /// Of them refused.
    pub refused: usize,
    /// Of them without a known outcome.
    pub unknown: usize,
    /// Writes without a known outcome that turned out to have taken effect.
    pub unknown_applied: usize,
    /// Revisions made by the history.
    pub revisions: usize,
    /// Revisions whose writer was found from what members told.
    pub filled_by_tap: usize,
    /// Revisions whose writer was found by a value that only it wrote.
    pub filled_by_value: usize,
    /// Revisions whose writer was found by trying.
    pub filled_by_search: usize,
}
