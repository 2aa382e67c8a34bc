//! Keeping: "if a server has a committed entry durable, no later event takes it from that server's log":
//! followers delete only entries that conflict with a leader's (Raft paper, figure 2, AppendEntries 3), a
//! committed entry conflicts with none (leader completeness), and what was answered for is on stable storage.
//! A crash, a truncation and a repair of the log must all leave it.
//!
//! A member holds a committed entry for sure if its log once ended, durably, with an entry of the same term at
//! the same index or behind it (log matching).

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, LogId, Observation};

#[derive(Debug, Default)]
pub(super) struct CommittedKept {
    /// The last committed index of each term.
    committed: BTreeMap<u64, u64>,
    /// Where the durable log of each member ends.
    ends: BTreeMap<MemberId, LogId>,
    /// The last committed entry that each member is sure to have.
    held: BTreeMap<MemberId, LogId>,
}

impl Property for CommittedKept {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        match &seen.fact {
            Fact::Started { last_log, .. } => self.ends(seen.member, *last_log, report),
            Fact::Durable { last } | Fact::Truncated { last } => {
                self.ends(seen.member, *last, report);
            }
            Fact::Committed { last } | Fact::Applied { entry: last, .. } => self.committed(*last),
            _ => {}
        }
    }
}

impl CommittedKept {
    fn committed(&mut self, last: LogId) {
        let index = self.committed.entry(last.term).or_default();
        if *index >= last.index {
            return;
        }
        *index = last.index;
        for (member, end) in &self.ends {
            hold(&mut self.held, &self.committed, *member, *end);
        }
    }

    fn ends(&mut self, id: MemberId, end: LogId, report: &mut Report<'_>) {
        if let Some(held) = self.held.get(&id)
            && (end.index < held.index || end.term < held.term)
        {
            let text = format!(
                "its log ends with index {} of term {}, but it had the committed index {} of term {} \
                 on its disk",
                end.index, end.term, held.index, held.term
            );
            report("COMMITTED_KEPT", text);
        }
        self.ends.insert(id, end);
        hold(&mut self.held, &self.committed, id, end);
    }
}

/// Notes what a log that ends there holds of what is committed.
fn hold(
    held: &mut BTreeMap<MemberId, LogId>,
    committed: &BTreeMap<u64, u64>,
    member: MemberId,
    end: LogId,
) {
    let Some(index) = committed.get(&end.term) else { return };
    let sure = LogId { term: end.term, index: end.index.min(*index) };
    let held = held.entry(member).or_default();
    // Logs never end with an older term than before, so the newest is also the last.
    *held = sure.max(*held);
}
