//! Users, roles, and what they permit.
//!
//! All of it is replicated, and all that depends on it is decided here: a command carries who asks
//! for it ([`Requester`]), and [`Machine::apply`](crate::Machine::apply) refuses it on every member
//! alike. Must never know: passwords (only their hashes arrive, and are never looked into), tokens.

mod change;
mod command;
mod encoding;
mod guard;
mod permission;
mod permits;
mod rejection;
mod requester;

use std::collections::BTreeMap;

use bytes::Bytes;

pub use self::command::AuthCommand;
pub(crate) use self::encoding::{decode_auth, decode_role, decode_user};
pub(crate) use self::encoding::{encode_auth, encode_role, encode_user};
pub use self::permission::{Permission, PermissionKind};
use self::permits::Permits;
pub use self::rejection::AuthRejection;
pub use self::requester::Requester;

/// The user that must exist before authentication is enabled, and as long as it is.
const ROOT_USER: &str = "root";
/// Who has this role may do anything.
const ROOT_ROLE: &str = "root";
/// Revision of an auth state that nothing was changed in.
const REVISION_FIRST: u64 = 1;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    /// The hash of the password, as it was proposed.
    pub password: Bytes,
    /// The user can be known only by certificate.
    pub no_password: bool,
    /// Names of its roles, in order.
    pub roles: Vec<String>,
}

impl User {
    fn is_root(&self) -> bool {
        self.roles.binary_search_by(|role| role.as_str().cmp(ROOT_ROLE)).is_ok()
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Role {
    /// What it permits, in the order of the keys.
    pub permissions: Vec<Permission>,
}

/// The state. See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    enabled: bool,
    revision: u64,
    users: BTreeMap<String, User>,
    roles: BTreeMap<String, Role>,
    /// By user: what its roles permit together. Follows from the rest.
    permits: BTreeMap<String, Permits>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            enabled: false,
            revision: REVISION_FIRST,
            users: BTreeMap::new(),
            roles: BTreeMap::new(),
            permits: BTreeMap::new(),
        }
    }
}

impl Auth {
    /// Whether requests are checked at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Grows with every change of users, roles and permissions (G81).
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The users by name.
    #[must_use]
    pub fn users(&self) -> &BTreeMap<String, User> {
        &self.users
    }

    /// The roles by name.
    #[must_use]
    pub fn roles(&self) -> &BTreeMap<String, Role> {
        &self.roles
    }

    pub(crate) fn restore_state(&mut self, enabled: bool, revision: u64) {
        (self.enabled, self.revision) = (enabled, revision);
    }

    pub(crate) fn restore_user(&mut self, name: String, user: User) {
        self.users.insert(name, user);
    }

    pub(crate) fn restore_role(&mut self, name: String, role: Role) {
        self.roles.insert(name, role);
    }

    /// To be called once everything was restored.
    pub(crate) fn restored(mut self) -> Self {
        let names: Vec<String> = self.users.keys().cloned().collect();
        for name in names {
            self.combine(&name);
        }
        self
    }

    /// Computes anew what the roles of a user permit together.
    fn combine(&mut self, name: &str) {
        match self.users.get(name) {
            Some(user) => {
                let roles = user.roles.iter().filter_map(|role| self.roles.get(role));
                let permissions = roles.flat_map(|role| &role.permissions);
                self.permits.insert(name.to_owned(), Permits::of(permissions));
            }
            None => {
                self.permits.remove(name);
            }
        }
    }
}
