//! What a member has on its disk at a moment, read by a member's own recovery.
//!
//! The disk is copied first, as its processes see it or as a loss of power leaves it for certain: looking
//! changes nothing, and a member that runs meanwhile is not disturbed.

use std::collections::BTreeMap;
use std::sync::Arc;

use detcd_api::peer::{self, entry::Payload};
use detcd_node::raft::codec;
use detcd_node::runtime::Disk;
use detcd_node::state::State;
use detcd_node::storage::{self, Storage};
use detcd_node::wal::{self, Log};
use prost::Message;

use super::Cluster;
use crate::disk::SimDisk;
use crate::runtime::SimRuntime;

/// Log and state as they are on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The term of its last vote.
    pub term: Option<u64>,
    /// The last index that is gone from the log on purpose.
    pub purged: Option<u64>,
    /// Bytes of an unfinished batch at the end of the log.
    pub torn_tail_bytes: u64,
    /// The last entries of the log.
    pub log: Vec<LogEntry>,
    /// The last index that the database covers.
    pub applied: Option<u64>,
    /// The database's revision.
    pub revision: i64,
    /// Up to which revision it is compacted.
    pub compact_revision: i64,
    /// How many keys it has.
    pub keys: usize,
    /// How many leases it has.
    pub leases: usize,
    /// Its digest.
    pub digest: u64,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its term.
    pub term: u64,
    /// Its index.
    pub index: u64,
    /// What it carries, in words.
    pub what: String,
}

/// A file and its sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSize {
    /// Its name.
    pub name: String,
    /// Bytes that processes see; nothing if the name is gone for them.
    pub current: Option<usize>,
    /// Bytes that survive a loss of power for certain; nothing if the name does not.
    pub durable: Option<usize>,
    /// Sectors that were written since the last sync.
    pub pending_sectors: usize,
}

/// Which bytes of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Those that its processes see.
    Current,
    /// Those that survive a loss of power for certain.
    Durable,
}

/// Entries of the log that are told.
const ENTRIES_MAX: u64 = 12;
/// Letters of an entry that are told.
const LETTERS_MAX: usize = 160;

/// The files of a member at a moment.
#[derive(Debug, Clone)]
pub struct DiskCopy {
    files: BTreeMap<String, Vec<u8>>,
}

impl Cluster {
    /// Copies the disk of a member.
    pub fn copy_disk(&self, member: usize, view: View) -> DiskCopy {
        let disk = self.host(member).disk().clone();
        let mut files = BTreeMap::new();
        for FileSize { name, .. } in self.files(member) {
            let bytes = match view {
                View::Current => disk.current_bytes(&name),
                View::Durable => disk.durable_bytes(&name),
            };
            files.extend(bytes.map(|bytes| (name, bytes)));
        }
        DiskCopy { files }
    }

    /// What a process would find that started on such a disk, or why it would not start.
    pub async fn read_copy(&self, copy: &DiskCopy) -> Result<Content, String> {
        let disk = SimDisk::new("copy", self.world.streams(), self.world.trace().clone());
        let disk: Arc<dyn Disk> = Arc::new(disk.mount());
        for (name, bytes) in &copy.files {
            let written = disk.open(name, true).and_then(|file| file.write_at(0, bytes));
            written.map_err(|error| format!("the copy of {name}: {error}"))?;
        }
        recover(disk).await
    }

    /// The files of a member.
    pub fn files(&self, member: usize) -> Vec<FileSize> {
        let disk = self.host(member).disk().clone();
        let mut names = disk.names();
        names.extend(disk.durable_names());
        names.sort();
        names.dedup();
        let size = |name: String| FileSize {
            current: disk.current_bytes(&name).map(|bytes| bytes.len()),
            durable: disk.durable_bytes(&name).map(|bytes| bytes.len()),
            pending_sectors: disk.pending_sectors(&name),
            name,
        };
        names.into_iter().map(size).collect()
    }
}

async fn recover(disk: Arc<dyn Disk>) -> Result<Content, String> {
    let known = Log::<SimRuntime>::identify(disk.clone()).await.map_err(text)?;
    let Some(identity) = known else { return Err("it has no data".to_owned()) };
    let opened = Log::<SimRuntime>::open(disk.clone(), identity, wal::Options::default()).await;
    let (log, found) = opened.map_err(text)?;
    let wal::Identity { cluster_id, member_id } = identity;
    let identity = storage::Identity { cluster_id, member_id };
    let options = storage::Options::default();
    let opened = Storage::<SimRuntime>::open(disk, identity, options, log.watch_durable()).await;
    let (storage, recovered) = opened.map_err(text)?;
    let state = State::restore(storage).await.map_err(text)?;
    let vote = found.vote.and_then(|bytes| peer::Vote::decode(bytes).ok());
    let entries = tail(&log, found.purged).await?;
    Ok(state.with_machine(|machine| Content {
        term: vote.map(|vote| vote.term),
        purged: found.purged.map(|position| position.index),
        torn_tail_bytes: found.torn_tail_bytes,
        log: entries,
        applied: recovered.mark.as_ref().map(|mark| mark.position.index),
        revision: machine.revision(),
        compact_revision: machine.compact_revision(),
        keys: machine.key_count(),
        leases: machine.leases().len(),
        digest: machine.digest(),
    }))
}

async fn tail(
    log: &Log<SimRuntime>,
    purged: Option<wal::Position>,
) -> Result<Vec<LogEntry>, String> {
    let Some(last) = log.last() else { return Ok(Vec::new()) };
    let end = last.index + 1;
    let begin = purged.map_or(0, |purged| purged.index + 1).max(end.saturating_sub(ENTRIES_MAX));
    let stored = log.read(begin..end, usize::MAX).await.map_err(text)?;
    let entry = |stored: wal::Entry| {
        let wal::Position { term, index, .. } = stored.position;
        LogEntry { term, index, what: words(stored) }
    };
    Ok(stored.into_iter().map(entry).collect())
}

fn words(stored: wal::Entry) -> String {
    let words = match peer::Entry::decode(stored.payload).map(|entry| entry.payload) {
        Ok(Some(Payload::Blank(_))) => "blank".to_owned(),
        Ok(Some(Payload::Membership(membership))) => format!("{membership:?}"),
        Ok(Some(Payload::Command(bytes))) => match codec::decode_command(bytes) {
            Ok((_, command)) => format!("{command:?}"),
            Err(error) => text(error),
        },
        Ok(None) => "nothing".to_owned(),
        Err(error) => text(error),
    };
    if words.chars().count() <= LETTERS_MAX {
        return words;
    }
    words.chars().take(LETTERS_MAX).chain(['…']).collect()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
