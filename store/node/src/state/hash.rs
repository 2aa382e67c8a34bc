//! The hash of the key space at a revision, as etcd defines it (G74).
//!
//! Rows are read in bounded chunks at a pinned revision; between two chunks anything may be applied. Of the
//! rows at the compacted revision or before only those count that are not superseded at the hashed one,
//! whether compaction has removed the others by now or not: so all members agree.

use detcd_machine::{HashSource, HashSpan, Revision, SpanHash};

use super::State;
use super::read::ReadError;
use crate::etcd_format::{RowHasher, RowSeen};
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
    /// The hash at `revision`; 0 is the current one, and below it there are no rows.
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
        let mut hasher = RowHasher::new(span);
        if span.revision < 0 {
            return Ok(Some(hasher.finish()));
        }
        let end = Revision { main: span.revision.saturating_add(1), sub: 0 };
        let mut from = Revision::default();
        loop {
            let rows = self.storage.scan(from, end, CHUNK_ROWS_MAX, CHUNK_BYTES_MAX).await?;
            let Some((last, _)) = rows.last() else { break };
            from = Revision { main: last.main, sub: last.sub + 1 };
            let seen: Vec<RowSeen> = {
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
