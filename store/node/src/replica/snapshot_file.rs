//! The state as a database file of etcd, made while it is sent (G76, K25).
//!
//! One reading of the durable state is gone through twice: first to find out where everything comes to lie,
//! so that the size is known before the first byte is sent, then to make the bytes. It takes the memory of
//! a chunk of rows and a page for each level of a tree, and no file. No more than a few are sent at once:
//! each keeps pages of the database from being used again.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use detcd_bolt::{Layout, Writer};
use detcd_machine::{Machine, Restorer, Revision, Row};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use super::{Replica, Unavailable};
use crate::etcd_format::{self, Entries, FileMember, FileState, RowKey};
use crate::raft::codec;
use crate::runtime::Runtime;
use crate::storage::Pinned;

/// Rows taken at once.
const CHUNK_ROWS_MAX: usize = 1000;
/// Bytes of rows after which a chunk ends.
const CHUNK_BYTES_MAX: usize = 256 << 10;
/// Files that are sent at once.
pub(super) const STREAMS_MAX: usize = 8;

/// A piece of the file, and how many bytes follow it. The hash of everything comes last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub bytes: Bytes,
    /// Bytes of the database that follow.
    pub remaining: u64,
}

/// A file that is being sent.
pub struct SnapshotFile<R: Runtime> {
    pinned: Pinned<R>,
    writer: Writer,
    /// Small buckets that are still to come.
    behind: VecDeque<(&'static str, Entries)>,
    rows: Rows,
    progress: Progress,
    remaining: u64,
    hash: Sha256,
    /// The right to be sent.
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Rows,
    Behind,
    Bytes,
    Hash,
    Done,
}

/// Where the rows go on, and what a store has that its rows do not tell.
#[derive(Debug, Clone, Copy)]
struct Rows {
    last: Option<Revision>,
    revision: i64,
}

impl Rows {
    /// A row without a key where the newest revision has none, as `--bump-revision` leaves behind.
    fn marker(&self) -> Option<Vec<u8>> {
        let newest = self.last.map_or(1, |last| last.main);
        let place = Revision { main: self.revision, sub: 0 };
        let mut key = Vec::new();
        RowKey { revision: place, is_tombstone: false }.encode(&mut key);
        (newest < self.revision).then_some(key)
    }
}

/// Hands each row of a chunk to `put` in etcd's encoding; the last row's place.
fn encode(rows: &[(Revision, Row)], mut put: impl FnMut(&[u8], &[u8])) -> Option<Revision> {
    let (mut key, mut value) = (Vec::new(), Vec::new());
    for (revision, row) in rows {
        key.clear();
        value.clear();
        RowKey::of(*revision, row).encode(&mut key);
        etcd_format::encode_row(row, &mut value);
        put(&key, &value);
    }
    rows.last().map(|(revision, _)| *revision)
}

impl<R: Runtime> Replica<R> {
    /// The local state as a file, everything that is applied by now included. Refused while as many as
    /// may be are under way.
    pub async fn snapshot_file(&self) -> Result<SnapshotFile<R>, Unavailable> {
        let permit = Arc::clone(&self.inner.snapshots).try_acquire_owned();
        let permit = permit.map_err(|_| Unavailable::TooManyRequests)?;
        self.lay_out(permit).await.map_err(|error| {
            tracing::debug!(%error, "no snapshot was made");
            Unavailable::Stopped
        })
    }

