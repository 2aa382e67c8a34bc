//! Committed entries stay what they are: "once an entry is committed, no other entry is ever committed at its index"
//! (state machine safety, Raft paper, section 5.4.3; openraft, tests-turmoil, `committed_immutable`). What a member
//! applies is committed, too.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct CommittedImmutable {
    committed: BTreeMap<u64, (u64, MemberId)>,
}

impl Property for CommittedImmutable {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        let (Fact::Committed { last } | Fact::Applied { entry: last, .. }) = &seen.fact else {
            return;
        };
        let (term, by) = *self.committed.entry(last.index).or_insert((last.term, seen.member));
        if term != last.term {
            let text = format!(
                "index {} is committed in term {}, but member {by} committed it in term {term}",
                last.index, last.term
            );
            report("COMMITTED_IMMUTABLE", text);
        }
    }
}
