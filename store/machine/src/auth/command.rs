//! What changes users, roles and permissions.

use bytes::Bytes;

use super::Permission;

/// A change of the auth state, or a request for a token, which changes nothing but is replicated so
/// that every member learns the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthCommand {
    /// From now on requests are checked.
    Enable,
    /// From now on nothing is checked.
    Disable,
    /// A user whose password was found right asks for a token.
    Authenticate {
        /// The user.
        user: String,
        /// The auth revision at which the password was right.
        auth_revision: u64,
        /// The random part of the token, where tokens are random.
        token: String,
    },
    /// Adds a user.
    UserAdd {
        /// Its name.
        user: String,
        /// The hash of its password.
        password: Bytes,
        /// Whether it has none, and can be known only by certificate.
        no_password: bool,
    },
    /// Deletes a user.
    UserDelete {
        /// Its name.
        user: String,
    },
    /// Replaces a password.
    UserChangePassword {
        /// Whose.
        user: String,
        /// The hash of the new one.
        password: Bytes,
    },
    /// Gives a role to a user.
    UserGrantRole {
        /// The user.
        user: String,
        /// The role.
        role: String,
    },
    /// Takes a role from a user.
    UserRevokeRole {
        /// The user.
        user: String,
        /// The role.
        role: String,
    },
    /// Adds a role that permits nothing.
    RoleAdd {
        /// Its name.
        role: String,
    },
    /// Deletes a role, and takes it from all users.
    RoleDelete {
        /// Its name.
        role: String,
    },
    /// Has a role permit something, instead of what it permitted on the same range.
    RoleGrantPermission {
        /// The role.
        role: String,
        /// What; refused without it.
        permission: Option<Permission>,
    },
    /// Takes from a role what it permits on exactly this range.
    RoleRevokePermission {
        /// The role.
        role: String,
        /// First key.
        key: Bytes,
        /// As it was granted.
        range_end: Bytes,
    },
}
