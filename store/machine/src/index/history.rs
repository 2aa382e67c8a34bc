//! The revisions of one key, in generations: from a creation to the deletion that ends it.
//!
//! Create revision and version are not stored per revision: they follow from the generation, also
//! after compaction has dropped its first revisions.

use super::puts::Puts;
use super::tree::Liveness;
use crate::row::Revision;

/// Everything that is known of one key besides its values.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Ended generations, oldest first.
    closed: Vec<Closed>,
    /// The generation of the living key.
    open: Option<Open>,
}

#[derive(Debug)]
struct Closed {
    generation: Generation,
    deleted: Revision,
}

#[derive(Debug)]
struct Open {
    generation: Generation,
    /// The lease attached now.
    lease: i64,
}

#[derive(Debug)]
struct Generation {
    created: i64,
    /// Versions that compaction has removed.
    dropped: i64,
    puts: Puts,
}

/// A key-value as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) revision: Revision,
    pub(crate) create_revision: i64,
    pub(crate) version: i64,
    /// Known only of the key's newest revision.
    pub(crate) lease: Option<i64>,
}

impl Liveness for History {
    fn is_live(&self) -> bool {
        self.open.is_some()
    }
}

impl History {
    /// The key-value now.
    pub(crate) fn latest(&self) -> Option<Seen> {
        let open = self.open.as_ref()?;
        let newest = open.generation.puts.len() - 1;
        Some(Seen { lease: Some(open.lease), ..open.generation.seen(newest) })
    }

    /// The key-value after all changes up to `bound`, `bound` included.
    pub(crate) fn seen_at(&self, bound: Revision) -> Option<Seen> {
        if let Some(open) = &self.open
            && let Some(at) = open.generation.newest_at(bound)
        {
            let lease = (at + 1 == open.generation.puts.len()).then_some(open.lease);
            return Some(Seen { lease, ..open.generation.seen(at) });
        }
        let started = self.closed.partition_point(|closed| closed.started() <= bound);
        let closed = &self.closed[started.checked_sub(1)?];
        if closed.deleted <= bound {
            return None;
        }
        let at = closed.generation.newest_at(bound)?;
        Some(closed.generation.seen(at))
    }

    /// Records a put and tells what it made.
    pub(crate) fn put(&mut self, revision: Revision, lease: i64) -> Seen {
        assert!(
            self.newest().is_none_or(|newest| newest < revision),
            "put at {revision:?} after {:?}",
            self.newest()
        );
        match &mut self.open {
            Some(open) => {
                open.generation.puts.push(revision);
                open.lease = lease;
            }
            None => self.open_at(revision, revision.main, 1, lease),
        }
        self.latest().expect("a key that was just put is alive")
    }

    /// Records a deletion of the living key and tells what it ended.
    pub(crate) fn delete(&mut self, revision: Revision) -> Option<Seen> {
        let last = self.latest()?;
        assert!(last.revision < revision, "delete at {revision:?} after {:?}", last.revision);
        let Open { generation, .. } = self.open.take()?;
        self.closed.push(Closed { generation, deleted: revision });
        Some(last)
    }

    /// Begins a generation at a put of any version; for restoring.
    pub(crate) fn open_at(&mut self, put: Revision, created: i64, version: i64, lease: i64) {
        assert!(self.open.is_none(), "the generation before {put:?} has not ended");
        let generation = Generation { created, dropped: version - 1, puts: Puts::one(put) };
        self.open = Some(Open { generation, lease });
    }

    /// Records a deletion of which compaction left nothing but the tombstone; for restoring.
    pub(crate) fn close_at(&mut self, deleted: Revision) {
        assert!(self.open.is_none(), "the generation before {deleted:?} has not ended");
        let generation = Generation { created: 0, dropped: 0, puts: Puts::none() };
        self.closed.push(Closed { generation, deleted });
    }

    /// The key's last change.
    pub(crate) fn newest(&self) -> Option<Revision> {
        match &self.open {
            Some(open) => open.generation.puts.as_slice().last().copied(),
            None => self.closed.last().map(|closed| closed.deleted),
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.open.is_none()
    }

    /// Whether [`compact`](Self::compact) would remove something.
    pub(crate) fn is_compactable(&self, bound: i64) -> bool {
        let oldest = match (self.closed.first(), &self.open) {
            (Some(closed), _) if closed.deleted.main < bound => return true,
            (Some(closed), _) if closed.deleted.main == bound => {
                return closed.generation.puts.len() > 0;
            }
            (Some(closed), _) => &closed.generation,
            (None, Some(open)) => &open.generation,
            (None, None) => return false,
        };
        oldest.superseded(bound) > 0
    }

    /// Drops what no reader at `bound` or later can see, oldest first and at most `max` revisions,
    /// and adds the dropped ones to `removed`. A tombstone exactly at `bound` stays, so that a
    /// watch from there still sees the deletion (G36, etcd #18089, #19179). Returns whether all is
    /// dropped.
    pub(crate) fn compact(&mut self, bound: i64, max: usize, removed: &mut Vec<Revision>) -> bool {
        let full = removed.len() + max;
        while let Some(oldest) = self.closed.first_mut() {
            let deleted = oldest.deleted;
            let superseded = if deleted.main <= bound {
                oldest.generation.puts.len()
            } else {
                oldest.generation.superseded(bound)
            };
            if !oldest.generation.drop_front(superseded, full, removed) {
                return false;
            }
            if deleted.main >= bound {
                // Whatever follows was created at the bound or later.
                return true;
            }
            if removed.len() == full {
                return false;
            }
            removed.push(deleted);
            self.closed.remove(0);
        }
        match &mut self.open {
            Some(open) => {
                let superseded = open.generation.superseded(bound);
                open.generation.drop_front(superseded, full, removed)
            }
            None => true,
        }
    }
}

impl Closed {
    /// The generation's oldest revision that is left.
    fn started(&self) -> Revision {
        self.generation.puts.as_slice().first().copied().unwrap_or(self.deleted)
    }
}

impl Generation {
    fn seen(&self, at: usize) -> Seen {
        let position = i64::try_from(at).expect("an index fits");
        Seen {
            revision: self.puts.as_slice()[at],
            create_revision: self.created,
            version: self.dropped + position + 1,
            lease: None,
        }
    }

