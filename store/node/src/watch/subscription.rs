//! The watchers of one client stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use detcd_api::Error;

use super::history::Batch;
use super::hub::{Hub, Promise};
use super::queue::{Delivery, Lagging, Output, Queue};
use super::watcher::{Interest, Watcher, WatcherId};

/// The `watch_id` of responses that are about no watcher, or about all.
pub const NO_WATCHER: i64 = -1;

/// Ids of ended watchers that are remembered; a client with more of them gets the lowest ones free.
const ENDED_COUNT_MAX: usize = 1 << 16;

/// A client's watchers, and what it is to be told about them. It makes every decision of a stream and
/// awaits nothing; dropping it ends the watchers.
pub struct Subscription {
    hub: Hub,
    stream: u64,
    queue: Arc<Queue>,
    watchers: BTreeMap<i64, Arc<Watcher>>,
    /// Ids of watchers that a compaction ended. As in etcd, only the client frees them, by cancelling.
    ended: BTreeSet<i64>,
    /// The id that the server chooses next (G38).
    next_id: i64,
    /// Where to look for the lagging watcher that is served next, so that each has its turn.
    turn: i64,
    /// The client asked for progress while a watcher lagged.
    progress_awaited: bool,
    /// Watchers that were told something since the last [`Subscription::tick`].
    told: BTreeSet<i64>,
}

/// A piece of the history to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The watcher whose turn it is.
    pub watch_id: i64,
    /// The first revision.
    pub from: i64,
    /// The last revision.
    pub to: i64,
}

impl Subscription {
    pub(super) fn new(hub: Hub, stream: u64, queue: Arc<Queue>) -> Self {
        Self {
            hub,
            stream,
            queue,
            watchers: BTreeMap::new(),
            ended: BTreeSet::new(),
            next_id: 0,
            turn: 0,
            progress_awaited: false,
            told: BTreeSet::new(),
        }
    }

    /// Adds a watcher. Id 0 lets the server choose: the next number that is not in use (G38).
    pub fn create(&mut self, watch_id: i64, interest: Interest) -> Result<i64, Error> {
        let watch_id = if watch_id == 0 { self.choose_id() } else { watch_id };
        if self.knows(watch_id) {
            return Err(Error::DuplicateWatchId);
        }
        let id = WatcherId { stream: self.stream, watch: watch_id };
        let watcher = Arc::new(Watcher { id, interest });
        self.watchers.insert(watch_id, Arc::clone(&watcher));
        self.hub.start(watcher);
        Ok(watch_id)
    }

    /// Whether the id cannot be given to another watcher.
    fn knows(&self, watch_id: i64) -> bool {
        self.watchers.contains_key(&watch_id) || self.ended.contains(&watch_id)
    }

