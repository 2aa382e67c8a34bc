//! What each command about leases does to the state.

use bytes::Bytes;

use super::{Lease, LeaseCheckpoint, LeaseCommand, LeaseGrant, LeaseOutcome, encode_lease};
use crate::command::DeleteRange;
use crate::machine::Machine;
use crate::outcome::{Applied, Change, MetaKey, Outcome, Rejection};
use crate::row::Rows;

impl Machine {
    pub(crate) fn apply_lease(&mut self, command: &LeaseCommand, rows: &dyn Rows) -> Applied {
        match command {
            LeaseCommand::Grant(grant) => self.grant_lease(*grant),
            LeaseCommand::Revoke { id } => self.revoke_lease(*id, rows),
            LeaseCommand::Checkpoint(checkpoints) => self.checkpoint_leases(checkpoints),
        }
    }

    /// G54.
    fn grant_lease(&mut self, grant: LeaseGrant) -> Applied {
        let LeaseGrant { id, ttl } = grant;
        assert!(id != 0, "0 is no lease");
        if self.leases().get(id).is_some() {
            return self.rejected(Rejection::LeaseExists);
        }
        let lease = Lease::new(ttl, 0);
        let changes = vec![kept(id, &lease)];
        self.digest_mut().lease_granted(id, ttl);
        self.leases_mut().insert(id, lease);
        self.applied(Outcome::Lease(LeaseOutcome::Granted(grant)), Vec::new(), changes)
    }

    /// G55: all keys go in one revision, in their order; without keys there is none.
    fn revoke_lease(&mut self, id: i64, rows: &dyn Rows) -> Applied {
        let Some(lease) = self.leases().get(id) else {
            return self.rejected(Rejection::LeaseNotFound);
        };
        let keys: Vec<Bytes> = lease.keys().cloned().collect();
        let mut write = self.write(rows);
        for key in keys {
            write.delete_range(&DeleteRange { key, ..DeleteRange::default() });
        }
        let mut effects = write.into_effects();
        self.leases_mut().remove(id);
        self.digest_mut().lease_revoked(id);
        effects.others.push(Change::RemoveMeta { key: MetaKey::Lease(id) });
        self.written(Outcome::Lease(LeaseOutcome::Revoked { id }), effects)
    }

    /// What is said of leases that are gone meanwhile is passed over.
    fn checkpoint_leases(&mut self, checkpoints: &[LeaseCheckpoint]) -> Applied {
        let mut changes = Vec::new();
        for LeaseCheckpoint { id, remaining_ttl } in checkpoints {
            let Some(lease) = self.leases_mut().get_mut(*id) else { continue };
            if lease.remaining_ttl == *remaining_ttl {
                continue;
            }
            lease.remaining_ttl = *remaining_ttl;
            changes.push(kept(*id, lease));
            self.digest_mut().lease_checkpointed(*id, *remaining_ttl);
        }
        self.applied(Outcome::Lease(LeaseOutcome::Checkpointed), Vec::new(), changes)
    }
}

fn kept(id: i64, lease: &Lease) -> Change {
    Change::SetMeta { key: MetaKey::Lease(id), value: encode_lease(lease) }
}
