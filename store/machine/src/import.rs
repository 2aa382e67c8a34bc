//! Named values of a state that comes from elsewhere, such as a snapshot file of etcd.

use bytes::Bytes;

use crate::alarm::{Alarm, Alarms};
use crate::auth::{Role, User, encode_auth, encode_role, encode_user};
use crate::encoding::{encode_digest, encode_revision};
use crate::lease::{Lease, encode_lease};
use crate::outcome::MetaKey;

/// A state without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Import {
    /// The current revision.
    pub revision: i64,
    /// The revision up to which the history was given up.
    pub compacted: Option<i64>,
    /// Anything that tells this state from others.
    pub digest: u64,
    /// Whether authentication is enabled, and the auth revision.
    pub auth: (bool, u64),
    /// The users by name.
    pub users: Vec<(String, User)>,
    /// The roles by name.
    pub roles: Vec<(String, Role)>,
    /// The active alarms.
    pub alarms: Vec<Alarm>,
    /// Leases by id: seconds that they were granted for, and seconds left; 0 for all of them.
    pub leases: Vec<(i64, i64, i64)>,
}

impl Import {
    /// What has to be kept by name, beside the rows, for a [`Restorer`](crate::Restorer).
    #[must_use]
    pub fn into_meta(self) -> Vec<(MetaKey, Bytes)> {
        let mut meta = vec![
            (MetaKey::Revision, encode_revision(self.revision)),
            (MetaKey::Digest, encode_digest(self.digest)),
            (MetaKey::Auth, encode_auth(self.auth.0, self.auth.1)),
        ];
        meta.extend(self.compacted.map(|revision| (MetaKey::Compacted, encode_revision(revision))));
        let users = self.users.into_iter();
        meta.extend(users.map(|(name, user)| (MetaKey::AuthUser(name), encode_user(&user))));
        let roles = self.roles.into_iter();
        meta.extend(roles.map(|(name, role)| (MetaKey::AuthRole(name), encode_role(&role))));
        let leases = self.leases.into_iter();
        meta.extend(leases.map(|(id, ttl, remaining_ttl)| {
            (MetaKey::Lease(id), encode_lease(&Lease::new(ttl, remaining_ttl)))
        }));
        if !self.alarms.is_empty() {
            meta.push((MetaKey::Alarms, self.alarms.into_iter().collect::<Alarms>().encode()));
        }
        meta
    }
}
