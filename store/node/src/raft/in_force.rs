//! Which membership a member counts quorums by: the last in its log, committed or not.

use openraft::EntryPayload;

use super::{Entry, LogId, StoredMembership};
use crate::observer::Observation;
use crate::runtime::Runtime;

/// Memberships that are remembered. A tail that is cut holds one that is not committed at most, because
/// the next is proposed only after the one before was committed.
const REMEMBERED_MAX: usize = 4;

/// The last memberships of a log, in the order of their entries.
#[derive(Debug, Default)]
pub(super) struct InForce {
    stored: Vec<StoredMembership>,
}

impl InForce {
    /// Begins with what a restart finds: the last that is committed, and what is in force.
    pub(super) fn begin(
        &mut self,
        committed: StoredMembership,
        stored: StoredMembership,
    ) -> Observation {
        let observation = observation(&stored);
        self.stored = vec![committed, stored];
        self.stored.dedup();
        observation
    }

    /// Takes what a snapshot brings, which is committed. An entry that lies behind the snapshot stays in force.
    pub(super) fn install(&mut self, snapshot: StoredMembership) -> Observation {
        self.stored.retain(|stored| stored.log_id() > snapshot.log_id());
        self.stored.insert(0, snapshot);
        observation(self.stored.last().expect("one was put in"))
    }

    /// Takes the next entry of the log.
    pub(super) fn append<R: Runtime>(&mut self, entry: &Entry<R>) -> Option<Observation> {
        let EntryPayload::Membership(membership) = &entry.payload else { return None };
        let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
        let observation = observation(&stored);
        if self.stored.len() == REMEMBERED_MAX {
            self.stored.remove(0);
        }
        self.stored.push(stored);
        Some(observation)
    }

    /// What was in force before is again, where a tail that is cut held another.
    pub(super) fn truncate(&mut self, last: Option<LogId>) -> Option<Observation> {
        let before = self.stored.len();
        self.stored.retain(|stored| *stored.log_id() <= last);
        let changed = self.stored.len() < before;
        self.stored.last().filter(|_| changed).map(observation)
    }
}

fn observation(stored: &StoredMembership) -> Observation {
    let membership = stored.membership();
    let voters = membership.get_joint_config().iter();
    Observation::Membership {
        index: stored.log_id().as_ref().map_or(0, |id| id.index),
        voters: voters.map(|set| set.iter().copied().collect()).collect(),
        learners: membership.learner_ids().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use openraft::vote::leader_id_std::CommittedLeaderId;

    use super::super::{MemberNode, Membership};
    use super::*;

    fn stored(index: u64, sets: &[&[u64]]) -> StoredMembership {
        let sets: Vec<BTreeSet<u64>> =
            sets.iter().map(|set| set.iter().copied().collect()).collect();
        let nodes: BTreeMap<u64, MemberNode> =
            sets.iter().flatten().map(|id| (*id, MemberNode::default())).collect();
        let membership = Membership::new(sets, nodes).expect("every voter has a node");
        StoredMembership::new(Some(log_id(index)), membership)
    }

    fn log_id(index: u64) -> LogId {
        LogId::new(CommittedLeaderId::new(1), index)
    }

    fn told(observation: &Observation) -> (u64, Vec<Vec<u64>>) {
        match observation {
            Observation::Membership { index, voters, .. } => (*index, voters.clone()),
            other => panic!("not a membership: {other:?}"),
        }
    }

    #[test]
    fn what_was_committed_is_in_force_again_when_a_restart_found_more_that_is_cut() {
        let mut in_force = InForce::default();
        let begun = in_force.begin(stored(3, &[&[1, 2, 3]]), stored(7, &[&[1, 2, 3], &[1, 2]]));
        assert_eq!(told(&begun), (7, vec![vec![1, 2, 3], vec![1, 2]]));
        let cut = in_force.truncate(Some(log_id(5))).expect("another is in force");
        assert_eq!(told(&cut), (3, vec![vec![1, 2, 3]]));
    }

    #[test]
    fn what_lies_behind_a_snapshot_stays_in_force() {
        let mut in_force = InForce::default();
        in_force.begin(stored(3, &[&[1, 2, 3]]), stored(7, &[&[1, 2, 3, 4]]));
        assert_eq!(told(&in_force.install(stored(3, &[&[1, 2, 3]]))).0, 7);
        assert_eq!(told(&in_force.install(stored(9, &[&[1, 2]]))), (9, vec![vec![1, 2]]));
    }
}
