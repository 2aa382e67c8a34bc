//! Who may do what with a lease, as its keys say (G84).

use bytes::Bytes;

use super::LeaseCommand;
use crate::auth::{AuthRejection, Requester};
use crate::machine::Machine;

impl Machine {
    /// Whoever may write all keys of a lease may end it; anybody may have one.
    pub(crate) fn check_lease_permitted(
        &self,
        requester: &Requester,
        command: &LeaseCommand,
    ) -> Result<(), AuthRejection> {
        match command {
            LeaseCommand::Grant(_) | LeaseCommand::Checkpoint(_) => Ok(()),
            LeaseCommand::Revoke { id } => self.check_lease_keys_writable(requester, *id),
        }
    }

    /// Who attaches a key takes part in when the others are deleted, so they have to be theirs to write.
    pub fn check_lease_keys_writable(
        &self,
        requester: &Requester,
        lease: i64,
    ) -> Result<(), AuthRejection> {
        // Root's right is that of now, whatever its auth revision.
        if self.auth().check_admin(requester).is_ok() {
            return Ok(());
        }
        let Some(lease) = self.leases().get(lease) else { return Ok(()) };
        lease.keys().try_for_each(|key| self.auth().check_write(requester, key, &Bytes::new()))
    }

    /// Whoever lists leases may read the keys of all of them.
    pub fn check_leases_readable(&self, requester: &Requester) -> Result<(), AuthRejection> {
        if self.auth().check_admin(requester).is_ok() {
            return Ok(());
        }
        let keys = self.leases().iter().flat_map(|(_, lease)| lease.keys());
        keys.into_iter().try_for_each(|key| self.auth().check_read(requester, key, &Bytes::new()))
    }
}
