//! What can go wrong with a log.

use std::io;

use super::{Identity, Position};

/// Why the log could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk failed.
    #[error("cannot {operation} write-ahead log file {file}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        file: String,
        /// What the disk said.
        source: io::Error,
    },
    /// What was written and synced is not there any more.
    #[error("write-ahead log segment {segment} is corrupt at offset {offset}: {damage}")]
    Corrupt {
        /// The segment's file.
        segment: String,
        /// Where the damage begins.
        offset: u64,
        /// What it is.
        damage: Damage,
    },
    /// The log of another member or cluster.
    #[error(
        "write-ahead log segment {segment} belongs to member {:x} of cluster {:x}, \
         not to member {:x} of cluster {:x}",
        found.member_id, found.cluster_id, expected.member_id, expected.cluster_id
    )]
    Identity {
        /// The segment's file.
        segment: String,
        /// Whose it is.
        found: Identity,
        /// Who opened it.
        expected: Identity,
    },
    /// Written by another version of this program.
    #[error(
        "write-ahead log segment {segment} has format version {found}, \
         this program knows {supported}"
    )]
    Version {
        /// The segment's file.
        segment: String,
        /// Its version.
        found: u32,
        /// The only one that is known here.
        supported: u32,
    },
    /// A sound frame of a kind that this program does not know.
    #[error(
        "write-ahead log segment {segment} has a frame of unknown kind {kind} at offset {offset}"
    )]
    Kind {
        /// The segment's file.
        segment: String,
        /// Where the frame is.
        offset: u64,
        /// Its kind.
        kind: u32,
    },
    /// A segment that must be there is not.
    #[error("write-ahead log segment with sequence {sequence:x} is missing")]
    Missing {
        /// Its sequence number.
        sequence: u64,
    },
    /// The request does not fit the log; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// An earlier write or sync failed: the log is finished until the member starts again.
    #[error("the write-ahead log failed before: {reason}")]
    Failed {
        /// What happened then.
        reason: String,
    },
    /// The log was stopped.
    #[error("the write-ahead log is stopped")]
    Stopped,
}

/// What is wrong with a segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The header's checksum.
    #[error("the header is damaged")]
    Header,
    /// More than a segment can be.
    #[error("the file is larger than a segment can be")]
    Length,
    /// A segment under the name of another.
    #[error("the header is that of another file")]
    Name,
    /// The checkpoint is missing, damaged, or tells another story than the segments before.
    #[error("the checkpoint is damaged or contradicts the segments before")]
    Checkpoint,
    /// A frame that was synced, because something behind it was written later.
    #[error("a frame is damaged although later ones were written after it was durable")]
    Frame,
    /// A sound checksum over nonsense.
    #[error("the content of a frame cannot be decoded")]
    Content,
    /// An entry that was sound when the log was opened.
    #[error("the entry that is read is not the one that was written")]
    Entry,
    /// A sound frame that does not fit the log before it.
    #[error("a frame does not fit the log before it: {0}")]
    Order(Refusal),
}

/// Why a request does not fit the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Entries must follow each other; only an installed snapshot may leave a gap.
    #[error("entry {found} cannot follow, the next entry must be {expected}")]
    Gap {
        /// The index that must come next.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// Terms never decrease along a log.
    #[error("entry {index} has term {found}, less than term {before} before it")]
    Term {
        /// The entry.
        index: u64,
        /// Term of the entry before.
        before: u64,
        /// Its term.
        found: u64,
    },
    /// The entry named is beyond the end.
    #[error("there is no entry {index}")]
    Absent {
        /// The entry.
        index: u64,
    },
    /// The entry named is gone on purpose.
    #[error("entry {index} is gone, the log is purged up to {purged}")]
    Purged {
        /// The entry.
        index: u64,
        /// The last index that is gone.
        purged: u64,
    },
    /// Another entry stands at that index.
    #[error("entry {} has term {} here, not {}", found.index, found.term, expected.term)]
    Conflict {
        /// What is in the log.
        found: Position,
        /// What was named.
        expected: Position,
    },
    /// Committed entries are for ever.
    #[error("entry {index} cannot go, {committed} is committed")]
    Committed {
        /// The first entry that would go.
        index: u64,
        /// The commit mark.
        committed: u64,
    },
    /// An entry beyond what a frame may hold.
    #[error("{bytes} bytes are more than the {bytes_max} that a frame can hold")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
}

/// Names what was tried when the disk failed.
pub(super) fn failed(operation: &'static str, file: &str) -> impl FnOnce(io::Error) -> Error {
    let file = file.to_owned();
    move |source| Error::Io { operation, file, source }
}
