//! The durable state of a member: history rows and named values of the machine, and what they cover.
//!
//! Must never know: what a row means, who asks, how the Raft log is kept.
//!
//! The applier [stages](Storage::stage) what each applied entry changed. Staged changes are readable at
//! once, from memory; a flusher task writes them in batches. One durable commit holds the rows, the named
//! values, the removals and the [`Mark`] of the last entry among them, so the durable state is always
//! exactly the state after some applied entry (compare etcd #13766 and #14685).
//!
//! # Why a commit waits for the log
//!
//! Raft may tell a member that an entry is committed while the member's own copy of it is not durable:
//! a quorum of others is enough. Were the state durable beyond the log, then after a power loss the log
//! would start with a gap, or with a tail of an older term at an index that the state already covers, and
//! Raft could repair neither. So a commit covers only indexes up to the log's durable end. Whoever owns
//! the log announces that end, and takes it back *before* it cuts a conflicting tail.
//!
//! # Files
//!
//! `state.redb` is the state. `state.redb.new-<n>` is a state being made: the first one of a fresh member,
//! one received as a snapshot, or a copy without unused pages. It is written, synced, renamed over `state.redb`, and the directory is
//! synced. A crash at any step therefore leaves either the old state or the new one, whole, under the first
//! name; whatever lies under the second kind of name was never in use, and is removed when the
//! member starts, or the next snapshot or copy begins.
//!
//! A file of another member, of a newer format, or that cannot be read is refused by name and left alone.
//!
//! # Failure
//!
//! After a failed write or sync nobody knows what the disk holds. The first such error is reported by
//! [`Storage::failed`], nothing is retried, every later call answers [`Error::Failed`], and the member
//! has to stop.

mod about;
mod build;
mod cache;
mod codec;
mod copy;
mod database;
mod defragment;
mod error;
mod file;
mod flusher;
mod guard;
mod handle;
mod install;
mod mark;
mod open;
mod pinned;
mod queue;
mod restore;
mod rows;
mod scan;
mod shared;
mod snapshot;
mod stream;
mod sum;
mod view;

use std::time::Duration;

pub use self::build::StateBuilder;
pub use self::error::{Error, SnapshotError};
pub use self::handle::Storage;
pub use self::install::SnapshotWriter;
pub use self::mark::{Identity, Mark, Position};
pub use self::open::Recovered;
pub use self::pinned::Pinned;
pub use self::restore::Replay;
pub use self::snapshot::SnapshotReader;

/// How much memory the storage may use, and when it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes of durable rows kept in memory.
    pub cache_bytes_max: usize,
    /// Bytes of database pages kept in memory.
    pub redb_cache_bytes: usize,
    /// How long a staged change waits at most before it is written. What is lost of it with the power
    /// comes back from the log; every commit has a price of its own, so a long wait costs less.
    pub flush_interval: Duration,
    /// As many staged changes are written without waiting longer.
    pub flush_changes_max: usize,
    /// Bytes of changes that are not durable, beyond which [`Storage::room`] waits.
    pub pending_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes_max: 256 << 20,
            redb_cache_bytes: 128 << 20,
            flush_interval: Duration::from_secs(1),
            flush_changes_max: 10_000,
            pending_bytes_max: 64 << 20,
        }
    }
}