    async fn lay_out(
        &self,
        permit: OwnedSemaphorePermit,
    ) -> Result<SnapshotFile<R>, Box<dyn std::error::Error + Send + Sync>> {
        let mut pinned = self.inner.state.storage().pinned().await?;
        let machine = Restorer::new(pinned.meta().iter().cloned())?.finish()?;
        let state = self.file_state(&machine, &pinned)?;
        let (before, behind) =
            (etcd_format::before_rows(&machine), etcd_format::behind_rows(&machine, &state));
        let mut rows = Rows { last: None, revision: machine.revision() };

        let mut layout = Layout::new();
        for (name, entries) in &before {
            layout.bucket(name.as_bytes());
            entries.iter().for_each(|(key, value)| layout.put(key, value));
        }
        layout.bucket(b"key");
        loop {
            let chunk = pinned.rows(rows.last, CHUNK_ROWS_MAX, CHUNK_BYTES_MAX).await?;
            let Some(last) = encode(&chunk, |key, value| layout.put(key, value)) else { break };
            rows.last = Some(last);
        }
        if let Some(key) = rows.marker() {
            layout.put(&key, b"");
        }
        for (name, entries) in &behind {
            layout.bucket(name.as_bytes());
            entries.iter().for_each(|(key, value)| layout.put(key, value));
        }

        let mut writer = Writer::new(layout);
        for (name, entries) in &before {
            writer.bucket(name.as_bytes());
            entries.iter().for_each(|(key, value)| writer.put(key, value));
        }
        writer.bucket(b"key");
        rows.last = None;
        Ok(SnapshotFile {
            remaining: writer.total_bytes(),
            pinned,
            writer,
            behind: behind.into(),
            rows,
            progress: Progress::Rows,
            hash: Sha256::new(),
            _permit: permit,
        })
    }

    fn file_state(
        &self,
        machine: &Machine,
        pinned: &Pinned<R>,
    ) -> Result<FileState, codec::DecodeError> {
        let mark = pinned.mark();
        let stored = codec::decode_stored_membership(mark.membership.clone())?;
        let membership = stored.membership();
        let learners: Vec<u64> = membership.learner_ids().collect();
        let members = membership.nodes().map(|(id, node)| {
            let attributes = machine.members().get(id).cloned().unwrap_or_default();
            FileMember {
                id: *id,
                peer_urls: node.peer_urls.clone(),
                is_learner: learners.contains(id),
                name: attributes.name,
                client_urls: attributes.client_urls,
            }
        });
        Ok(FileState {
            index: mark.position.index,
            term: mark.position.term,
            members: members.collect(),
        })
    }
}

impl<R: Runtime> SnapshotFile<R> {
    /// The next piece of at most `bytes_max` bytes; `None` after the hash.
    pub async fn next(&mut self, bytes_max: usize) -> Result<Option<Piece>, Unavailable> {
        while self.writer.ready_bytes() < bytes_max && self.progress != Progress::Bytes {
            match self.progress {
                Progress::Rows => self.write_rows().await?,
                Progress::Behind => self.write_behind(),
                Progress::Bytes | Progress::Hash | Progress::Done => break,
            }
        }
        match self.progress {
            Progress::Done => return Ok(None),
            Progress::Hash => {
                self.progress = Progress::Done;
                let hash = Bytes::copy_from_slice(&self.hash.finalize_reset());
                return Ok(Some(Piece { bytes: hash, remaining: 0 }));
            }
            Progress::Rows | Progress::Behind | Progress::Bytes => {}
        }
        let bytes = self.writer.drain(bytes_max);
        self.hash.update(&bytes);
        self.remaining -= bytes.len() as u64;
        if self.progress == Progress::Bytes && self.writer.ready_bytes() == 0 {
            assert_eq!(self.remaining, 0, "the size was known before");
            self.progress = Progress::Hash;
        }
        Ok(Some(Piece { bytes: bytes.into(), remaining: self.remaining }))
    }

    async fn write_rows(&mut self) -> Result<(), Unavailable> {
        let chunk = self.pinned.rows(self.rows.last, CHUNK_ROWS_MAX, CHUNK_BYTES_MAX).await;
        let chunk = chunk.map_err(|_failed| Unavailable::Stopped)?;
        let writer = &mut self.writer;
        if let Some(last) = encode(&chunk, |key, value| writer.put(key, value)) {
            self.rows.last = Some(last);
            return Ok(());
        }
        if let Some(key) = self.rows.marker() {
            self.writer.put(&key, b"");
        }
        self.progress = Progress::Behind;
        Ok(())
    }

    fn write_behind(&mut self) {
        let Some((name, entries)) = self.behind.pop_front() else {
            self.writer.finish();
            self.progress = Progress::Bytes;
            return;
        };
        self.writer.bucket(name.as_bytes());
        entries.iter().for_each(|(key, value)| self.writer.put(key, value));
    }
}
