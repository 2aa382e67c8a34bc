//! What can go wrong.

use std::io;
use std::sync::Arc;

/// An error of the storage layer.
///
/// `Io`, `Database` and `Damaged` on an open storage, and `LogClosed`, are fatal: they are also reported
/// by [`Storage::failed`](super::Storage::failed), and everything after them is answered with `Failed`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk refused an operation on a file as a whole.
    #[error("{file}: cannot {operation}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What was being done, as it reads after "cannot".
        operation: &'static str,
        /// The disk's answer.
        source: io::Error,
    },
    /// The database refused an operation, mostly because the disk did.
    #[error("{file}: cannot {operation}: {source}")]
    Database {
        /// The file.
        file: String,
        /// What was being done, as it reads after "cannot".
        operation: &'static str,
        /// The database's answer.
        source: Box<redb::Error>,
    },
    /// The file is not what this member wrote.
    #[error("{file}: damaged, or not a database of detcd: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What was found.
        reason: String,
    },
    /// The file was written by a newer detcd.
    #[error("{file}: written in format {found}, this version reads up to format {supported}")]
    NewerFormat {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// The file belongs to another cluster.
    #[error("{file}: belongs to cluster {found:x}, not to cluster {expected:x}")]
    OtherCluster {
        /// The file.
        file: String,
        /// Its cluster.
        found: u64,
        /// Our cluster.
        expected: u64,
    },
    /// The file belongs to another member of our cluster.
    #[error("{file}: belongs to member {found:x}, this is member {expected:x}")]
    OtherMember {
        /// The file.
        file: String,
        /// Its member.
        found: u64,
        /// This member.
        expected: u64,
    },
    /// A received snapshot cannot be installed; the state is what it was before.
    #[error("snapshot refused: {0}")]
    Snapshot(#[from] SnapshotError),
    /// A call on a reader or writer whose earlier call was cancelled or failed.
    #[error("the snapshot transfer was interrupted by an earlier cancelled or failed call")]
    Interrupted,
    /// The write-ahead log has gone while the storage waited for it to become durable.
    #[error("the log closed while index {wanted} was waiting to be flushed")]
    LogClosed {
        /// The index that waits.
        wanted: u64,
    },
    /// The storage failed before; the member must stop.
    #[error("storage failed earlier: {0}")]
    Failed(Arc<str>),
    /// The disk has no room for another copy of the state; the state is what it was before.
    #[error("{file}: no space left on device")]
    Full {
        /// The copy.
        file: String,
    },
    /// A received snapshot has taken the place of the state that was being copied.
    #[error("the state was replaced while it was copied")]
    Replaced,
    /// There is no state yet: nothing was ever applied.
    #[error("nothing was applied yet")]
    Empty,
    /// The storage was stopped.
    #[error("storage is stopped")]
    Stopped,
}

/// Why a received snapshot was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The stream does not start as a snapshot does.
    #[error("not a snapshot of detcd")]
    Foreign,
    /// Written by a newer detcd.
    #[error("written in format {found}, this version reads up to format {supported}")]
    NewerFormat {
        /// The stream's format.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// Taken in another cluster.
    #[error("taken in cluster {found:x}, this is cluster {expected:x}")]
    OtherCluster {
        /// The stream's cluster.
        found: u64,
        /// Our cluster.
        expected: u64,
    },
    /// The stream ended, or was finished, before its end frame.
    #[error("ends after {bytes} bytes without an end frame")]
    Torn {
        /// Bytes received.
        bytes: u64,
    },
    /// A frame that cannot stand where it does.
    #[error("unexpected frame of kind {kind} at byte {offset}")]
    Frame {
        /// The kind.
        kind: u8,
        /// Where the frame starts.
        offset: u64,
    },
    /// A frame whose content does not decode.
    #[error("undecodable frame of kind {kind} at byte {offset}")]
    Content {
        /// The kind.
        kind: u8,
        /// Where the frame starts.
        offset: u64,
    },
    /// A frame longer than any that is ever written.
    #[error("frame of {len} bytes at byte {offset}, the most is {max}")]
    TooLong {
        /// Its length.
        len: u64,
        /// Where the frame starts.
        offset: u64,
        /// The most.
        max: u64,
    },
    /// The checksum differs.
    #[error("checksum {found:08x}, computed {expected:08x}")]
    Checksum {
        /// In the end frame.
        found: u32,
        /// Of the bytes received.
        expected: u32,
    },
    /// The counts in the end frame differ from what was received.
    #[error(
        "holds {rows} rows and {meta} named values, its end frame says {rows_said} and {meta_said}"
    )]
    Counts {
        /// Rows received.
        rows: u64,
        /// Named values received.
        meta: u64,
        /// Rows by the end frame.
        rows_said: u64,
        /// Named values by the end frame.
        meta_said: u64,
    },
    /// Older than what this member has applied.
    #[error("covers index {found}, index {applied} is applied here")]
    Behind {
        /// The snapshot's index.
        found: u64,
        /// The applied index.
        applied: u64,
    },
}
