//! Whether a requester may have what it asks for.

use bytes::Bytes;

use super::permits::Permits;
use super::{Auth, AuthCommand, AuthRejection, Requester};
use crate::command::{Command, DeleteRange, Put, Range, Txn, TxnOp};
use crate::machine::Machine;

type Checked = Result<(), AuthRejection>;

impl Auth {
    /// Whether the requester may read the range. Its bytes are those of the request: what an empty
    /// `range_end` means is decided here and nowhere before.
    pub fn check_read(&self, requester: &Requester, key: &Bytes, range_end: &Bytes) -> Checked {
        self.check_keys(requester, |permits| permits.read(key, range_end))
    }

    /// Whether the requester may write the range.
    pub fn check_write(&self, requester: &Requester, key: &Bytes, range_end: &Bytes) -> Checked {
        self.check_keys(requester, |permits| permits.write(key, range_end))
    }

    /// What only root may do (G85). Whatever its auth revision: its right is that of now.
    pub fn check_admin(&self, requester: &Requester) -> Checked {
        if !self.enabled {
            return Ok(());
        }
        match requester {
            Requester::Member => Ok(()),
            Requester::User { name, .. } if !name.is_empty() => {
                match self.users.get(name).ok_or(AuthRejection::UserNotFound)?.is_root() {
                    true => Ok(()),
                    false => Err(AuthRejection::PermissionDenied),
                }
            }
            Requester::Anonymous | Requester::User { .. } => Err(AuthRejection::UserEmpty),
        }
    }

    /// What everybody may do who is known.
    pub fn check_known(&self, requester: &Requester) -> Checked {
        match requester {
            Requester::Anonymous if self.enabled => Err(AuthRejection::UserEmpty),
            Requester::Anonymous | Requester::User { .. } | Requester::Member => Ok(()),
        }
    }

    /// Whether the requester may see the user: root, or the user itself. Who has no name may ask for the user
    /// without a name, whom there never is.
    pub fn check_user_get(&self, requester: &Requester, user: &str) -> Checked {
        match requester {
            Requester::User { name, .. } if name == user => Ok(()),
            Requester::Anonymous if user.is_empty() => Ok(()),
            _ => self.check_admin(requester),
        }
    }

    /// Whether the requester may see the role: root, or who has it.
    pub fn check_role_get(&self, requester: &Requester, role: &str) -> Checked {
        let has_role = match requester {
            Requester::User { name, .. } => self
                .users
                .get(name)
                .is_some_and(|user| user.roles.iter().any(|granted| granted == role)),
            Requester::Anonymous | Requester::Member => false,
        };
        if has_role { Ok(()) } else { self.check_admin(requester) }
    }

    /// Whether what was checked for the requester still holds, to be asked once a read is done: its
    /// answer was made from a state in which it may not be permitted any more.
    pub fn check_unchanged(&self, requester: &Requester) -> Checked {
        match requester {
            Requester::User { auth_revision, .. }
                if *auth_revision != 0 && *auth_revision != self.revision =>
            {
                Err(AuthRejection::AuthOldRevision)
            }
            _ => Ok(()),
        }
    }

    fn check_keys(&self, requester: &Requester, permitted: impl Fn(&Permits) -> bool) -> Checked {
        if !self.enabled {
            return Ok(());
        }
        let (name, auth_revision) = match requester {
            Requester::Member => return Ok(()),
            Requester::Anonymous => return Err(AuthRejection::UserEmpty),
            Requester::User { name, auth_revision } => (name, *auth_revision),
        };
        if auth_revision == 0 {
            return Err(AuthRejection::UserEmpty);
        }
        if auth_revision < self.revision {
            return Err(AuthRejection::AuthOldRevision);
        }
        let user = self.users.get(name).ok_or(AuthRejection::PermissionDenied)?;
        if user.is_root() || self.permits.get(name).is_some_and(permitted) {
            Ok(())
        } else {
            Err(AuthRejection::PermissionDenied)
        }
    }
}

impl Machine {
    /// Whether the requester may have the command applied in this state.
    pub(crate) fn check_permitted(&self, requester: &Requester, command: &Command) -> Checked {
        if !self.auth.enabled {
            return Ok(());
        }
        match command {
            Command::Put(put) => self.check_put_permitted(requester, put),
            Command::DeleteRange(delete) => self.check_delete_permitted(requester, delete),
            Command::Txn(txn) => self.check_txn_permitted(requester, txn),
            Command::Compact(_) => self.auth.check_admin(requester),
            // Only members propose it.
            Command::SetMember(_) => Ok(()),
            // The password was looked at before.
            Command::Auth(AuthCommand::Authenticate { .. }) => Ok(()),
            Command::Lease(command) => self.check_lease_permitted(requester, command),
            Command::Auth(_) | Command::Alarm(_) | Command::Cluster(_) => {
                self.auth.check_admin(requester)
            }
        }
    }

    /// Whether the requester may read the range in this state.
    pub fn check_range_permitted(&self, requester: &Requester, range: &Range) -> Checked {
        self.auth.check_read(requester, &range.key, &range.range_end)
    }

    /// Whether the requester may have the transaction, whichever branch it takes (G84).
    pub fn check_txn_permitted(&self, requester: &Requester, txn: &Txn) -> Checked {
        for compare in &txn.compare {
            self.auth.check_read(requester, &compare.key, &compare.range_end)?;
        }
        for op in txn.success.iter().chain(&txn.failure) {
            match op {
                TxnOp::Range(range) => self.check_range_permitted(requester, range)?,
                TxnOp::Put(put) => self.check_put_permitted(requester, put)?,
                TxnOp::DeleteRange(delete) => self.check_delete_permitted(requester, delete)?,
                TxnOp::Txn(nested) => self.check_txn_permitted(requester, nested)?,
            }
        }
        Ok(())
    }

    fn check_put_permitted(&self, requester: &Requester, put: &Put) -> Checked {
        let one = Bytes::new();
        self.auth.check_write(requester, &put.key, &one)?;
        self.check_lease_keys_writable(requester, put.lease)?;
        if put.prev_kv {
            self.auth.check_read(requester, &put.key, &one)?;
        }
        Ok(())
    }

    fn check_delete_permitted(&self, requester: &Requester, delete: &DeleteRange) -> Checked {
        self.auth.check_write(requester, &delete.key, &delete.range_end)?;
        if delete.prev_kv {
            self.auth.check_read(requester, &delete.key, &delete.range_end)?;
        }
        Ok(())
    }
}
