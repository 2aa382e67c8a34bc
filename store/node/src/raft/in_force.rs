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
    /// Begins with what a restart finds, or a snapshot brings: the last that is committed, and what is in force.
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
