//! The write-ahead log of a member: Raft's entries, its vote and its commit mark, made durable.
//!
//! Must never know: what a payload or a vote means, who replicates it, and what it is applied to.
//!
//! # On disk
//!
//! A log is a chain of segment files, `wal-<sequence>-<first index>.log`, numbers in 16 hexadecimal
//! digits. A segment is a header of 512 bytes (magic, format version, identity, sequence, first
//! index, the checksum that ends the segment before, a random salt, CRC32C), then frames, then zeros.
//! A segment is written as `….log.tmp`, synced, renamed, and the directory synced, before anything in
//! it is acknowledged; so a file that ends in `.log` has a sound header and a sound first frame, the
//! *checkpoint*: vote, commit mark, purge mark and last position as of the segments before, which may
//! therefore be removed as soon as their entries are purged.
//!
//! A frame is, little-endian, padded with zeros to a multiple of 8 bytes:
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | CRC32C of all that follows, seeded by the segment's header and the frame's offset |
//! | 4..8 | the checksum of the frame before |
//! | 8..12 | length of the body |
//! | 12..16 | offset at which the batch of this frame begins |
//! | 16..20 | kind |
//! | 20.. | body |
//!
//! The seed refuses a frame that was meant for another place; the checksum of the frame before
//! refuses one that is stale or repeated. Term and vote are one opaque body, so that half of them can
//! never be recovered.
//!
//! # Group commit
//!
//! One task writes. While it waits for a sync the next batch gathers; a batch is one write and one
//! sync, and the next is written only after that sync returned. A write or a sync that fails is the
//! end: everybody who waits is told, every later call fails, nothing is tried again, because after a
//! failed sync the pages may read well and yet never reach the disk. For the same reason recovery
//! writes the last batch again before it trusts it.
//!
//! # A torn tail and a hole
//!
//! A batch that was being written when power was lost may survive as any subset of its sectors, so
//! an intact frame behind a damaged one proves nothing while both are of one batch. But a batch is
//! written only after the one before was synced. Hence the rule: damage at offset `d` of the last
//! segment is a *hole* if any frame behind it is intact and its batch begins beyond `d`; otherwise it
//! is a *torn tail*, is overwritten with zeros and synced before anything else is written. A later
//! segment proves the same for every segment before it. A hole is [`Error::Corrupt`] and changes
//! nothing.
//!
//! What this cannot see: damage to the very last batch after it was synced, with nothing written
//! since, looks like a batch that never was. Raft's other members, and checksums below the file
//! system, are what is left for that case.

mod cache;
mod commit;
mod error;
mod frame;
mod locations;
mod log;
mod outline;
mod queue;
mod reach;
mod read;
mod recover;
mod replay;
mod segment;
mod state;
mod writer;

use bytes::Bytes;

pub use self::error::{Damage, Error, Refusal};
pub use self::log::Log;
pub use self::reach::{Reach, Reached};
pub use crate::storage::Position;

/// One entry of the Raft log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// What it carries.
    pub payload: Bytes,
}

/// Whose log it is. It stands in every segment, and a log of somebody else is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster_id: u64,
    /// The member.
    pub member_id: u64,
}

/// Sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A segment that has reached this size is followed by a new one, in bytes; 1 GiB at most.
    pub segment_bytes_max: u64,
    /// Entries kept in memory for readers, in bytes; entries not yet durable come on top.
    pub cache_bytes_max: usize,
    /// What is written with one sync, in bytes; one entry may exceed it.
    pub batch_bytes_max: usize,
    /// What may wait to be written before [`Log::room`] makes callers wait, in bytes.
    pub queue_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 << 20,
            cache_bytes_max: 64 << 20,
            batch_bytes_max: 8 << 20,
            queue_bytes_max: 64 << 20,
        }
    }
}

/// What a log held when it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// The last vote saved.
    pub vote: Option<Bytes>,
    /// The last commit mark that reached the disk.
    pub committed: Option<Position>,
    /// The last position that is gone on purpose.
    pub purged: Option<Position>,
    /// The last entry, or the purged position where no entry follows it.
    pub last: Option<Position>,
    /// Bytes of an unfinished batch that were cut off.
    pub torn_tail_bytes: u64,
}
