//! The newest entries in memory: those that are not durable yet, and as many before as fit.

use std::collections::VecDeque;

use super::Entry;

/// What an entry costs beside its payload.
const ENTRY_BYTES: usize = 64;

/// Consecutive entries up to the log's end.
#[derive(Debug, Default)]
pub(super) struct Cache {
    first: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
}

fn cost(entry: &Entry) -> usize {
    ENTRY_BYTES + entry.payload.len()
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, ..Self::default() }
    }

    pub(super) fn get(&self, index: u64) -> Option<&Entry> {
        let skipped = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(skipped)
    }

    pub(super) fn push(&mut self, entry: Entry) {
        let next = self.first + self.entries.len() as u64;
        assert_eq!(entry.position.index, next, "the cache has no gaps");
        self.bytes += cost(&entry);
        self.entries.push_back(entry);
    }

    /// Keeps the entries below `end`.
    pub(super) fn truncate(&mut self, end: u64) {
        while self.entries.back().is_some_and(|entry| entry.position.index >= end) {
            let entry = self.entries.pop_back().expect("just seen");
            self.bytes -= cost(&entry);
        }
        if self.entries.is_empty() {
            self.first = end;
        }
    }

    /// Keeps the entries from `first` on.
    pub(super) fn purge(&mut self, first: u64) {
        while self.first < first && !self.entries.is_empty() {
            self.pop();
        }
        self.first = self.first.max(first);
    }

    /// Keeps nothing; the next entry is `next`.
    pub(super) fn reset(&mut self, next: u64) {
        *self = Self { first: next, ..Self::new(self.bytes_max) };
    }

    /// Brings the cache back to its size, as far as entries below `durable` allow.
    pub(super) fn shrink(&mut self, durable: u64) {
        while self.bytes > self.bytes_max && self.first < durable && !self.entries.is_empty() {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let entry = self.entries.pop_front().expect("the caller saw one");
        self.bytes -= cost(&entry);
        self.first += 1;
    }
}
