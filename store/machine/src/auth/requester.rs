//! Who asks.

/// Who asks for a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Requester {
    /// A client that gave no credentials.
    #[default]
    Anonymous,
    /// A client that was authenticated.
    User {
        /// Its name.
        name: String,
        /// The auth revision at which its credentials were looked at; what was permitted then may
        /// not be permitted now.
        auth_revision: u64,
    },
    /// The cluster itself, which does what it has promised: publishes a member, ends a lease,
    /// compacts from time to time. Never a client.
    Member,
}
