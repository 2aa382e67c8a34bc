//! Logs: "if two logs contain an entry with the same index and term, then the logs are identical in all
//! entries up through the given index" (log matching), and "if a server has applied a log entry at a given
//! index, no other server will ever apply a different log entry for the same index" (state machine safety;
//! Raft paper, figure 3). Seen from what members applied: one term and one state for each index.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, LogId, Observation};

#[derive(Debug, Default)]
pub(super) struct Logs {
    committed: BTreeMap<u64, (u64, MemberId)>,
    applied: BTreeMap<u64, (u64, u64, MemberId)>,
}

impl Property for Logs {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        match &seen.fact {
            Fact::Committed { last } => self.committed(seen.member, *last, report),
            Fact::Applied { entry, digest } => self.applied(seen.member, *entry, *digest, report),
            _ => {}
        }
    }
}

impl Logs {
    fn committed(&mut self, id: MemberId, last: LogId, report: &mut Report<'_>) {
        let (term, by) = *self.committed.entry(last.index).or_insert((last.term, id));
        if term != last.term {
            let text = format!(
                "index {} is committed in term {}, but member {by} committed it in term {term}",
                last.index, last.term
            );
            report("COMMITTED_IMMUTABLE", text);
        }
    }

    fn applied(&mut self, id: MemberId, entry: LogId, digest: u64, report: &mut Report<'_>) {
        let (term, state, by) =
            *self.applied.entry(entry.index).or_insert((entry.term, digest, id));
        if term != entry.term {
            let text = format!(
                "it applied index {} of term {}, member {by} of term {term}",
                entry.index, entry.term
            );
            report("LOG_MATCHING", text);
        } else if state != digest {
            let text = format!(
                "index {} left its state at {digest:016x}, that of member {by} at {state:016x}",
                entry.index
            );
            report("STATE_MACHINE_SAFETY", text);
        }
    }
}
