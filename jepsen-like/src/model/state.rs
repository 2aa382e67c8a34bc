//! The state: every change ever made, in order, and an index of them by key.

use std::collections::BTreeMap;

use super::Span;
use crate::history::{Blob, DeleteRangeRequest, KeyValue, KvEventKind, PutRequest};

/// One change of one key, as a watch would tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Written or deleted.
    pub kind: KvEventKind,
    /// The key after the change; of a deleted one only key and mod revision are set.
    pub kv: KeyValue,
}

/// The state of a store at all its revisions.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) revision: i64,
    pub(super) compacted: i64,
    log: Vec<Change>,
    keys: BTreeMap<Blob, Vec<usize>>,
}

/// A point to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    revision: i64,
    compacted: i64,
    length: usize,
}

impl Default for State {
    fn default() -> Self {
        Self { revision: 1, compacted: -1, log: Vec::new(), keys: BTreeMap::new() }
    }
}

impl State {
    /// The current revision; 1 in an empty store.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The revision of the last compaction; -1 before the first.
    pub fn compacted(&self) -> i64 {
        self.compacted
    }

    /// All changes, oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.log
    }

    /// The changes of one key, oldest first, as positions in [`changes`](Self::changes).
    pub fn changes_of(&self, key: &[u8]) -> &[usize] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// The position of the first change at a revision or later.
    pub fn position_of(&self, revision: i64) -> usize {
        self.log.partition_point(|change| change.kv.mod_revision < revision)
    }

    /// The changes made by one revision.
    pub fn changes_at(&self, revision: i64) -> &[Change] {
        let end = self.position_of(revision.saturating_add(1));
        self.log.get(self.position_of(revision)..end).unwrap_or(&[])
    }

    /// The key as it was before the request that made a change, if the change did not create it.
    ///
    /// A transaction can change a key twice; etcd tells watchers the revision before, both times.
    pub fn before(&self, position: usize) -> Option<&KeyValue> {
        let Change { kind, kv } = self.log.get(position)?;
        let creates = *kind == KvEventKind::Put && kv.create_revision == kv.mod_revision;
        if creates { None } else { self.at(kv.key.as_bytes(), kv.mod_revision - 1) }
    }

    /// The key as it was at a revision.
    pub fn at(&self, key: &[u8], revision: i64) -> Option<&KeyValue> {
        self.newest(self.changes_of(key), revision)
    }

    /// The keys of a range as they were at a revision, in key order.
    pub fn span_at<'s>(
        &'s self,
        span: &Span<'_>,
        revision: i64,
    ) -> impl Iterator<Item = &'s KeyValue> + use<'s> {
        let bounds = span.bounds();
        let keys = bounds.map(|bounds| self.keys.range::<[u8], _>(bounds));
        keys.into_iter().flatten().filter_map(move |(_, changes)| self.newest(changes, revision))
    }

    /// Where the state is now.
    pub fn mark(&self) -> Mark {
        Mark { revision: self.revision, compacted: self.compacted, length: self.log.len() }
    }

    /// Takes back everything since a mark.
    pub fn undo_to(&mut self, mark: Mark) {
        while self.log.len() > mark.length {
            let Some(change) = self.log.pop() else { break };
            if let Some(changes) = self.keys.get_mut(&change.kv.key) {
                changes.pop();
                if changes.is_empty() {
                    self.keys.remove(&change.kv.key);
                }
            }
        }
        self.revision = mark.revision;
        self.compacted = mark.compacted;
    }

    /// Passes a revision whose change nobody knows.
    pub fn skip_to(&mut self, revision: i64) {
        self.revision = self.revision.max(revision);
    }

    /// Writes a key at a revision and returns what was there before.
    pub(super) fn write(&mut self, request: &PutRequest, revision: i64) -> Option<KeyValue> {
        let before = self.changes_of(request.key.as_bytes()).last();
        let before = before.and_then(|&position| self.live(position)).cloned();
        let mut kv = KeyValue {
            key: request.key.clone(),
            value: request.value.clone(),
            create_revision: revision,
            mod_revision: revision,
            version: 1,
            lease: request.lease,
        };
        if let Some(before) = &before {
            kv.create_revision = before.create_revision;
            kv.version = before.version + 1;
            if request.ignore_value {
                kv.value = before.value.clone();
            }
            if request.ignore_lease {
                kv.lease = before.lease;
            }
        }
        self.record(Change { kind: KvEventKind::Put, kv });
        before
    }

    /// Deletes a range at a revision and returns what was there.
    pub(super) fn delete(&mut self, request: &DeleteRangeRequest, revision: i64) -> Vec<KeyValue> {
        let span = Span::new(&request.key, &request.range_end);
        let deleted: Vec<KeyValue> = self.span_at(&span, i64::MAX).cloned().collect();
        deleted.iter().for_each(|kv| self.tombstone(kv.key.clone(), revision));
        deleted
    }

    pub(super) fn tombstone(&mut self, key: Blob, revision: i64) {
        let kv = KeyValue { key, mod_revision: revision, ..KeyValue::default() };
        self.record(Change { kind: KvEventKind::Delete, kv });
    }

    fn record(&mut self, change: Change) {
        let position = self.log.len();
        match self.keys.get_mut(&change.kv.key) {
            Some(changes) => changes.push(position),
            None => {
                self.keys.insert(change.kv.key.clone(), vec![position]);
            }
        }
        self.log.push(change);
    }

    /// The newest of one key's changes at or before a revision, if it is not a deletion.
    fn newest(&self, changes: &[usize], revision: i64) -> Option<&KeyValue> {
        let last = *changes.last()?;
        if self.log.get(last)?.kv.mod_revision <= revision {
            return self.live(last);
        }
        let old = |&position: &usize| {
            self.log.get(position).is_some_and(|change| change.kv.mod_revision <= revision)
        };
        let count = changes.partition_point(old);
        self.live(*changes.get(count.checked_sub(1)?)?)
    }

    fn live(&self, position: usize) -> Option<&KeyValue> {
        let change = self.log.get(position)?;
        (change.kind == KvEventKind::Put).then_some(&change.kv)
    }
}