    /// Position of the newest put up to `bound`.
    fn newest_at(&self, bound: Revision) -> Option<usize> {
        self.puts.as_slice().partition_point(|put| *put <= bound).checked_sub(1)
    }

    /// How many puts at the front have a successor that is at `bound` or before.
    fn superseded(&self, bound: i64) -> usize {
        self.puts.as_slice().partition_point(|put| put.main <= bound).saturating_sub(1)
    }

    /// Drops `count` puts, or as many as make `removed` full. Returns whether it dropped them all.
    fn drop_front(&mut self, count: usize, full: usize, removed: &mut Vec<Revision>) -> bool {
        let dropped = count.min(full - removed.len());
        removed.extend_from_slice(&self.puts.as_slice()[..dropped]);
        self.puts.drop_front(dropped);
        self.dropped += i64::try_from(dropped).expect("a count fits");
        dropped == count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(main: i64) -> Revision {
        Revision { main, sub: 0 }
    }

    fn history() -> History {
        // put 2, 3; delete 5; put 7, 8
        let mut history = History::default();
        history.put(at(2), 0);
        history.put(at(3), 0);
        history.delete(at(5));
        history.put(at(7), 0);
        history.put(at(8), 9);
        history
    }

    fn compacted(bound: i64) -> Vec<i64> {
        let mut removed = Vec::new();
        let mut history = history();
        let compactable = history.is_compactable(bound);
        assert!(history.compact(bound, usize::MAX, &mut removed));
        assert_eq!(compactable, !removed.is_empty());
        assert!(!history.is_compactable(bound));
        removed.iter().map(|revision| revision.main).collect()
    }

    #[test]
    fn version_and_create_revision_begin_anew_after_a_deletion() {
        let history = history();
        let seen = |main| {
            history
                .seen_at(Revision { main, sub: i64::MAX })
                .map(|seen| (seen.revision.main, seen.create_revision, seen.version, seen.lease))
        };
        assert_eq!(seen(1), None);
        assert_eq!(seen(2), Some((2, 2, 1, None)));
        assert_eq!(seen(4), Some((3, 2, 2, None)));
        assert_eq!(seen(5), None);
        assert_eq!(seen(6), None);
        assert_eq!(seen(7), Some((7, 7, 1, None)));
        assert_eq!(seen(9), Some((8, 7, 2, Some(9))));
    }

    #[test]
    fn compaction_keeps_the_newest_revision_and_the_tombstone_at_the_bound() {
        assert_eq!(compacted(1), []);
        assert_eq!(compacted(2), []);
        assert_eq!(compacted(3), [2]);
        assert_eq!(compacted(4), [2]);
        assert_eq!(compacted(5), [2, 3]);
        assert_eq!(compacted(6), [2, 3, 5]);
        assert_eq!(compacted(7), [2, 3, 5]);
        assert_eq!(compacted(8), [2, 3, 5, 7]);
    }

    #[test]
    fn compaction_in_pieces_removes_the_same_in_the_same_order() {
        let mut history = history();
        let mut removed = Vec::new();
        let mut pieces = 0;
        while !history.compact(8, 1, &mut removed) {
            pieces += 1;
            assert_eq!(removed.len(), pieces);
            assert_eq!(
                history.latest().map(|seen| (seen.create_revision, seen.version)),
                Some((7, 2))
            );
        }
        assert_eq!(removed, [at(2), at(3), at(5), at(7)]);
    }

    #[test]
    fn deleted_key_is_gone_once_its_tombstone_is_compacted() {
        let mut history = History::default();
        history.put(at(2), 0);
        history.delete(at(3));
        history.compact(3, usize::MAX, &mut Vec::new());
        assert!(!history.is_empty());
        assert_eq!(history.newest(), Some(at(3)));
        history.compact(4, usize::MAX, &mut Vec::new());
        assert!(history.is_empty());
    }
}
