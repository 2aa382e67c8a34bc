//! Elections: a candidate "wins an election if it receives votes from a majority of the servers" (Raft paper,
//! section 5.2). While the membership changes, it needs "separate majorities from both the old and new
//! configurations", and uses the newest configuration in its log, committed or not (dissertation, 4.3). One that this
//! configuration lets go "might still be needed until the C_new entry is committed" (4.2.2): it leads without a vote
//! of its own, and not after it knows that.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{Configuration, Known, Member};
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation, Role};

#[derive(Debug, Default)]
pub(super) struct ElectedByQuorum {
    /// Who voted for whom, by term.
    votes: BTreeMap<u64, BTreeSet<(MemberId, MemberId)>>,
    /// Members that tell of their votes.
    telling: BTreeSet<MemberId>,
}

impl Property for ElectedByQuorum {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        match &seen.fact {
            Fact::Voted { term, candidate } => {
                self.telling.insert(seen.member);
                self.votes.entry(*term).or_default().insert((seen.member, *candidate));
            }
            Fact::Role { role: Role::Leader, term } => {
                self.quorum(seen.member, *term, known.of(seen.member), report);
            }
            _ => {}
        }
    }
}

impl ElectedByQuorum {
    /// A leader tells that it leads a little later than it was elected, so an earlier configuration of
    /// those that are still open will do as well.
    fn quorum(&self, id: MemberId, term: u64, leader: &Member, report: &mut Report<'_>) {
        let open = || leader.configurations.iter().filter(|it| !it.voters.is_empty());
        if open().next().is_none() {
            return;
        }
        let known = leader.applied.unwrap_or(0).max(leader.committed);
        let is_without =
            |it: &Configuration| it.index > known && !it.members().any(|one| one == id);
        let is_learner = open().any(|configuration| configuration.learners.contains(&id));
        // One that starts with the vote of a term that it led leads nobody: it has to be elected anew.
        let may_be_needed = term > leader.started_in && !is_learner && open().any(is_without);
        if !may_be_needed && !open().any(|configuration| configuration.counts(id)) {
            report("ELECTED_BY_QUORUM", format!("it leads term {term} and has no vote itself"));
            return;
        }
        let votes = self.votes.get(&term);
        let voted = |voter: MemberId| {
            let granted = votes.is_some_and(|votes| votes.contains(&(voter, id)));
            granted || !self.telling.contains(&voter)
        };
        if open().all(|configuration| configuration.lacks(voted).is_some())
            && let Some((votes, of)) = open().next_back().and_then(|newest| newest.lacks(voted))
        {
            let text = format!("it leads term {term} with the votes of {votes} of {of} voters");
            report("ELECTED_BY_QUORUM", text);
        }
    }
}
