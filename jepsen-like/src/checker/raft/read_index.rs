//! Reads by a leader's word (ReadIndex): the leader must "make sure it has the latest information on which entries are
//! committed", and "make sure it hasn't been superseded by a newer leader of which it is unaware" (dissertation, 6.4).
//!
//! A round begins, the leader takes its committed index as the read index, a quorum answers that it still follows it,
//! and the read is granted. A newer leader that had committed anything before the round began was elected before, by
//! a quorum of which somebody had to answer this round and had voted for the newer one by then; so no such grant is
//! made. One that commits only after the round began may have been elected in its course, and the grant stands: who
//! reads by it asked before. For the same reason the index covers everything that anybody knew as committed when the
//! round began: whoever reads may have heard of that. The same goes for a follower's rounds, in which it asks the leader.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, LogId, Observation};

#[derive(Debug, Default)]
pub(super) struct ReadIndex {
    newest: Newest,
    /// What was committed when the round of each member began that leads.
    begun: BTreeMap<MemberId, Newest>,
    /// The same of each member that follows. Who has just lost leadership may have one of both.
    asked: BTreeMap<MemberId, Newest>,
}

/// The newest that is known as committed, and who told of it first.
#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    by_term: (LogId, MemberId),
    by_index: (LogId, MemberId),
}

impl Property for ReadIndex {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        match &seen.fact {
            Fact::Committed { last } | Fact::Applied { entry: last, .. } => {
                if last.term > self.newest.by_term.0.term {
                    self.newest.by_term = (*last, seen.member);
                }
                if last.index > self.newest.by_index.0.index {
                    self.newest.by_index = (*last, seen.member);
                }
            }
            Fact::ReadBegun => _ = self.begun.insert(seen.member, self.newest),
            Fact::ReadGranted { last } => {
                if let Some(newest) = self.begun.remove(&seen.member) {
                    judge(*last, newest, report);
                }
            }
            Fact::ReadAsked => _ = self.asked.insert(seen.member, self.newest),
            Fact::ReadAnswered { last } => {
                if let Some(newest) = self.asked.remove(&seen.member) {
                    judge(*last, newest, report);
                }
            }
            Fact::Started { .. } | Fact::Stopped => {
                self.begun.remove(&seen.member);
                self.asked.remove(&seen.member);
            }
            _ => {}
        }
    }
}

fn judge(granted: LogId, newest: Newest, report: &mut Report<'_>) {
    let is_newer = newest.by_term.0.term > granted.term;
    let (committed, by) = if is_newer { newest.by_term } else { newest.by_index };
    if is_newer || committed.index > granted.index {
        let text = format!(
            "index {1} may be read by the word of the leader of term {0}, in a round that began when member {by} knew \
             index {2} of term {3} as committed",
            granted.term, granted.index, committed.index, committed.term
        );
        report("READ_INDEX", text);
    }
}
