//! Leases: what clients ask of them, what they are answered, and what the log says of them.

use serde::{Deserialize, Serialize};

use super::{Blob, Header, Micros, request::is_default};

/// A lease by the store's id.
pub type LeaseId = i64;

/// One request of the lease service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseRequest {
    /// Makes a lease.
    Grant {
        /// Its id; 0 if the store chooses.
        id: LeaseId,
        /// Seconds that it lives without being kept alive.
        ttl: i64,
    },
    /// Ends a lease, and with it its keys.
    Revoke {
        /// Which.
        id: LeaseId,
    },
    /// Gives a lease its whole time again.
    KeepAlive {
        /// Which.
        id: LeaseId,
    },
    /// Asks how long a lease still lives.
    TimeToLive {
        /// Which.
        id: LeaseId,
        /// Whether its keys are asked for.
        #[serde(default, skip_serializing_if = "is_default")]
        keys: bool,
    },
    /// Asks which leases there are.
    List,
}

/// The answer to a [`LeaseRequest`] of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseResponse {
    /// To a grant.
    Grant {
        /// Head.
        header: Header,
        /// The lease.
        id: LeaseId,
        /// Seconds that it lives, which may be more than was asked for.
        ttl: i64,
    },
    /// To a revocation.
    Revoke {
        /// Head.
        header: Header,
    },
    /// To a renewal.
    KeepAlive {
        /// Head, from before the renewal.
        header: Header,
        /// The lease.
        id: LeaseId,
        /// Seconds that it has again; 0 if it is gone.
        ttl: i64,
    },
    /// To a question for its time.
    TimeToLive {
        /// Head.
        header: Header,
        /// The lease.
        id: LeaseId,
        /// Whole seconds left; -1 if it is gone.
        ttl: i64,
        /// Seconds that it was granted for.
        granted_ttl: i64,
        /// Its keys.
        #[serde(default, skip_serializing_if = "is_default")]
        keys: Vec<Blob>,
    },
    /// To a question for all of them.
    List {
        /// Head.
        header: Header,
        /// Their ids.
        leases: Vec<LeaseId>,
    },
}

impl LeaseResponse {
    /// The head.
    pub fn header(&self) -> &Header {
        match self {
            Self::Grant { header, .. }
            | Self::Revoke { header }
            | Self::KeepAlive { header, .. }
            | Self::TimeToLive { header, .. }
            | Self::List { header, .. } => header,
        }
    }
}

/// An entry of the log is about a lease; only where the run can look inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaseLine {
    /// When the first member applied it.
    pub time: Micros,
    /// The entry's index.
    pub index: u64,
    /// The store's revision after it.
    pub revision: i64,
    /// The lease.
    pub lease: LeaseId,
    /// What it does, unless the state forbids it.
    pub change: LeaseChange,
}

/// See [`LeaseLine`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseChange {
    /// There is such a lease from now on.
    Granted,
    /// It ends because a client wants it.
    Revoked,
    /// It ends because its time is over.
    Expired,
}
