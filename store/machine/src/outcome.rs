//! What applying a command gives back.

use std::sync::Arc;

use bytes::Bytes;

use crate::alarm::Alarm;
use crate::auth::AuthRejection;
use crate::lease::LeaseOutcome;
use crate::row::{KeyValue, Revision, Row};

/// The result of one applied command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The store's revision afterwards.
    pub revision: i64,
    /// What the proposer is answered; the same on every member.
    pub outcome: Result<Outcome, Rejection>,
    /// The watch events of `revision`, in the order of the changes; empty when nothing changed.
    pub events: Vec<Event>,
    /// What the owner has to keep, atomically with the applied index.
    pub changes: Vec<Change>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of [`Command::Put`](crate::Command::Put).
    Put(PutOutcome),
    /// Of [`Command::DeleteRange`](crate::Command::DeleteRange).
    DeleteRange(DeleteRangeOutcome),
    /// Of a range inside a transaction.
    Range(RangeOutcome),
    /// Of [`Command::Txn`](crate::Command::Txn).
    Txn(TxnOutcome),
    /// Of [`Command::Compact`](crate::Command::Compact).
    Compact,
    /// Of [`Command::SetMember`](crate::Command::SetMember).
    SetMember,
    /// Of [`Command::Auth`](crate::Command::Auth), with the auth revision afterwards.
    Auth(u64),
    /// Of [`Command::Alarm`](crate::Command::Alarm): the alarm, unless one was to be taken back that is not
    /// there.
    Alarm(Option<Alarm>),
    /// Of [`Command::Lease`](crate::Command::Lease).
    Lease(LeaseOutcome),
    /// Of [`Command::Cluster`](crate::Command::Cluster).
    Cluster,
}

/// Of a put.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutOutcome {
    /// The previous key-value, where asked for and there was one.
    pub prev_kv: Option<Arc<KeyValue>>,
}

/// Of a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteRangeOutcome {
    /// How many keys were deleted.
    pub deleted: i64,
    /// The deleted key-values in key order, where asked for.
    pub prev_kvs: Vec<Arc<KeyValue>>,
}

/// Of a range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RangeOutcome {
    /// The key-values, without values where only keys were asked for.
    pub kvs: Vec<Arc<KeyValue>>,
    /// Whether the limit cut the result.
    pub more: bool,
    /// Keys in the range at the revision, whatever the limit and the filters.
    pub count: i64,
}

/// Of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TxnOutcome {
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// One outcome for each operation that was done.
    pub responses: Vec<Outcome>,
}

/// A refusal that every member arrives at alike. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// `ignore_value` or `ignore_lease` on a key that does not exist.
    #[error("key not found")]
    KeyNotFound,
    /// The lease is not known.
    #[error("lease not found")]
    LeaseNotFound,
    /// The revision was compacted.
    #[error("revision compacted")]
    Compacted,
    /// The revision is not reached yet.
    #[error("future revision")]
    FutureRevision,
    /// Not permitted, or no possible change of users, roles and permissions.
    #[error(transparent)]
    Auth(#[from] AuthRejection),
    /// The database of a member is as large as it may be.
    #[error("database space exceeded")]
    NoSpace,
    /// The members do not agree.
    #[error("corrupt cluster")]
    Corrupt,
    /// A lease with this id was granted before.
    #[error("lease already exists")]
    LeaseExists,
    /// Nobody has found out yet which version the cluster speaks.
    #[error("cluster version unavailable")]
    ClusterVersionUnavailable,
    /// The version is not the one before the cluster's.
    #[error("invalid downgrade target version")]
    InvalidDowngradeTarget,
    /// A downgrade goes on already.
    #[error("downgrade in process")]
    DowngradeInProcess,
}

/// A change as watchers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Put or delete.
    pub kind: EventKind,
    /// The key-value after a put; only key and `mod_revision` for a delete.
    pub kv: Arc<KeyValue>,
    /// Where the key-value is stored that the key had before the whole request, if this is not its
    /// creation.
    pub prev: Option<Revision>,
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The key was put.
    Put,
    /// The key was deleted.
    Delete,
}

/// Something to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new row of the history.
    Put {
        /// Its place.
        revision: Revision,
        /// Its content.
        row: Row,
    },
    /// A row that compaction removes.
    Remove {
        /// Its place.
        revision: Revision,
    },
    /// A named value, replacing an older one.
    SetMeta {
        /// Its name.
        key: MetaKey,
        /// Its value, encoded by the machine.
        value: Bytes,
    },
    /// A named value that is not needed any more.
    RemoveMeta {
        /// Its name.
        key: MetaKey,
    },
}

/// Names of the machine's state besides rows. The encoding of the values is the machine's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum MetaKey {
    /// The current revision.
    Revision,
    /// The revision up to which the history was given up.
    Compacted,
    /// The revision up to which compaction has removed rows.
    CompactionDone,
    /// The rolling digest of everything applied.
    Digest,
    /// The attributes of one member.
    Member(u64),
    /// Whether authentication is enabled, and the auth revision.
    Auth,
    /// The user of that name.
    AuthUser(String),
    /// The role of that name.
    AuthRole(String),
    /// Hashes of what was there before the newest compactions.
    CompactionHashes,
    /// The active alarms.
    Alarms,
    /// One lease.
    Lease(i64),
    /// A member that is gone for ever; its value is empty.
    RemovedMember(u64),
    /// The version that the cluster speaks.
    ClusterVersion,
    /// The version that a downgrade leads to; empty where none goes on.
    Downgrade,
}
