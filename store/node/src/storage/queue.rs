//! Applied changes on their way into the database.

use std::collections::VecDeque;
use std::time::Duration;

use detcd_machine::Change;
use openraft_rt::Instant;

use super::Options;
use super::cache::{ROW_OVERHEAD, row_size};
use super::database::Delta;
use super::mark::Mark;

/// The changes of one call to `stage`: the smallest unit that becomes durable.
#[derive(Debug)]
pub(super) struct Batch {
    sequence: u64,
    mark: Mark,
    changes: Vec<Change>,
    bytes: usize,
}

/// What is staged and not yet being written, and when it is to be written.
#[derive(Debug)]
pub(super) struct Queue<I> {
    batches: VecDeque<Batch>,
    /// The last batch ever staged.
    sequence: u64,
    /// Everything up to here is to be written at once.
    wanted: u64,
    changes: usize,
    bytes: usize,
    flushing_bytes: usize,
    /// When the oldest batch is due; `None` while empty.
    due_at: Option<I>,
}

/// What one commit writes.
#[derive(Debug)]
pub(super) struct Flush {
    /// The last batch in it.
    pub(super) sequence: u64,
    /// The mark of that batch.
    pub(super) mark: Mark,
    batches: Vec<Batch>,
}

impl Flush {
    /// The changes of all batches, merged.
    pub(super) fn into_delta(self) -> Delta {
        let mut delta = Delta::default();
        for change in self.batches.into_iter().flat_map(|batch| batch.changes) {
            match change {
                Change::Put { revision, row } => {
                    delta.rows.insert(revision, Some(row));
                }
                Change::Remove { revision } => {
                    delta.rows.insert(revision, None);
                }
                Change::SetMeta { key, value } => {
                    delta.meta.insert(key, Some(value));
                }
                Change::RemoveMeta { key } => {
                    delta.meta.insert(key, None);
                }
            }
        }
        delta
    }
}

impl<I: Instant> Queue<I> {
    pub(super) fn new() -> Self {
        Self {
            batches: VecDeque::new(),
            sequence: 0,
            wanted: 0,
            changes: 0,
            bytes: 0,
            flushing_bytes: 0,
            due_at: None,
        }
    }

    /// Adds a batch; its number.
    pub(super) fn push(&mut self, mark: Mark, changes: Vec<Change>, interval: Duration) -> u64 {
        if let Some(last) = self.batches.back() {
            let (last, next) = (last.mark.position.index, mark.position.index);
            assert!(last <= next, "index {next} was staged after index {last}");
        }
        if self.batches.is_empty() {
            self.due_at = Some(I::now() + interval);
        }
        let bytes = ROW_OVERHEAD + changes.iter().map(change_size).sum::<usize>();
        self.sequence += 1;
        self.bytes += bytes;
        self.changes += changes.len();
        self.batches.push_back(Batch { sequence: self.sequence, mark, changes, bytes });
        self.sequence
    }

    /// Asks for everything staged so far to be written at once; the number of its last batch.
    pub(super) fn want(&mut self) -> u64 {
        self.wanted = self.sequence;
        self.sequence
    }

    /// The last batch ever staged.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The first index that is not being written yet.
    pub(super) fn first_index(&self) -> Option<u64> {
        self.batches.front().map(|batch| batch.mark.position.index)
    }

    /// Whether to write without waiting for the interval to pass.
    pub(super) fn is_urgent(&self, options: &Options) -> bool {
        self.batches.front().is_some_and(|batch| batch.sequence <= self.wanted)
            || self.changes >= options.flush_changes_max
            || self.bytes >= options.pending_bytes_max / 2
    }

    pub(super) fn due_at(&self) -> Option<I> {
        self.due_at
    }

    /// Bytes that are not durable.
    pub(super) fn pending_bytes(&self) -> usize {
        self.bytes + self.flushing_bytes
    }

    /// Takes the batches that the log covers; `None` when there are none.
    pub(super) fn take(&mut self, covered_index: Option<u64>, interval: Duration) -> Option<Flush> {
        let is_covered = |batch: &Batch| Some(batch.mark.position.index) <= covered_index;
        let covered = self.batches.partition_point(is_covered);
        let batches: Vec<Batch> = self.batches.drain(..covered).collect();
        let last = batches.last()?;
        let (sequence, mark) = (last.sequence, last.mark.clone());
        let bytes = batches.iter().map(|batch| batch.bytes).sum::<usize>();
        self.bytes -= bytes;
        self.flushing_bytes += bytes;
        self.changes -= batches.iter().map(|batch| batch.changes.len()).sum::<usize>();
        self.due_at = (!self.batches.is_empty()).then(|| I::now() + interval);
        Some(Flush { sequence, mark, batches })
    }

    /// What was taken is durable.
    pub(super) fn settle(&mut self) {
        self.flushing_bytes = 0;
    }

    /// Drops what is staged: the database was replaced by a newer one.
    pub(super) fn clear(&mut self) {
        self.batches.clear();
        (self.bytes, self.changes, self.due_at) = (0, 0, None);
    }
}

fn change_size(change: &Change) -> usize {
    match change {
        Change::Put { row, .. } => row_size(row),
        Change::Remove { .. } | Change::RemoveMeta { .. } => ROW_OVERHEAD,
        Change::SetMeta { value, .. } => ROW_OVERHEAD + value.len(),
    }
}
