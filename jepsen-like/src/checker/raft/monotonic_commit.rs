//! The committed index "increases monotonically" (Raft paper, figure 2, volatile state; openraft, tests-turmoil,
//! `monotonic_commit`) while a member runs. It is the one that Raft itself has, told when Raft hands it to the log,
//! before anything of it is applied.

use super::known::Known;
use super::{Property, Report};
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct MonotonicCommit;

impl Property for MonotonicCommit {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let Fact::Committed { last } = &seen.fact else { return };
        let before = known.of(seen.member).committed;
        if last.index < before {
            let text = format!("its committed index went back from {before} to {}", last.index);
            report("MONOTONIC_COMMIT", text);
        }
    }
}
