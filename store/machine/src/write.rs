//! One write request on its way into the store: everything it changes shares one main revision
//! (G5).
//!
//! It was checked before: nothing here can be refused, so nothing has to be undone.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use crate::command::{DeleteRange, Put, Range};
use crate::index::{Direction, Index, Keys, Seen};
use crate::lease::LeaseTable;
use crate::outcome::{Change, DeleteRangeOutcome, Event, EventKind, PutOutcome, RangeOutcome};
use crate::reader::{Chunk, RangeReader};
use crate::row::{KeyValue, Revision, Row, Rows};
use crate::span::Span;

/// See the module.
pub(crate) struct Write<'a> {
    index: &'a mut Index,
    leases: &'a mut LeaseTable,
    rows: &'a dyn Rows,
    /// The store's revision before.
    before: i64,
    effects: Effects,
}

/// What a write did.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) events: Vec<Event>,
    /// New rows; the position of each is its sub revision.
    pub(crate) changes: Vec<Change>,
    /// What else is to be kept.
    pub(crate) others: Vec<Change>,
}

impl<'a> Write<'a> {
    pub(crate) fn new(
        index: &'a mut Index,
        leases: &'a mut LeaseTable,
        rows: &'a dyn Rows,
        before: i64,
    ) -> Self {
        Self { index, leases, rows, before, effects: Effects::default() }
    }

    pub(crate) fn into_effects(self) -> Effects {
        self.effects
    }

    pub(crate) fn put(&mut self, put: &Put) -> PutOutcome {
        let current = self.index.latest(&put.key);
        let needs_value = put.prev_kv || put.ignore_value;
        let previous = current.filter(|_| needs_value).map(|current| self.value(current.revision));
        let value = match &previous {
            Some(previous) if put.ignore_value => previous.value.clone(),
            _ => put.value.clone(),
        };
        let lease = match current.and_then(|current| current.lease) {
            Some(lease) if put.ignore_lease => lease,
            _ => put.lease,
        };
        self.leases.attach(&put.key, lease_of(current.as_ref()), lease);
        let revision = self.next_revision();
        let Seen { create_revision, version, .. } = self.index.put(&put.key, revision, lease);
        let prev = current.filter(|_| create_revision < revision.main);
        let prev = prev.and_then(|current| self.before_this_write(&put.key, &current));
        let kv = Arc::new(KeyValue {
            key: put.key.clone(),
            value,
            create_revision,
            mod_revision: revision.main,
            version,
            lease,
        });
        self.record(EventKind::Put, Row::Value(kv.clone()), kv, prev);
        PutOutcome { prev_kv: previous.filter(|_| put.prev_kv) }
    }

    pub(crate) fn delete_range(&mut self, delete: &DeleteRange) -> DeleteRangeOutcome {
        let doomed = live_keys(self.index, &Span::new(&delete.key, &delete.range_end));
        let mut outcome = DeleteRangeOutcome::default();
        for (key, seen) in doomed {
            if delete.prev_kv {
                outcome.prev_kvs.push(self.value(seen.revision));
            }
            outcome.deleted += 1;
            let revision = self.next_revision();
            let prev = self.before_this_write(&key, &seen);
            self.leases.attach(&key, lease_of(Some(&seen)), 0);
            self.index.delete(&key, revision);
            // A deletion shows nothing but the key and where it happened (G46).
            let kv = Arc::new(KeyValue {
                key: key.clone(),
                mod_revision: revision.main,
                ..KeyValue::default()
            });
            self.record(EventKind::Delete, Row::Tombstone { key }, kv, prev);
        }
        outcome
    }

    /// Reads in the middle of the write; sees what it wrote so far, unless an older revision is
    /// asked for.
    pub(crate) fn range(&self, range: &Range) -> RangeOutcome {
        read_range(self.index, range, |revision| self.value(revision))
    }

    fn next_revision(&self) -> Revision {
        let sub = i64::try_from(self.effects.changes.len()).expect("a count fits");
        Revision { main: self.before + 1, sub }
    }

    /// Where the key-value is that a key had before this write, which may have changed it already:
    /// watchers are told that one, with every change (G46).
    fn before_this_write(&self, key: &Bytes, current: &Seen) -> Option<Revision> {
        if current.revision.main <= self.before {
            return Some(current.revision);
        }
        // The first change of the key still knows; a key that is changed twice is rare.
        self.effects.events.iter().find(|event| event.kv.key == *key)?.prev
    }

    fn record(&mut self, kind: EventKind, row: Row, kv: Arc<KeyValue>, prev: Option<Revision>) {
        let revision = self.next_revision();
        self.effects.changes.push(Change::Put { revision, row });
        self.effects.events.push(Event { kind, kv, prev });
    }

    /// The key-value stored at `revision`, which may be of this very write.
    fn value(&self, revision: Revision) -> Arc<KeyValue> {
        if revision.main <= self.before {
            return stored_value(self.rows, revision);
        }
        let own = usize::try_from(revision.sub).ok().and_then(|at| self.effects.changes.get(at));
        match own {
            Some(Change::Put { row: Row::Value(kv), .. }) => kv.clone(),
            other => panic!("no value of this write at {revision:?}: {other:?}"),
        }
    }
}

/// The lease attached to the newest key-value of a key, or 0.
fn lease_of(latest: Option<&Seen>) -> i64 {
    latest.map_or(0, |seen| seen.lease.expect("the newest revision's lease is known"))
}

/// Reads a range whose revision was checked.
pub(crate) fn read_range(
    index: &Index,
    range: &Range,
    value: impl Fn(Revision) -> Arc<KeyValue>,
) -> RangeOutcome {
    let pinned = if range.revision > 0 { range.revision } else { index.newest() };
    assert!(pinned <= index.newest(), "read at {pinned} was not checked");
    let mut reader = RangeReader::pinned_at(index, pinned, range);
    loop {
        match reader.step(index, usize::MAX) {
            Chunk::Rows(revisions) => reader.accept(revisions.into_iter().map(&value).collect()),
            Chunk::Again => {}
            Chunk::Done => return reader.finish(),
        }
    }
}

/// The key-value stored at a revision that the index names. That it is missing is a bug of the
/// owner of the rows, and no member may answer from such a state.
pub(crate) fn stored_value(rows: &dyn Rows, revision: Revision) -> Arc<KeyValue> {
    match rows.row(revision) {
        Some(Row::Value(kv)) => {
            assert_eq!(kv.mod_revision, revision.main, "row of another revision at {revision:?}");
            kv
        }
        other => panic!("no value at {revision:?}: {other:?}"),
    }
}

/// The keys that live in `span` now.
pub(crate) fn live_keys(index: &Index, span: &Span) -> Vec<(Bytes, Seen)> {
    let mut live = Vec::new();
    let _ = index.walk(span, Keys::Live, Direction::Ascending, &mut |key, history| {
        live.extend(history.latest().map(|seen| (Bytes::copy_from_slice(key), seen)));
        ControlFlow::Continue(())
    });
    live
}
