//! Rows kept in memory because they are likely to be read again.

use std::collections::{BTreeMap, VecDeque};

use detcd_machine::{Revision, Row};

/// Bytes that one row is charged besides its key and value.
pub(super) const ROW_OVERHEAD: usize = 96;

/// What a row is charged.
pub(super) fn row_size(row: &Row) -> usize {
    ROW_OVERHEAD
        + match row {
            Row::Value(kv) => kv.key.len() + kv.value.len(),
            Row::Tombstone { key } => key.len(),
        }
}

/// A cache with a budget in bytes, evicting by the clock algorithm: a row that was read since the hand
/// last passed it is spared once. The same calls leave the same rows, on every run.
#[derive(Debug)]
pub(super) struct Cache {
    rows: BTreeMap<Revision, Slot>,
    /// In the order in which the hand passes; may name rows that are gone.
    ring: VecDeque<Revision>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Slot {
    row: Row,
    touched: bool,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { rows: BTreeMap::new(), ring: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(super) fn get(&mut self, revision: Revision) -> Option<Row> {
        let slot = self.rows.get_mut(&revision)?;
        slot.touched = true;
        Some(slot.row.clone())
    }

    pub(super) fn insert(&mut self, revision: Revision, row: Row) {
        let size = row_size(&row);
        if size > self.bytes_max || self.rows.contains_key(&revision) {
            return;
        }
        self.bytes += size;
        self.rows.insert(revision, Slot { row, touched: false });
        self.ring.push_back(revision);
        while self.bytes > self.bytes_max {
            self.advance();
        }
    }

    pub(super) fn remove(&mut self, revision: Revision) {
        let Some(slot) = self.rows.remove(&revision) else { return };
        self.bytes -= row_size(&slot.row);
        // Names of removed rows stay in the ring until the hand passes; keep them a minority.
        if self.ring.len() > 2 * self.rows.len() + 64 {
            self.ring.retain(|revision| self.rows.contains_key(revision));
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.bytes_max);
    }

    /// Moves the hand by one place.
    fn advance(&mut self) {
        let revision = self.ring.pop_front().expect("every cached row stands in the ring");
        let Some(slot) = self.rows.get_mut(&revision) else { return };
        if slot.touched {
            slot.touched = false;
            self.ring.push_back(revision);
        } else {
            self.bytes -= row_size(&slot.row);
            self.rows.remove(&revision);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn row(len: usize) -> Row {
        Row::Tombstone { key: Bytes::from(vec![b'k'; len]) }
    }

    fn at(main: i64) -> Revision {
        Revision { main, sub: 0 }
    }

    #[test]
    fn a_row_that_was_read_outlives_one_that_was_not() {
        let mut cache = Cache::new(3 * (ROW_OVERHEAD + 10));
        for main in 1..=3 {
            cache.insert(at(main), row(10));
        }
        assert!(cache.get(at(1)).is_some());
        cache.insert(at(4), row(10));
        assert!(cache.get(at(1)).is_some());
        assert!(cache.get(at(2)).is_none());
    }

    #[test]
    fn the_budget_holds_and_a_row_beyond_it_is_not_kept() {
        let mut cache = Cache::new(10_000);
        for main in 0..5_000 {
            cache.insert(at(main), row((main % 700) as usize));
            if main % 3 == 0 {
                cache.remove(at(main - 1));
            }
            assert!(cache.bytes <= 10_000);
            assert!(cache.ring.len() <= 2 * cache.rows.len() + 66);
        }
        cache.insert(at(9_999), row(20_000));
        assert!(cache.get(at(9_999)).is_none());
        let bytes: usize = cache.rows.values().map(|slot| row_size(&slot.row)).sum();
        assert_eq!(cache.bytes, bytes);
    }
}
