//! Terms: "each server stores a current term number, which increases monotonically", and "each server will
//! vote for at most one candidate in a given term" (Raft paper, sections 5.1 and 5.2). Both survive
//! restarts; a member that lost its disk and came back as itself would break them.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct Terms {
    votes: BTreeMap<(MemberId, u64), MemberId>,
}

impl Property for Terms {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let term = match &seen.fact {
            Fact::Started { term, .. } | Fact::Role { term, .. } | Fact::Voted { term, .. } => {
                *term
            }
            _ => return,
        };
        let before = known.of(seen.member).term;
        if term < before {
            report("MONOTONIC_TERM", format!("its term went back from {before} to {term}"));
        }
        if let Fact::Voted { candidate, .. } = &seen.fact {
            let first = *self.votes.entry((seen.member, term)).or_insert(*candidate);
            if first != *candidate {
                let text = format!(
                    "in term {term} it voted for member {first} and for member {candidate}"
                );
                report("VOTE_ONCE", text);
            }
        }
    }
}
