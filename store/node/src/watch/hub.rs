//! Where applied revisions meet watchers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use detcd_machine::Event;

use super::history::History;
use super::index::{Index, Synced};
use super::queue::{Delivery, Lagging, Output, Queue};
use super::subscription::Subscription;
use super::watcher::{Watcher, WatcherId};

/// How much memory watching may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of events that wait in one stream's queue before its watchers lag.
    pub queue_bytes_max: usize,
    /// Revisions that are read from the history at a time.
    pub batch_revisions_max: usize,
    /// Bytes that are read from the history at a time.
    pub batch_bytes_max: usize,
    /// Lagging watchers that one reading serves.
    pub batch_watchers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_bytes_max: 1 << 20,
            batch_revisions_max: 1000,
            batch_bytes_max: 1 << 20,
            batch_watchers_max: 512,
        }
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Open streams.
    pub streams: usize,
    /// Watchers that hear of each revision when it is published.
    pub synced: usize,
    /// Watchers that are being fed from the history.
    pub unsynced: usize,
}

/// A watcher, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// The watcher.
    pub watcher: Arc<Watcher>,
    /// The first revision that it wants and has not had, if it lags; otherwise it hears of what is published.
    pub lags_at: Option<i64>,
}

/// Hands each published revision to the watchers it concerns. Clones share one hub.
///
/// One lock orders everything: what is published, who is synced, and what progress is promised. It is
/// held for steps in memory only, never while anything is awaited. Locks are taken in the order hub,
/// queue.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    history: Arc<dyn History>,
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    /// The last published revision.
    revision: i64,
    /// The synced watchers. Each has had, in its queue, everything it wants up to `revision`.
    index: Index,
    queues: BTreeMap<u64, Arc<Queue>>,
    next_stream: u64,
}

