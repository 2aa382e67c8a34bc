//! What can be done with leases, and what comes of it.

/// A command about leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseCommand {
    /// Makes a lease.
    Grant(LeaseGrant),
    /// Ends a lease and deletes the keys attached to it.
    Revoke {
        /// The lease.
        id: i64,
    },
    /// Keeps how much of some leases is left, so that a new leader does not start them anew.
    Checkpoint(Vec<LeaseCheckpoint>),
}

/// Makes a lease. The proposer has chosen the id and raised the TTL to the least that is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeaseGrant {
    /// Its id; never 0.
    pub id: i64,
    /// Seconds that it lives without being kept alive.
    pub ttl: i64,
}

/// How much of a lease was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeaseCheckpoint {
    /// The lease.
    pub id: i64,
    /// Seconds that were left; 0 for all of them.
    pub remaining_ttl: i64,
}

/// What a command about leases did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// Of [`LeaseCommand::Grant`].
    Granted(LeaseGrant),
    /// Of [`LeaseCommand::Revoke`].
    Revoked {
        /// The lease that is gone.
        id: i64,
    },
    /// Of [`LeaseCommand::Checkpoint`].
    Checkpointed,
}
