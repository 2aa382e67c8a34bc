//! Order within a member: purged <= snapshot <= applied <= committed <= last (openraft, tests-turmoil,
//! `state_ordering`). An entry is applied once it is known to be committed (Raft paper, section 5.3), which entries
//! of a member's own log are; a snapshot covers what is applied, and only what it covers is discarded (section 7).
//!
//! While a received snapshot takes the place of the state, one that is built at the same time may be told first, and
//! covers as much. Nothing is applied meanwhile: whether what a snapshot covers was applied is judged when the member
//! applies something else.

use std::collections::BTreeMap;

use super::known::{Known, Member};
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, LogId, Observation};

#[derive(Debug, Default)]
pub(super) struct StateOrdering {
    /// Snapshots that members built of more than they had told to be applied.
    ahead: BTreeMap<MemberId, LogId>,
}

impl Property for StateOrdering {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let member = known.of(seen.member);
        let broken = match &seen.fact {
            Fact::Committed { last } => committed(member, *last),
            Fact::Applied { entry, .. } => {
                let ahead = self.ahead.remove(&seen.member);
                ahead.map(|last| snapshot(member, last)).or_else(|| applied(member, *entry))
            }
            Fact::Snapshot { last, installed: false } => {
                if Some(last.index) > member.applied {
                    self.ahead.insert(seen.member, *last);
                }
                None
            }
            Fact::Snapshot { last, installed: true } => {
                self.ahead.retain(|id, ahead| *id != seen.member || ahead.index > last.index);
                None
            }
            Fact::Started { .. } | Fact::Stopped => {
                self.ahead.remove(&seen.member);
                None
            }
            Fact::Purged { last } => purged(member, *last),
            _ => None,
        };
        if let Some(text) = broken {
            report("STATE_ORDERING", text);
        }
    }
}

fn committed(member: &Member, last: LogId) -> Option<String> {
    let end = member.last.filter(|end| end.index < last.index)?;
    Some(format!("it committed index {}, but its log ends at {}", last.index, end.index))
}

fn applied(member: &Member, entry: LogId) -> Option<String> {
    // One that starts again may apply what its log knows as committed before it tells of that.
    let is_known = member.committed > 0;
    (is_known && entry.index > member.committed).then(|| {
        format!(
            "it applied index {}, but knows only {} as committed",
            entry.index, member.committed
        )
    })
}

fn snapshot(member: &Member, last: LogId) -> String {
    let applied = member.applied.unwrap_or(0);
    format!("its snapshot covers index {}, but it applied only {applied}", last.index)
}

fn purged(member: &Member, last: LogId) -> Option<String> {
    (last.index > member.snapshot).then(|| {
        format!(
            "it purged to index {}, but its snapshot reaches only {}",
            last.index, member.snapshot
        )
    })
}