impl Hub {
    /// A hub that goes on from where the history is.
    pub fn new(history: Arc<dyn History>, limits: Limits) -> Self {
        let state = State {
            revision: history.revision(),
            index: Index::default(),
            queues: BTreeMap::new(),
            next_stream: 0,
        };
        Self { shared: Arc::new(Shared { history, limits, state: Mutex::new(state) }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Assertions stand before what they guard is changed, so the state is whole after a panic too.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last published revision.
    pub fn revision(&self) -> i64 {
        self.state().revision
    }

    /// What is there now.
    pub fn counts(&self) -> Counts {
        let state = self.state();
        let unsynced = state.queues.values().map(|queue| queue.lagging_count()).sum();
        Counts { streams: state.queues.len(), synced: state.index.len(), unsynced }
    }

    /// All watchers, by stream and id.
    pub fn watchers(&self) -> Vec<Watching> {
        let state = self.state();
        let synced = state.index.watchers().map(|watcher| Watching { watcher, lags_at: None });
        let lagging = state.queues.values().flat_map(|queue| queue.lagging_from(0, usize::MAX));
        let lagging = lagging
            .map(|lagging| Watching { watcher: lagging.watcher, lags_at: Some(lagging.next) });
        let mut all: Vec<Watching> = synced.chain(lagging).collect();
        all.sort_by_key(|watching| watching.watcher.id);
        all
    }

    /// Bytes of events that wait in the queues of streams, each queue at most a revision above its limit.
    pub fn queued_bytes(&self) -> usize {
        self.state().queues.values().map(|queue| queue.bytes()).sum()
    }

    /// Where events come from that were published before.
    pub fn history(&self) -> &Arc<dyn History> {
        &self.shared.history
    }

    pub(super) fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// Publishes an applied revision, the one after the last. Called by the applier, after the history
    /// has it and before anybody is answered; it waits for nobody, and takes time for the watchers that
    /// the events concern only.
    pub fn publish(&self, revision: i64, events: &[Event]) {
        let mut state = self.state();
        let last = state.revision;
        assert!(revision == last + 1, "revision {revision} is published after {last}");
        let foreign = events.iter().map(|event| event.kv.mod_revision).find(|own| *own != revision);
        assert!(foreign.is_none(), "an event of {foreign:?} is published as one of {revision}");
        state.revision = revision;
        for (id, (watcher, events)) in state.index.matches(revision, events) {
            let delivered = state.queue(id).offer(Delivery { watcher, revision, events });
            if !delivered {
                state.index.remove(id);
            }
        }
    }

    /// The state was replaced by that of a snapshot, at `revision`: what was published and what is
    /// published next do not join. Whoever was synced is fed what lies between from the history, from
    /// where it stood (etcd #15271); whoever lagged goes on as before (etcd #9281).
    pub fn reset(&self, revision: i64) {
        let mut state = self.state();
        let last = state.revision;
        assert!(revision >= last, "the state went back from revision {last} to {revision}");
        state.revision = revision;
        for synced in state.index.take() {
            let next = synced.from.max(last + 1);
            state.resume(synced.watcher, next);
        }
    }

    /// Opens a stream.
    pub fn subscribe(&self) -> Subscription {
        let mut state = self.state();
        let stream = state.next_stream;
        state.next_stream += 1;
        let queue = Arc::new(Queue::new(self.shared.limits.queue_bytes_max));
        state.queues.insert(stream, Arc::clone(&queue));
        Subscription::new(self.clone(), stream, queue)
    }

    /// Ends a stream and its watchers.
    pub(super) fn unsubscribe(&self, stream: u64, watch_ids: impl Iterator<Item = i64>) {
        let mut state = self.state();
        state.queues.remove(&stream);
        for watch in watch_ids {
            state.index.remove(WatcherId { stream, watch });
        }
    }

    /// Starts a watcher, and tells its client so before anything else about it.
    pub(super) fn start(&self, watcher: Arc<Watcher>) {
        let mut state = self.state();
        let (revision, watch_id) = (state.revision, watcher.id.watch);
        state.queue(watcher.id).push(Output::Created { watch_id, revision });
        let start = watcher.interest.start_revision;
        state.resume(watcher, if start == 0 { revision + 1 } else { start });
    }

    /// Ends a watcher, and tells its client so after everything else about it.
    pub(super) fn cancel(&self, id: WatcherId) {
        let mut state = self.state();
        let revision = state.revision;
        state.index.remove(id);
        state.queue(id).unlag(id.watch);
        state.queue(id).push(Output::Canceled { watch_id: id.watch, revision });
    }

    /// Says that `watchers` were told everything up to now, in the place of `watch_id`. The promise
    /// takes its turn behind the events in the queue (etcd #15220).
    pub(super) fn promise<'a>(
        &self,
        queue: &Queue,
        watch_id: i64,
        watchers: impl Iterator<Item = &'a Arc<Watcher>>,
    ) -> Promise {
        let state = self.state();
        let revision = state.revision;
        let mut future = false;
        for watcher in watchers {
            if queue.is_lagging(watcher.id.watch) {
                return Promise::Later;
            }
            future |= watcher.interest.start_revision > revision;
        }
        if future {
            return Promise::Never;
        }
        queue.push(Output::Progress { watch_id, revision });
        Promise::Given
    }

    /// Queues what was read for lagging watchers, and lets those be synced that are at the end of what
    /// was published. Both happen under the one lock, so that nothing falls between (etcd #17529).
    pub(super) fn hand_over(&self, caught_up: Vec<(Lagging, Option<Delivery>)>) {
        let mut state = self.state();
        for (lagging, delivery) in caught_up {
            let queue = Arc::clone(state.queue(lagging.watcher.id));
            let known = queue.unlag(lagging.watcher.id.watch);
            assert!(known.is_some(), "watcher {:?} is fed but does not lag", lagging.watcher.id);
            if let Some(delivery) = delivery {
                queue.push_past(delivery);
            }
            state.resume(lagging.watcher, lagging.next);
        }
    }
}

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// It is queued.
    Given,
    /// Some watcher lags.
    Later,
    /// Some watcher starts in the future: etcd leaves such a question unanswered.
    Never,
}

impl State {
    fn queue(&self, id: WatcherId) -> &Arc<Queue> {
        self.queues.get(&id.stream).expect("a stream is known as long as it has watchers")
    }

    /// Goes on with a watcher that wants `next` next: with what is published, or from the history.
    fn resume(&mut self, watcher: Arc<Watcher>, next: i64) {
        if next > self.revision {
            self.index.insert(Synced { watcher, from: next });
        } else {
            self.queue(watcher.id).lag(watcher, next);
        }
    }
}
