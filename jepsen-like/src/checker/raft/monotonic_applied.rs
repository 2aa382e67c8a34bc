//! The applied index "increases monotonically" (Raft paper, figure 2, volatile state; openraft, tests-turmoil,
//! `monotonic_applied`) while a member runs: no entry is applied twice, and none after one that follows it.

use super::known::Known;
use super::{Property, Report};
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct MonotonicApplied;

impl Property for MonotonicApplied {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let Fact::Applied { entry, .. } = &seen.fact else { return };
        let before = known.of(seen.member).applied;
        if let Some(applied) = before.filter(|applied| entry.index <= *applied) {
            let text = format!("it applied index {} after index {applied}", entry.index);
            report("MONOTONIC_APPLIED", text);
        }
    }
}
