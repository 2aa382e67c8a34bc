//! Where the durable entries are in the files: 16 bytes per entry.

use std::collections::VecDeque;

/// Where an entry's frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    /// Sequence of the segment.
    pub segment: u64,
    /// Offset of the frame.
    pub offset: u32,
    /// Bytes of the payload.
    pub payload_bytes: u32,
}

/// Locations of consecutive entries. They grow along the files, because an entry is always written
/// after those before it.
#[derive(Debug, Default)]
pub(super) struct Locations {
    first: u64,
    entries: VecDeque<Location>,
}

impl Locations {
    pub(super) fn starting_at(first: u64) -> Self {
        Self { first, entries: VecDeque::new() }
    }

    /// The first index that has, or will have, a location.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The index that is located next.
    pub(super) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    pub(super) fn get(&self, index: u64) -> Option<Location> {
        let skipped = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.entries.get(skipped).copied()
    }

    pub(super) fn push(&mut self, index: u64, location: Location) {
        let next = self.next();
        assert_eq!(index, next, "locations have no gaps");
        if let Some(last) = self.entries.back() {
            assert!(
                (last.segment, last.offset) < (location.segment, location.offset),
                "entry {index} was written at {location:?}, before its predecessor at {last:?}"
            );
        }
        self.entries.push_back(location);
    }

    /// Keeps the entries below `end`.
    pub(super) fn truncate(&mut self, end: u64) {
        let kept = end.saturating_sub(self.first);
        self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.first = self.first.min(end);
    }

    /// Keeps the entries from `first` on.
    pub(super) fn purge(&mut self, first: u64) {
        while self.first < first && self.entries.pop_front().is_some() {
            self.first += 1;
        }
        self.first = self.first.max(first);
    }

    /// The oldest segment that holds any of the entries.
    pub(super) fn oldest_segment(&self) -> Option<u64> {
        self.entries.front().map(|location| location.segment)
    }
}
