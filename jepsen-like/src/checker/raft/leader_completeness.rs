//! Leader completeness: "if a log entry is committed in a given term, then that entry will be present in the logs of
//! the leaders for all higher-numbered terms" (Raft paper, figure 3; openraft, tests-turmoil, `leader_completeness`).

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation, Role};

#[derive(Debug, Default)]
pub(super) struct LeaderCompleteness {
    /// The term of each index that somebody told to be committed, and who did first.
    committed: BTreeMap<u64, (u64, MemberId)>,
}

impl Property for LeaderCompleteness {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        match &seen.fact {
            Fact::Committed { last } | Fact::Applied { entry: last, .. } => {
                self.committed.entry(last.index).or_insert((last.term, seen.member));
            }
            Fact::Role { role: Role::Leader, term } => {
                let earlier = self.committed.iter().rev().find(|(_, (entry, _))| entry < term);
                if let (Some((&index, &(entry, by))), Some(last)) =
                    (earlier, known.of(seen.member).last)
                    && last.index < index
                {
                    let text = format!(
                        "it leads term {term} with a log that ends at index {}, but member {by} knew \
                         index {index} of term {entry} as committed",
                        last.index
                    );
                    report("LEADER_COMPLETENESS", text);
                }
            }
            _ => {}
        }
    }
}
