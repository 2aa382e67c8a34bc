//! A history in memory: every revision, what compaction took, and reads that can be held up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use detcd_machine::{Event, EventKind, KeyValue, Revision};
use detcd_node::watch::{Batch, History, HistoryError};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

/// A change of one key: its new value, or that it goes.
pub(crate) type Change<'a> = (&'a str, Option<&'a str>);

pub(crate) struct MemoryHistory {
    state: Mutex<State>,
    /// Reads pass while it has a permit.
    gate: Arc<Semaphore>,
}

struct State {
    /// The events of revision 2, 3, and so on.
    revisions: Vec<Vec<Event>>,
    rows: BTreeMap<Revision, Arc<KeyValue>>,
    live: BTreeMap<Bytes, Revision>,
    compact_revision: i64,
    stopped: bool,
    reads: usize,
}

impl MemoryHistory {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            revisions: Vec::new(),
            rows: BTreeMap::new(),
            live: BTreeMap::new(),
            compact_revision: -1,
            stopped: false,
            reads: 0,
        };
        Arc::new(Self { state: Mutex::new(state), gate: Arc::new(Semaphore::new(1)) })
    }

    /// Applies one request, and says at which revision and with which events.
    pub(crate) fn apply(&self, changes: &[Change<'_>]) -> (i64, Vec<Event>) {
        let mut state = self.state.lock().unwrap();
        let main = state.revision() + 1;
        let events: Vec<_> = (0..)
            .zip(changes)
            .filter_map(|(sub, (key, value))| state.change(Revision { main, sub }, key, *value))
            .collect();
        assert!(!events.is_empty(), "a request that changes nothing makes no revision");
        state.revisions.push(events.clone());
        (main, events)
    }

    pub(crate) fn compact(&self, revision: i64) {
        let mut state = self.state.lock().unwrap();
        assert!(revision <= state.revision());
        state.compact_revision = revision;
    }

    pub(crate) fn hold_reads(&self) {
        self.gate.forget_permits(1);
    }

    pub(crate) fn release_reads(&self) {
        self.gate.add_permits(1);
    }

    pub(crate) fn stop(&self) {
        self.state.lock().unwrap().stopped = true;
    }

    pub(crate) fn read_count(&self) -> usize {
        self.state.lock().unwrap().reads
    }

    /// The keys that exist.
    pub(crate) fn live(&self) -> BTreeSet<String> {
        let state = self.state.lock().unwrap();
        state.live.keys().map(|key| String::from_utf8(key.to_vec()).unwrap()).collect()
    }

    /// All events of a range of revisions, without regard to compaction.
    pub(crate) fn all(&self, from: i64, to: i64) -> Vec<(i64, Vec<Event>)> {
        let state = self.state.lock().unwrap();
        let all = (2..).zip(state.revisions.iter().cloned());
        all.filter(|(revision, _)| (from..=to).contains(revision)).collect()
    }
}

impl State {
    fn revision(&self) -> i64 {
        1 + i64::try_from(self.revisions.len()).unwrap()
    }

    fn change(&mut self, at: Revision, key: &str, value: Option<&str>) -> Option<Event> {
        let key = Bytes::copy_from_slice(key.as_bytes());
        let prev = self.live.get(&key).copied();
        let before = prev.map(|revision| Arc::clone(&self.rows[&revision]));
        let Some(value) = value else {
            self.live.remove(&key)?;
            let kv = KeyValue { key, mod_revision: at.main, ..KeyValue::default() };
            return Some(Event { kind: EventKind::Delete, kv: Arc::new(kv), prev });
        };
        let kv = Arc::new(KeyValue {
            key: key.clone(),
            value: Bytes::copy_from_slice(value.as_bytes()),
            create_revision: before.as_ref().map_or(at.main, |kv| kv.create_revision),
            mod_revision: at.main,
            version: before.map_or(1, |kv| kv.version + 1),
            lease: 0,
        });
        self.live.insert(key, at);
        self.rows.insert(at, Arc::clone(&kv));
        Some(Event { kind: EventKind::Put, kv, prev })
    }
}

impl History for MemoryHistory {
    fn revision(&self) -> i64 {
        self.state.lock().unwrap().revision()
    }

    fn compact_revision(&self) -> i64 {
        self.state.lock().unwrap().compact_revision
    }

    fn events(
        &self,
        from: i64,
        to: i64,
        revisions_max: usize,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Batch, HistoryError>> {
        let all = self.all(from, to);
        let batch = {
            let mut state = self.state.lock().unwrap();
            state.reads += 1;
            let compact_revision = state.compact_revision;
            match (state.stopped, from < compact_revision) {
                (true, _) => Err(HistoryError::Stopped),
                (_, true) => Err(HistoryError::Compacted { compact_revision }),
                _ => Ok(cut(all, from, to, revisions_max, bytes_max)),
            }
        };
        let gate = Arc::clone(&self.gate);
        async move {
            let _permit = gate.acquire().await.expect("the gate is never closed");
            batch
        }
        .boxed()
    }

    fn previous(
        &self,
        revisions: Vec<Revision>,
    ) -> BoxFuture<'static, Result<BTreeMap<Revision, Arc<KeyValue>>, HistoryError>> {
        let state = self.state.lock().unwrap();
        let row = |revision: Revision| Some((revision, Arc::clone(state.rows.get(&revision)?)));
        let rows = Ok(revisions.into_iter().filter_map(row).collect());
        async move { rows }.boxed()
    }
}

fn cut(
    all: Vec<(i64, Vec<Event>)>,
    from: i64,
    to: i64,
    revisions_max: usize,
    bytes_max: usize,
) -> Batch {
    let mut batch = Batch { revisions: Vec::new(), through: from };
    let mut bytes = 0;
    let more = all.len() > revisions_max;
    for (revision, events) in all.into_iter().take(revisions_max) {
        if bytes > bytes_max {
            return batch;
        }
        bytes +=
            events.iter().map(|event| event.kv.key.len() + event.kv.value.len()).sum::<usize>();
        batch.through = revision;
        batch.revisions.push((revision, events));
    }
    if !more {
        batch.through = to;
    }
    batch
}
