//! Members that come and go, in the words of scenarios.

use detcd_node::observer::Observation;
use sim::cluster::{Cluster, Newcomer};

use super::members::{Members, Place};
use crate::workload::Endpoints;

impl Members {
    /// Everything about the members that needs no words of scenarios.
    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whom clients ask.
    pub(super) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The numbers of all that are, were, or were to be.
    pub(super) fn everyone(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.cluster.size()
    }

    /// The members that can be asked to serve: those that are here, know of no removal, and have a disk that is
    /// well.
    pub(super) fn serving(&self) -> Vec<usize> {
        let serves = |member: &usize| {
            !self.is_lost(*member) && !self.is_damaged(*member) && !self.status(*member).is_removed
        };
        self.all().filter(serves).collect()
    }

    /// Those without a vote, as far as the operator knows.
    pub(super) fn learners(&self) -> Vec<usize> {
        self.lock().learners.iter().copied().collect()
    }

    pub(super) fn is_learner(&self, member: usize) -> bool {
        self.lock().learners.contains(&member)
    }

    pub(super) fn set_learner(&self, member: usize, is_learner: bool) {
        let mut state = self.lock();
        if is_learner {
            state.learners.insert(member);
        } else {
            state.learners.remove(&member);
        }
    }

    /// The id of a member that has joined.
    pub(super) fn id(&self, member: usize) -> Option<u64> {
        self.cluster.id(member)
    }

    /// The number of the member with an id.
    pub(super) fn number(&self, id: u64) -> Option<usize> {
        self.cluster.member(id)
    }

    /// A machine for a member that is to be.
    pub(super) fn newcomer(&self) -> Newcomer {
        self.cluster.newcomer()
    }

    /// A member that is to be, where another is that will have gone by then.
    pub(super) fn successor(&self, member: usize) -> Newcomer {
        self.cluster.successor(member)
    }

    /// Takes note of where all members are.
    pub(super) fn note_members(&self, peer_urls: Vec<Vec<String>>) {
        self.cluster.note_members(peer_urls);
    }

    /// The cluster has taken a newcomer in, and it starts.
    pub(super) fn join(&self, newcomer: &Newcomer, id: u64) {
        let member = newcomer.member;
        self.cluster.join(newcomer, id);
        self.endpoints.add(member);
        self.note(&format!("{member} joins"));
    }

    /// Whether a quorum of the voters would be left with a disk, and a log on it, if this member lost its own.
    pub(super) fn can_spare(&self, member: usize) -> bool {
        let Some(leader) = self.leader() else { return false };
        let records = self.records();
        let newest =
            records.iter().rev().filter(|record| record.member == leader).find_map(|it| match &it
                .observation
            {
                Observation::Membership { voters, .. } => Some(voters),
                _ => None,
            });
        let number = |id: &u64| self.number(*id).unwrap_or_default();
        newest.is_some_and(|sets| {
            !sets.is_empty() && sets.iter().all(|set| self.is_held(set.iter().map(number), member))
        })
    }

    /// Whether a quorum of those who are left would have a disk, and a log on it, if this member were removed, by every
    /// membership that may be in force.
    pub(super) fn can_let_go(&self, member: usize) -> bool {
        self.told_memberships().iter().flat_map(|told| &told.voters).all(|set| {
            let left = set.iter().copied().filter(|voter| *voter != member);
            set.len() <= 1 || self.is_held(left, member)
        })
    }

    /// Whether more than half of these voters have what they had; a member that is left aside has not.
    fn is_held(&self, voters: impl Iterator<Item = usize> + Clone, without: usize) -> bool {
        let is_kept = |voter: &usize| {
            *voter > 0 && *voter != without && !self.is_lost(*voter) && !self.is_damaged(*voter)
        };
        voters.clone().filter(is_kept).count() > voters.count() / 2
    }

    /// The machine of a member breaks, and its disk with it.
    pub(super) fn lose_disk(&self, member: usize) {
        if !self.cluster.is_here(member) {
            return;
        }
        self.resume(member);
        if self.is_up(member) {
            self.lock().crashes += 1;
        }
        self.cluster.lose_disk(member);
        self.lock().lost.insert(member);
        self.begin(Place::Process, Some(member), "disk lost".to_owned());
        // Whoever starts it again is told that it must not begin anew.
        self.may_stop(member, Some(self.forever()));
    }

    /// The cluster has removed a member, and nothing is expected of it any more.
    pub(super) fn retire(&self, member: usize) {
        if self.cluster.is_here(member) {
            self.resume(member);
            self.cluster.retire(member);
            self.endpoints.remove(member);
            self.set_learner(member, false);
            self.finish(Place::Process, Some(member));
            self.note(&format!("{member} is gone"));
        }
    }

    /// How many changes of the membership were done.
    pub(super) fn changes(&self) -> u64 {
        self.lock().changes
    }
}
