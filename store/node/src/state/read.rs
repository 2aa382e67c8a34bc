//! The reading side: ranges at a pinned revision, in bounded chunks.

use std::collections::BTreeMap;
use std::sync::Arc;

use detcd_machine::{
    Chunk, Command, KeyValue, Outcome, Range, RangeOutcome, RangeReader, Rejection, Revision, Row,
    Txn,
};

use super::apply::Fetched;
use super::{Answer, State};
use crate::runtime::Runtime;
use crate::storage::Error;

/// Keys taken from the index at once, while nobody can apply.
const CHUNK_KEYS_MAX: usize = 1000;
/// Reads started again because a snapshot replaced the state under them.
const ATTEMPTS_MAX: usize = 3;
/// Rounds in which a transaction's rows are fetched while the keys that it reads are written.
const TXN_ATTEMPTS_MAX: usize = 100;

/// A range's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeAnswer {
    /// The store's revision when the read began.
    pub revision: i64,
    /// What was found.
    pub outcome: RangeOutcome,
}

/// Why a range was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The revision is compacted or not there yet.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The disk failed; the member is about to stop.
    #[error(transparent)]
    Storage(#[from] Error),
    /// The state was replaced again and again while it was read.
    #[error("the state was replaced while it was read")]
    Replaced,
}

/// A revision that compaction must leave readable.
pub(super) struct Pin<'a, R: Runtime> {
    state: &'a State<R>,
    revision: i64,
}

impl<R: Runtime> Drop for Pin<'_, R> {
    fn drop(&mut self) {
        let mut pins = self.state.pins.lock().expect("no panic happens while the lock is held");
        let count = pins.get_mut(&self.revision).expect("a pin is counted until it is dropped");
        *count -= 1;
        if *count == 0 {
            pins.remove(&self.revision);
        }
    }
}

impl<R: Runtime> State<R> {
    /// Reads a range of the local state, as it is now or at an older revision.
    pub async fn range(&self, range: &Range) -> Result<RangeAnswer, ReadError> {
        for _ in 0..ATTEMPTS_MAX {
            if let Some(answer) = self.try_range(range).await? {
                return Ok(answer);
            }
        }
        Err(ReadError::Replaced)
    }

    /// `None` when a snapshot replaced the state on the way.
    async fn try_range(&self, range: &Range) -> Result<Option<RangeAnswer>, ReadError> {
        let epoch = self.settled().await;
        let (mut reader, pin, revision) = {
            let core = self.read_core();
            let reader = RangeReader::new(&core.machine, range)?;
            let pin = self.pin(reader.revision());
            (reader, pin, core.machine.revision())
        };
        loop {
            let chunk = match reader.next(&self.read_core().machine, CHUNK_KEYS_MAX) {
                Ok(chunk) => chunk,
                // The revision was pinned: only another state can have lost it.
                Err(_) => return Ok(None),
            };
            match chunk {
                Chunk::Rows(wanted) => {
                    let Some(rows) = self.values(wanted).await? else { return Ok(None) };
                    if !self.is_still(epoch) {
                        return Ok(None);
                    }
                    reader.accept(rows);
                }
                Chunk::Again => {}
                Chunk::Done => break,
            }
        }
        drop(pin);
        Ok(Some(RangeAnswer { revision, outcome: reader.finish() }))
    }

    /// Carries out a transaction that only reads; with the revision at which it was answered.
    pub async fn read_txn(&self, txn: &Txn) -> Result<Answer, ReadError> {
        let command = Command::Txn(txn.clone());
        let mut rows = BTreeMap::new();
        let mut epoch = self.settled().await;
        for _ in 0..TXN_ATTEMPTS_MAX {
            let missing: Vec<Revision> = {
                let core = self.read_core();
                if core.epoch == epoch {
                    let mut needed = core.machine.rows_needed(&command);
                    needed.retain(|revision| !rows.contains_key(revision));
                    if needed.is_empty() {
                        let outcome = core.machine.read_txn(txn, &Fetched { rows });
                        let revision = core.machine.revision();
                        return Ok(Answer { revision, outcome: outcome.map(Outcome::Txn) });
                    }
                    needed
                } else {
                    rows.clear();
                    Vec::new()
                }
            };
            // Entries applied meanwhile may name other rows: those are fetched in the next round.
            rows.extend(self.storage.fetch(missing).await?);
            if !self.is_still(epoch) {
                rows.clear();
                epoch = self.settled().await;
            }
        }
        Err(ReadError::Replaced)
    }

    /// The key-values stored at `revisions`, in their order; `None` where one is gone.
    async fn values(&self, revisions: Vec<Revision>) -> Result<Option<Vec<Arc<KeyValue>>>, Error> {
        let mut values = Vec::with_capacity(revisions.len());
        for revision in &revisions {
            match self.storage.cached(*revision) {
                Some(Row::Value(value)) => values.push(value),
                Some(Row::Tombstone { .. }) => return Ok(None),
                None => break,
            }
        }
        if values.len() == revisions.len() {
            return Ok(Some(values));
        }
        let rows = self.storage.fetch(revisions.clone()).await?;
        values.clear();
        for revision in &revisions {
            let Some(Row::Value(value)) = rows.get(revision) else { return Ok(None) };
            values.push(value.clone());
        }
        Ok(Some(values))
    }

    pub(super) fn pin(&self, revision: i64) -> Pin<'_, R> {
        let mut pins = self.pins.lock().expect("no panic happens while the lock is held");
        *pins.entry(revision).or_default() += 1;
        Pin { state: self, revision }
    }

    pub(super) fn oldest_pin(&self) -> Option<i64> {
        let pins = self.pins.lock().expect("no panic happens while the lock is held");
        pins.first_key_value().map(|(revision, _)| *revision)
    }
}