    fn choose_id(&mut self) -> i64 {
        while self.knows(self.next_id) {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    /// Says that there will be no watcher, and why.
    pub fn refuse(&mut self, reason: String) {
        self.queue.push(Output::Refused { revision: self.hub.revision(), reason });
    }

    /// Ends a watcher, or frees the id of one that a compaction ended; an unknown id is left
    /// unanswered (G51).
    pub fn cancel(&mut self, watch_id: i64) {
        if self.forget(watch_id).is_some() || self.ended.remove(&watch_id) {
            self.hub.cancel(WatcherId { stream: self.stream, watch: watch_id });
            self.retry_progress();
        }
    }

    fn forget(&mut self, watch_id: i64) -> Option<Arc<Watcher>> {
        self.told.remove(&watch_id);
        self.watchers.remove(&watch_id)
    }

    /// Promises progress for the whole stream, at once or as soon as no watcher lags (G50). A stream
    /// without watchers gets no answer.
    pub fn request_progress(&mut self) {
        self.progress_awaited = true;
        self.retry_progress();
    }

    fn retry_progress(&mut self) {
        if self.watchers.is_empty() {
            self.progress_awaited = false;
        }
        if self.progress_awaited {
            let promise = self.hub.promise(&self.queue, NO_WATCHER, self.watchers.values());
            self.progress_awaited = promise == Promise::Later;
        }
    }

    /// Promises progress to each watcher that wants it and was told nothing since the last tick (G49).
    /// A client with a full queue has enough to read.
    pub fn tick(&mut self) {
        for (watch_id, watcher) in &self.watchers {
            let silent = watcher.interest.progress_notify && !self.told.contains(watch_id);
            if silent && self.queue.has_room() {
                self.hub.promise(&self.queue, *watch_id, std::iter::once(watcher));
            }
        }
        self.told.clear();
    }

    /// Whether [`Subscription::tick`] can have anything to say.
    pub fn wants_ticks(&self) -> bool {
        self.watchers.values().any(|watcher| watcher.interest.progress_notify)
    }

    /// The next thing to tell.
    pub fn pop(&mut self) -> Option<Output> {
        let output = self.queue.pop()?;
        if let Output::Events(delivery) = &output {
            let watcher = &delivery.watcher;
            if watcher.interest.progress_notify && self.watchers.contains_key(&watcher.id.watch) {
                self.told.insert(watcher.id.watch);
            }
        }
        Some(output)
    }

    /// Whether there is nothing to tell.
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty()
    }

    /// Answers that wait to be read by the client.
    pub fn control_count(&self) -> usize {
        self.queue.control_count()
    }

    /// Waits until there may be something new to tell or to read.
    pub async fn changed(&self) {
        self.queue.changed.notified().await;
    }

    /// What to read for the lagging watcher whose turn it is; nothing while the client has enough to
    /// read. Watchers whose next revision is compacted end here (G42).
    pub fn next_reading(&mut self) -> Option<Reading> {
        while self.queue.has_room() {
            let Lagging { watcher, next } = self.queue.lagging_from(self.turn, 1).pop()?;
            let watch_id = watcher.id.watch;
            self.turn = watch_id.wrapping_add(1);
            let compact_revision = self.hub.history().compact_revision();
            if next >= compact_revision {
                return Some(Reading { watch_id, from: next, to: self.hub.revision() });
            }
            self.end_compacted(watch_id, compact_revision);
        }
        None
    }

    fn end_compacted(&mut self, watch_id: i64, compact_revision: i64) {
        self.forget(watch_id);
        self.ended.insert(watch_id);
        if self.ended.len() > ENDED_COUNT_MAX {
            self.ended.pop_first();
        }
        self.queue.unlag(watch_id);
        self.queue.push(Output::Compacted { watch_id, compact_revision });
        self.retry_progress();
    }

    /// Takes the answer that the start of a reading is gone: so is what some watchers need.
    pub fn feed_compacted(&mut self, reading: Reading, compact_revision: i64) {
        let from = reading.from;
        assert!(
            from < compact_revision,
            "revision {from} is refused for a compaction at {compact_revision}"
        );
        for lagging in self.queue.lagging_from(0, usize::MAX) {
            if lagging.next < compact_revision {
                self.end_compacted(lagging.watcher.id.watch, compact_revision);
            }
        }
    }

    /// Takes what was read. Every lagging watcher that the batch can serve is served, up to the limits;
    /// the one whose turn it was comes first, so that each round is progress.
    pub fn feed(&mut self, reading: Reading, batch: &Batch) {
        let Reading { watch_id, from, to } = reading;
        let through = batch.through;
        assert!(from <= through, "a reading from {from} covers only up to {through}");
        assert!(through <= to, "a reading up to {to} covers {through}");
        let limits = self.hub.limits();
        let mut bytes = 0;
        let mut caught_up = Vec::new();
        for lagging in self.queue.lagging_from(watch_id, limits.batch_watchers_max) {
            if bytes >= limits.queue_bytes_max {
                break;
            }
            if (from..=through).contains(&lagging.next) {
                let delivery = select(batch, &lagging, to);
                bytes += delivery.as_ref().map_or(0, Delivery::bytes);
                caught_up.push((Lagging { next: through + 1, ..lagging }, delivery));
            }
        }
        self.hub.hand_over(caught_up);
        self.retry_progress();
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(self.stream, self.watchers.keys().copied());
    }
}

/// What of the batch is for the watcher. All its revisions make one delivery, as in etcd.
fn select(batch: &Batch, lagging: &Lagging, revision: i64) -> Option<Delivery> {
    let watcher = Arc::clone(&lagging.watcher);
    let unseen = batch.revisions.iter().filter(|(revision, _)| *revision >= lagging.next);
    let events: Vec<_> = unseen
        .flat_map(|(_, events)| events)
        .filter(|event| watcher.wants(event))
        .cloned()
        .collect();
    (!events.is_empty()).then_some(Delivery { watcher, revision, events })
}
