//! The replicated state machine of detcd.
//!
//! Every member applies the same [`Command`]s in the same order and reaches the same state. Must
//! never know: clocks, randomness, I/O, async, the wire format, Raft. No hash-map order, no floats.
//!
//! [`Machine`] keeps in memory the index (which revisions each key has) and asks for rows (values
//! by revision) through [`Rows`]; what a command changes it returns as [`Change`]s for the owner to
//! keep. [`RangeReader`] reads a range at a pinned revision in bounded steps, and [`Restorer`]
//! makes the machine again from what was kept.

mod alarm;
mod auth;
mod cluster;
mod command;
mod compaction;
mod compaction_hash;
mod digest;
mod encoding;
mod import;
mod index;
mod lease;
mod look;
mod machine;
mod need;
mod outcome;
mod reader;
mod restore;
mod row;
mod span;
mod txn;
mod write;

pub use alarm::{Alarm, AlarmCommand, AlarmKind};
pub use auth::{
    Auth, AuthCommand, AuthRejection, Permission, PermissionKind, Requester, Role, User,
};
pub use cluster::{ClusterCommand, Version, VersionError};
pub use command::{
    Command, Compact, Compare, CompareResult, CompareTarget, DeleteRange, MemberAttributes, Put,
    Range, SortOrder, SortTarget, Txn, TxnOp,
};
pub use compaction_hash::{HashSource, HashSpan, SpanHash};
pub use encoding::{DecodeError, RowHeader, ValueHeader};
pub use import::Import;
pub use lease::{Lease, LeaseCheckpoint, LeaseCommand, LeaseGrant, LeaseOutcome, LeaseTable};
pub use look::LiveKey;
pub use machine::Machine;
pub use outcome::{
    Applied, Change, DeleteRangeOutcome, Event, EventKind, MetaKey, Outcome, PutOutcome,
    RangeOutcome, Rejection, TxnOutcome,
};
pub use reader::{Chunk, RangeReader};
pub use restore::{RestoreError, Restorer};
pub use row::{KeyValue, Revision, Row, Rows};
