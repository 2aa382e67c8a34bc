//! Order within a member: the committed and the applied index "increase monotonically" (Raft paper, figure
//! 2) while it runs, and nothing is purged before a snapshot covers it, in a snapshot before it is applied,
//! applied before it is committed, committed before it is in the log.

use super::known::{Known, Member};
use super::{Property, Report};
use crate::observation::{Fact, LogId, Observation};

#[derive(Debug, Default)]
pub(super) struct Order;

impl Property for Order {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let member = known.of(seen.member);
        match &seen.fact {
            Fact::Committed { last } => committed(member, *last, report),
            Fact::Applied { entry, .. } => applied(member, *entry, report),
            Fact::Snapshot { last, installed: false } if Some(last.index) > member.applied => {
                let applied = member.applied.unwrap_or(0);
                let text = format!(
                    "its snapshot covers index {}, but it applied only {applied}",
                    last.index
                );
                report("STATE_ORDERING", text);
            }
            Fact::Purged { last } if last.index > member.snapshot => {
                let text = format!(
                    "it purged to index {}, but its snapshot reaches only {}",
                    last.index, member.snapshot
                );
                report("STATE_ORDERING", text);
            }
            _ => {}
        }
    }
}

fn committed(member: &Member, last: LogId, report: &mut Report<'_>) {
    if last.index < member.committed {
        let text =
            format!("its committed index went back from {} to {}", member.committed, last.index);
        report("MONOTONIC_COMMIT", text);
    }
    if let Some(end) = member.last.filter(|end| end.index < last.index) {
        let text = format!("it committed index {}, but its log ends at {}", last.index, end.index);
        report("STATE_ORDERING", text);
    }
}

fn applied(member: &Member, entry: LogId, report: &mut Report<'_>) {
    if let Some(applied) = member.applied.filter(|applied| entry.index <= *applied) {
        let text = format!("it applied index {} after index {applied}", entry.index);
        report("MONOTONIC_APPLIED", text);
    }
    if member.committed > 0 && entry.index > member.committed {
        let text = format!(
            "it applied index {}, but knows only {} as committed",
            entry.index, member.committed
        );
        report("STATE_ORDERING", text);
    }
}
