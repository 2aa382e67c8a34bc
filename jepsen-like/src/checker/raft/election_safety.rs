//! Election safety: "at most one leader can be elected in a given term" (Raft paper, figure 3; openraft,
//! tests-turmoil, `election_safety`).

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation, Role};

#[derive(Debug, Default)]
pub(super) struct ElectionSafety {
    leaders: BTreeMap<u64, MemberId>,
}

impl Property for ElectionSafety {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        let (term, id) = match seen.fact {
            Fact::Role { role: Role::Leader, term } => (term, seen.member),
            Fact::Acknowledged { term, leader } => (term, leader),
            _ => return,
        };
        let leader = *self.leaders.entry(term).or_insert(id);
        if leader != id {
            let who = if id == seen.member { "it".to_owned() } else { format!("member {id}") };
            let text = format!("{who} leads term {term}, which member {leader} leads too");
            report("ELECTION_SAFETY", text);
        }
    }
}
