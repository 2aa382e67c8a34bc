//! Votes: "each server will vote for at most one candidate in a given term" (Raft paper, section 5.2), and what is on
//! stable storage only moves on: from no vote in a term to one, and from that to the leader whom a quorum elected
//! (openraft, tests-turmoil, `monotonic_vote`). Both survive restarts: a member begins with no lower vote than any
//! that it has told to be durable. One that lost its disk and came back as itself would break them.
//!
//! A candidate "votes for itself" (section 5.2): who stands in a term in which it has voted for somebody else counts its
//! own vote twice. A member may stand before its vote for itself is durable, and forget that it did; so the candidacy
//! alone is no vote that a later one is held to.

use std::collections::BTreeMap;

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation, Role, Vote};

#[derive(Debug, Default)]
pub(super) struct VoteOnce {
    votes: BTreeMap<(MemberId, u64), MemberId>,
}

impl Property for VoteOnce {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        match &seen.fact {
            Fact::Voted { term, candidate } => {
                let first = *self.votes.entry((seen.member, *term)).or_insert(*candidate);
                if first != *candidate {
                    let text = format!(
                        "in term {term} it voted for member {first} and for member {candidate}"
                    );
                    report("VOTE_ONCE", text);
                }
            }
            Fact::Role { role: Role::Candidate, term } => {
                let vote = self.votes.get(&(seen.member, *term));
                if let Some(other) = vote.filter(|candidate| **candidate != seen.member) {
                    let text = format!(
                        "it stands for election in term {term}, in which it voted for member {other}"
                    );
                    report("VOTE_ONCE", text);
                }
            }
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct MonotonicVote {
    /// The term and the vote that each member has on its disk.
    durable: BTreeMap<MemberId, (u64, Vote)>,
}

impl Property for MonotonicVote {
    fn look(&mut self, seen: &Observation, _known: &Known, report: &mut Report<'_>) {
        let now = match &seen.fact {
            Fact::Started { term, vote: Some(vote), .. } => (*term, *vote),
            Fact::Voted { term, candidate } => {
                (*term, Vote { candidate: *candidate, is_committed: false })
            }
            Fact::Acknowledged { term, leader } => {
                (*term, Vote { candidate: *leader, is_committed: true })
            }
            Fact::Damaged => {
                self.durable.remove(&seen.member);
                return;
            }
            _ => return,
        };
        if let Some(before) = self.durable.insert(seen.member, now)
            && !follows(before, now)
        {
            let text = format!("its vote went back from {} to {}", words(before), words(now));
            report("MONOTONIC_VOTE", text);
        }
    }
}

/// Whether a disk that holds the one vote may hold the other later.
fn follows((term, vote): (u64, Vote), (new_term, new_vote): (u64, Vote)) -> bool {
    match (vote.is_committed, new_vote.is_committed) {
        _ if new_term != term => new_term > term,
        // Whom the others elect leads, whomever this member voted for.
        (false, true) => true,
        (true, false) => false,
        (false, false) | (true, true) => new_vote.candidate == vote.candidate,
    }
}

fn words((term, vote): (u64, Vote)) -> String {
    match vote.is_committed {
        true => format!("member {} as the leader of term {term}", vote.candidate),
        false => format!("member {} in term {term}", vote.candidate),
    }
}
