//! What operators ask of a member: hashes, alarms, and whether there is room.

use detcd_machine::{Alarm, AlarmCommand, AlarmKind, Command, Requester};

use super::{RangeError, Replica, Unavailable};
use crate::runtime::Runtime;
use crate::state::HashAnswer;
use crate::storage;

/// etcd's default quota of the database.
const DEFAULT_QUOTA_BYTES: i64 = 2 << 30;

impl<R: Runtime> Replica<R> {
    /// The hash of the local key space at `revision`; 0 is the current one (G74).
    pub async fn hash_at(&self, revision: i64) -> Result<HashAnswer, RangeError> {
        Ok(self.inner.state.hash_at(revision).await?)
    }

    /// A hash of everything ever applied, equal on all members at equal applied index (G75).
    pub fn hash(&self) -> u32 {
        let digest = self.inner.state.with_machine(|machine| machine.digest());
        crc32c::crc32c(&digest.to_be_bytes())
    }

    /// Gives the space that the local database does not use back to the file system (G73). The member goes
    /// on serving meanwhile.
    pub async fn defragment(&self) -> Result<(), storage::Error> {
        self.inner.state.storage().defragment().await
    }

    /// The active alarms, as known here.
    pub fn alarms(&self) -> Vec<Alarm> {
        self.inner.state.with_machine(|machine| machine.alarms().collect())
    }

    /// Largest size of the database; negative for no limit.
    pub(super) fn quota(&self) -> i64 {
        match self.inner.config.quota_backend_bytes {
            0 => DEFAULT_QUOTA_BYTES,
            quota => quota,
        }
    }

    /// Whether the database has room for so many bytes more. If not, the cluster is told by an alarm
    /// before this returns (G72).
    ///
    /// What counts is what is stored, not the length of the file: pages that became free are used again.
    pub async fn has_room(&self, bytes: u64) -> bool {
        let Ok(quota) = u64::try_from(self.quota()) else { return true };
        if bytes == 0 || self.inner.state.storage().used_bytes().saturating_add(bytes) < quota {
            return true;
        }
        let alarm = Alarm { kind: AlarmKind::NoSpace, member: self.inner.member_id };
        let told =
            self.propose(Requester::Member, Command::Alarm(AlarmCommand::Activate(alarm))).await;
        if let Err(error @ (Unavailable::TooManyRequests | Unavailable::Stopped)) = told {
            tracing::warn!(%error, "the alarm for space was not raised");
        }
        false
    }
}
