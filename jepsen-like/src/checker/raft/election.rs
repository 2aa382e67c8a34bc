//! Elections: "at most one leader can be elected in a given term" (election safety) and "if a log entry is
//! committed in a given term, then that entry will be present in the logs of the leaders for all
//! higher-numbered terms" (leader completeness; Raft paper, figure 3).
//! While the membership changes, a candidate needs "separate majorities from both the old and new
//! configurations", and uses the newest configuration in its log, committed or not (dissertation, 4.3). One that this
//! configuration lets go "might still be needed until the C_new entry is committed" (4.2.2): it leads without a vote
//! of its own, and not after it knows that.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{Configuration, Known, Member};
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation, Role};

#[derive(Debug, Default)]
pub(super) struct Elections {
    leaders: BTreeMap<u64, MemberId>,
    /// Who voted for whom, by term.
    votes: BTreeMap<u64, BTreeSet<(MemberId, MemberId)>>,
    /// Members that tell of their votes.
    telling: BTreeSet<MemberId>,
    /// The term of each committed index, and who told first.
    committed: BTreeMap<u64, (u64, MemberId)>,
}

impl Property for Elections {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        match &seen.fact {
            Fact::Voted { term, candidate } => {
                self.telling.insert(seen.member);
                self.votes.entry(*term).or_default().insert((seen.member, *candidate));
            }
            Fact::Committed { last } => {
                self.committed.entry(last.index).or_insert((last.term, seen.member));
            }
            Fact::Role { role: Role::Leader, term } => {
                let leader = known.of(seen.member);
                self.one_leader(seen.member, *term, report);
                self.quorum(seen.member, *term, leader, report);
                self.completeness(*term, leader, report);
            }
            _ => {}
        }
    }
}

impl Elections {
    fn one_leader(&mut self, id: MemberId, term: u64, report: &mut Report<'_>) {
        let leader = *self.leaders.entry(term).or_insert(id);
        if leader != id {
            let text = format!("it leads term {term}, which member {leader} leads too");
            report("ELECTION_SAFETY", text);
        }
    }

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

    fn completeness(&self, term: u64, leader: &Member, report: &mut Report<'_>) {
        let earlier = self.committed.iter().rev().find(|(_, (entry, _))| *entry < term);
        if let (Some((&index, &(entry, by))), Some(last)) = (earlier, leader.last)
            && last.index < index
        {
            let text = format!(
                "it leads term {term} with a log that ends at index {}, but member {by} knew index \
                 {index} of term {entry} as committed",
                last.index
            );
            report("LEADER_COMPLETENESS", text);
        }
    }
}
