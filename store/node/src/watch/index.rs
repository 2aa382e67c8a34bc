//! Finds the watchers of a key without looking at the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::Event;

use super::range::KeyRange;
use super::spans::Spans;
use super::watcher::{Watcher, WatcherId};

/// A watcher that hears of revisions as they are published.
#[derive(Debug)]
pub(super) struct Synced {
    pub(super) watcher: Arc<Watcher>,
    /// The first revision that it wants, and has not had; later ones follow of themselves.
    pub(super) from: i64,
}

type Bucket = BTreeMap<WatcherId, Synced>;

/// What each watcher gets of one revision, in the order of the watchers.
pub(super) type Matches = BTreeMap<WatcherId, (Arc<Watcher>, Vec<Event>)>;

/// The synced watchers by what they watch.
#[derive(Debug, Default)]
pub(super) struct Index {
    keys: BTreeMap<Bytes, Bucket>,
    spans: Spans<Bucket>,
    ranges: BTreeMap<WatcherId, KeyRange>,
}

impl Index {
    pub(super) fn insert(&mut self, synced: Synced) {
        let (id, range) = (synced.watcher.id, synced.watcher.interest.range.clone());
        let replaced = match &range {
            KeyRange::Key(key) => self.keys.entry(key.clone()).or_default().insert(id, synced),
            KeyRange::Span(span) => self.spans.entry(span).insert(id, synced),
        };
        self.ranges.insert(id, range);
        assert!(replaced.is_none(), "watcher {id:?} is synced twice");
    }

    /// Takes a watcher out, if it is in.
    pub(super) fn remove(&mut self, id: WatcherId) -> Option<Synced> {
        match self.ranges.remove(&id)? {
            KeyRange::Key(key) => {
                let bucket = self.keys.get_mut(&key)?;
                let synced = bucket.remove(&id);
                if bucket.is_empty() {
                    self.keys.remove(&key);
                }
                synced
            }
            KeyRange::Span(span) => {
                let bucket = self.spans.get_mut(&span)?;
                let synced = bucket.remove(&id);
                if bucket.is_empty() {
                    self.spans.remove(&span);
                }
                synced
            }
        }
    }

    /// Takes all watchers out.
    pub(super) fn take(&mut self) -> Vec<Synced> {
        let ids: Vec<_> = self.ranges.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// All that are in.
    pub(super) fn watchers(&self) -> impl Iterator<Item = Arc<Watcher>> {
        let of = |id: &WatcherId, range: &KeyRange| {
            let bucket = match range {
                KeyRange::Key(key) => self.keys.get(key),
                KeyRange::Span(span) => self.spans.get(span),
            };
            bucket.and_then(|bucket| bucket.get(id)).map(|synced| Arc::clone(&synced.watcher))
        };
        self.ranges.iter().filter_map(move |(id, range)| of(id, range))
    }

    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// What the events of `revision` are to whom.
    pub(super) fn matches(&self, revision: i64, events: &[Event]) -> Matches {
        let mut matches = Matches::new();
        for event in events {
            let mut add = |bucket: &Bucket| {
                for (id, synced) in bucket {
                    if revision >= synced.from && synced.watcher.wants_kind(event.kind) {
                        let (_, wanted) = matches
                            .entry(*id)
                            .or_insert_with(|| (Arc::clone(&synced.watcher), Vec::new()));
                        wanted.push(event.clone());
                    }
                }
            };
            if let Some(bucket) = self.keys.get(&event.kv.key) {
                add(bucket);
            }
            self.spans.around(&event.kv.key, &mut |bucket| add(bucket));
        }
        matches
    }
}
