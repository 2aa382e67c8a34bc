//! Terms: "each server stores a current term number, which increases monotonically over time" (Raft paper, section
//! 5.1; openraft, tests-turmoil, `monotonic_term`), on stable storage, so a restart finds what was made durable.
//!
//! A role is told by a task of its own, and a little later than a vote for somebody else perhaps: roles are compared
//! with roles of the same life and with what it began with, and what is durable with what is durable.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct MonotonicTerm {
    durable: BTreeMap<MemberId, u64>,
    /// Of the life that a member leads now.
    told: BTreeMap<MemberId, u64>,
}

impl Property for MonotonicTerm {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        let terms = match &seen.fact {
            Fact::Started { term, .. } => {
                self.told.insert(seen.member, *term);
                &mut self.durable
            }
            Fact::Voted { .. } | Fact::Acknowledged { .. } => &mut self.durable,
            Fact::Role { .. } => &mut self.told,
            Fact::Damaged => {
                self.durable.remove(&seen.member);
                return;
            }
            _ => return,
        };
        let (Fact::Started { term, .. }
        | Fact::Voted { term, .. }
        | Fact::Acknowledged { term, .. }
        | Fact::Role { term, .. }) = &seen.fact
        else {
            return;
        };
        let before = terms.entry(seen.member).or_default();
        if *term < *before {
            report("MONOTONIC_TERM", format!("its term went back from {before} to {term}"));
        }
        *before = *term;
    }
}
