//! The hash of the key space at a revision, as etcd defines it (G74).
//!
//! Rows are read in bounded chunks at a pinned revision; between two chunks anything may be applied. Of the
//! rows at the compacted revision or before only those count that are not superseded at the hashed one,
//! whether compaction has removed the others by now or not: so all members agree.

use detcd_machine::{HashSource, HashSpan, Revision, Row, SpanHash};

use super::State;
use super::read::ReadError;
use crate::etcd_format::{RowKey, encode_row};
use crate::runtime::Runtime;
use crate::storage;

/// Rows taken at once.
const CHUNK_ROWS_MAX: usize = 1000;
/// Bytes after which a chunk ends.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Hashes begun again because a snapshot replaced the state under them.
const ATTEMPTS_MAX: usize = 3;

/// A hash, with the store's revision when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashAnswer {
    /// The store's revision.
    pub revision: i64,
    /// The hash.
    pub hash: SpanHash,
}

impl<R: Runtime> State<R> {
    /// The hash at `revision`; 0 or less is the current one.
    pub async fn hash_at(&self, revision: i64) -> Result<HashAnswer, ReadError> {
        for _ in 0..ATTEMPTS_MAX {
            let epoch = self.settled().await;
            let (span, current, _pin) = {
                let core = self.read_core();
                let current = core.machine.revision();
                match core.machine.hash_source(revision)? {
                    HashSource::Known(hash) => return Ok(HashAnswer { revision: current, hash }),
                    HashSource::Rows(span) => (span, current, self.pin(span.compact_revision)),
                }
            };
            if let Some(hash) = self.hash_span(span, epoch).await? {
                return Ok(HashAnswer { revision: current, hash: SpanHash { span, hash } });
            }
        }
        Err(ReadError::Replaced)
    }

    /// Computes the hashes that compactions owe; nothing is removed before.
    pub(super) async fn settle_hashes(&self) -> Result<(), storage::Error> {
        loop {
            let epoch = self.settled().await;
            let Some(span) = self.with_machine(|machine| machine.hash_owed()) else {
                return Ok(());
            };
            let Some(hash) = self.hash_span(span, epoch).await? else { continue };
            let mut core = self.write_core();
            if core.epoch == epoch {
                let changes = core.machine.hashed(SpanHash { span, hash });
                self.storage.stage(core.mark.clone(), changes);
            }
        }
    }

    /// `None` when a snapshot replaced the state on the way.
    async fn hash_span(&self, span: HashSpan, epoch: u64) -> Result<Option<u32>, storage::Error> {
        let mut hasher = Hasher::new(span);
        let end = Revision { main: span.revision.saturating_add(1), sub: 0 };
        let mut from = Revision::default();
        loop {
            let rows = self.storage.scan(from, end, CHUNK_ROWS_MAX, CHUNK_BYTES_MAX).await?;
            let Some((last, _)) = rows.last() else { break };
            from = Revision { main: last.main, sub: last.sub + 1 };
            let seen: Vec<Seen> = {
                let core = self.read_core();
                if core.epoch != epoch {
                    return Ok(None);
                }
                rows.iter().map(|(at, row)| hasher.look(&core.machine, *at, row)).collect()
            };
            for ((revision, row), seen) in rows.iter().zip(seen) {
                hasher.take(*revision, row, seen);
            }
        }
        Ok(self.is_still(epoch).then(|| hasher.finish()))
    }
}

/// What the index says about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Seen {
    /// A reader at the compacted revision sees it; always so after that revision.
    before: bool,
    /// A reader at the hashed revision sees it.
    after: bool,
}

struct Hasher {
    span: HashSpan,
    crc: u32,
    /// etcd forgets to leave out what is superseded when no key at all lives at the hashed revision. The
    /// hash as it is then, until a living key is found.
    crc_of_nothing: Option<u32>,
    buffer: Vec<u8>,
}

impl Hasher {
    fn new(span: HashSpan) -> Self {
        let crc = crc32c::crc32c(b"key");
        Self { span, crc, crc_of_nothing: Some(crc), buffer: Vec::new() }
    }

    /// Asks the index no more than is needed.
    fn look(&self, machine: &detcd_machine::Machine, revision: Revision, row: &Row) -> Seen {
        let Row::Value(kv) = row else {
            return Seen { before: revision.main > self.span.compact_revision, after: false };
        };
        let is_old = revision.main <= self.span.compact_revision;
        let wants_living = self.crc_of_nothing.is_some();
        let sees = |at| machine.is_seen_at(&kv.key, revision, at);
        Seen {
            before: !is_old || (wants_living && sees(self.span.compact_revision)),
            after: (is_old || wants_living) && sees(self.span.revision),
        }
    }

    fn take(&mut self, revision: Revision, row: &Row, seen: Seen) {
        let is_old = revision.main <= self.span.compact_revision;
        if seen.after {
            self.crc_of_nothing = None;
        }
        let counts = !is_old || seen.after;
        let counts_of_nothing = seen.before && self.crc_of_nothing.is_some();
        if !counts && !counts_of_nothing {
            return;
        }
        self.buffer.clear();
        RowKey::of(revision, row).encode(&mut self.buffer);
        encode_row(row, &mut self.buffer);
        if counts {
            self.crc = crc32c::crc32c_append(self.crc, &self.buffer);
        }
        if let Some(crc) = self.crc_of_nothing.as_mut().filter(|_| counts_of_nothing) {
            *crc = crc32c::crc32c_append(*crc, &self.buffer);
        }
    }

    fn finish(&self) -> u32 {
        self.crc_of_nothing.unwrap_or(self.crc)
    }
}
