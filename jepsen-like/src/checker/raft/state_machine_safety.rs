//! State machine safety: "if a server has applied a log entry at a given index, no other server will ever apply a
//! different log entry for the same index" (Raft paper, figure 3; openraft, tests-turmoil, `state_machine_safety`).
//! Whoever applies the same entries has the same state: one digest for each index and term.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct StateMachineSafety {
    applied: BTreeMap<u64, (u64, u64, MemberId)>,
}

impl Property for StateMachineSafety {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        let Fact::Applied { entry, digest } = &seen.fact else { return };
        let first = (entry.term, *digest, seen.member);
        let (term, state, by) = *self.applied.entry(entry.index).or_insert(first);
        if term == entry.term && state != *digest {
            let text = format!(
                "index {} left its state at {digest:016x}, that of member {by} at {state:016x}",
                entry.index
            );
            report("STATE_MACHINE_SAFETY", text);
        }
    }
}
