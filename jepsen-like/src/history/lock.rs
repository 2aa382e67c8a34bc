//! Locks: what clients ask of the lock service, and what they are answered.
//!
//! The service writes and deletes keys of its own, so one operation may make several revisions, none of
//! which its answer names.

use serde::{Deserialize, Serialize};

use super::{Blob, Header, LeaseId};

/// One request of the lock service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockRequest {
    /// Waits for a lock, and takes it.
    Lock {
        /// Which.
        name: Blob,
        /// For as long as this lease lives. Each is used for one request.
        lease: LeaseId,
    },
    /// Gives a lock back.
    Unlock {
        /// The key that says whose it is.
        key: Blob,
    },
}

/// The answer to a [`LockRequest`] of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockResponse {
    /// The lock is taken.
    Lock {
        /// Head: at this revision it is owned.
        header: Header,
        /// Exists for as long as it is owned.
        key: Blob,
    },
    /// It is given back.
    Unlock {
        /// Head.
        header: Header,
    },
}

impl LockResponse {
    /// The head.
    pub fn header(&self) -> &Header {
        match self {
            Self::Lock { header, .. } | Self::Unlock { header } => header,
        }
    }
}

/// Everything below the name of a lock.
pub fn lock_prefix(name: &Blob) -> Blob {
    Blob::from([name.as_bytes(), b"/"].concat())
}

/// The key by which a lease owns a lock, or waits for it (G91).
pub fn lock_key(name: &Blob, lease: LeaseId) -> Blob {
    Blob::from([name.as_bytes(), format!("/{lease:x}").as_bytes()].concat())
}
