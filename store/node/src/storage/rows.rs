//! Rows in memory: those that are not durable yet, and those worth keeping.

use std::collections::BTreeMap;

use detcd_machine::{Change, Revision, Row};

use super::cache::Cache;
use super::database::Delta;

/// What memory knows about a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The row.
    Row(Row),
    /// It was removed, though the database may still have it.
    Removed,
    /// Nothing: ask the database.
    Unknown,
}

/// Rows changed since the last durable commit, over a cache of durable ones.
///
/// A change stays here until the commit that holds it is durable, so that a reader finds every staged
/// row in memory or in the database at any moment.
#[derive(Debug)]
pub(super) struct Rows {
    pending: BTreeMap<Revision, Pending>,
    cache: Cache,
    /// Counts removals and replacements, so that a row read from the database before one of them is not
    /// put into the cache after it.
    epoch: u64,
}

#[derive(Debug)]
struct Pending {
    /// The batch that changed the row last.
    sequence: u64,
    row: Option<Row>,
}

impl Rows {
    pub(super) fn new(cache_bytes_max: usize) -> Self {
        Self { pending: BTreeMap::new(), cache: Cache::new(cache_bytes_max), epoch: 0 }
    }

    /// Takes in the changes of batch `sequence`.
    pub(super) fn stage(&mut self, sequence: u64, changes: &[Change]) {
        for change in changes {
            let (revision, row) = match change {
                Change::Put { revision, row } => (*revision, Some(row.clone())),
                Change::Remove { revision } => {
                    self.epoch += 1;
                    self.cache.remove(*revision);
                    (*revision, None)
                }
                Change::SetMeta { .. } | Change::RemoveMeta { .. } => continue,
            };
            self.pending.insert(revision, Pending { sequence, row });
        }
    }

    /// The batches up to `sequence`, which changed what `delta` holds, are durable.
    pub(super) fn settle(&mut self, sequence: u64, delta: Delta) {
        for (revision, row) in delta.rows {
            let pending = self.pending.get(&revision);
            if pending.is_none_or(|pending| pending.sequence > sequence) {
                continue;
            }
            self.pending.remove(&revision);
            match row {
                Some(row @ Row::Value(_)) => self.cache.insert(revision, row),
                Some(Row::Tombstone { .. }) => {}
                None => self.cache.remove(revision),
            }
        }
    }

    pub(super) fn lookup(&mut self, revision: Revision) -> Lookup {
        match self.pending.get(&revision) {
            Some(Pending { row: Some(row), .. }) => Lookup::Row(row.clone()),
            Some(Pending { row: None, .. }) => Lookup::Removed,
            None => self.cache.get(revision).map_or(Lookup::Unknown, Lookup::Row),
        }
    }

    /// See [`Self::keep`].
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Caches rows that were read from the database after [`Self::epoch`] had answered `epoch`.
    pub(super) fn keep(&mut self, epoch: u64, rows: impl IntoIterator<Item = (Revision, Row)>) {
        if epoch != self.epoch {
            return;
        }
        for (revision, row) in rows {
            self.cache.insert(revision, row);
        }
    }

    /// Pending changes from `from` on and before `to`, until `full` says so after a row.
    pub(super) fn pending(
        &self,
        from: Revision,
        to: Revision,
        mut full: impl FnMut(&Row) -> bool,
    ) -> BTreeMap<Revision, Option<Row>> {
        let mut found = BTreeMap::new();
        for (revision, pending) in self.pending.range(from..to) {
            found.insert(*revision, pending.row.clone());
            if pending.row.as_ref().is_some_and(&mut full) {
                break;
            }
        }
        found
    }

    /// Forgets everything: the database was replaced.
    pub(super) fn clear(&mut self) {
        self.pending.clear();
        self.cache.clear();
        self.epoch += 1;
    }
}
