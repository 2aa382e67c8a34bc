//! What one client stream is to be told, in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use detcd_machine::Event;
use tokio::sync::Notify;

use super::watcher::Watcher;

/// Memory that an output or an event takes besides its keys and values, roughly.
const OVERHEAD_BYTES: usize = 128;

/// The next thing to tell a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A watcher exists from now on (G40).
    Created {
        /// The watcher.
        watch_id: i64,
        /// The store's revision at that moment.
        revision: i64,
    },
    /// There will be no such watcher (G39, G43).
    Refused {
        /// The store's revision.
        revision: i64,
        /// The text for the client.
        reason: String,
    },
    /// Things happened.
    Events(Delivery),
    /// Everything up to `revision` was told before.
    Progress {
        /// The watcher that this is about; -1 for all of the stream.
        watch_id: i64,
        /// See above.
        revision: i64,
    },
    /// A watcher ended at the client's wish (G51).
    Canceled {
        /// The watcher.
        watch_id: i64,
        /// The store's revision.
        revision: i64,
    },
    /// A watcher ended because what it needs next is gone (G42).
    Compacted {
        /// The watcher.
        watch_id: i64,
        /// The oldest revision that could still be had.
        compact_revision: i64,
    },
}

/// Events for one watcher: whole revisions, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// For whom.
    pub watcher: Arc<Watcher>,
    /// The store's revision when this was put together, at least that of the last event.
    pub revision: i64,
    /// At least one.
    pub events: Vec<Event>,
}

impl Output {
    fn bytes(&self) -> usize {
        match self {
            Self::Events(delivery) => delivery.bytes(),
            _ => OVERHEAD_BYTES,
        }
    }

    fn is_events(&self) -> bool {
        matches!(self, Self::Events(_))
    }
}

impl Delivery {
    pub(super) fn bytes(&self) -> usize {
        let event_bytes =
            |event: &Event| event.kv.key.len() + event.kv.value.len() + OVERHEAD_BYTES;
        OVERHEAD_BYTES + self.events.iter().map(event_bytes).sum::<usize>()
    }
}

/// A watcher that is behind what was published.
#[derive(Debug, Clone)]
pub(super) struct Lagging {
    pub(super) watcher: Arc<Watcher>,
    /// The first revision that it wants and has not had.
    pub(super) next: i64,
}

/// The queue of one stream, and those of its watchers that could not be told everything through it.
///
/// Events enter it only while it is below its limit; a single revision may exceed it.
#[derive(Debug)]
pub(super) struct Queue {
    bytes_max: usize,
    state: Mutex<State>,
    /// Something was put in, or a watcher lags.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    outputs: VecDeque<Output>,
    bytes: usize,
    /// Outputs that are not events.
    control_count: usize,
    lagging: BTreeMap<i64, Lagging>,
}

impl State {
    fn push(&mut self, output: Output) {
        self.bytes += output.bytes();
        self.control_count += usize::from(!output.is_events());
        self.outputs.push_back(output);
    }
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method panics halfway through a change, so the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in something that is not events.
    pub(super) fn push(&self, output: Output) {
        assert!(!output.is_events(), "events only enter where there is room for them");
        self.state().push(output);
        self.changed.notify_one();
    }

    /// Puts in the events of `revision`, just published. Without room the watcher lags from it on, and
    /// the answer is false.
    pub(super) fn offer(&self, delivery: Delivery) -> bool {
        let mut state = self.state();
        let has_room = state.bytes < self.bytes_max;
        if has_room {
            state.push(Output::Events(delivery));
        } else {
            let Delivery { watcher, revision, .. } = delivery;
            state.lagging.insert(watcher.id.watch, Lagging { watcher, next: revision });
        }
        drop(state);
        self.changed.notify_one();
        has_room
    }

    /// Puts in the past of a watcher. The caller knows that there was room for the first of them.
    pub(super) fn push_past(&self, delivery: Delivery) {
        self.state().push(Output::Events(delivery));
        self.changed.notify_one();
    }

    /// The watcher is behind from `next` on.
    pub(super) fn lag(&self, watcher: Arc<Watcher>, next: i64) {
        let id = watcher.id.watch;
        let replaced = self.state().lagging.insert(id, Lagging { watcher, next });
        assert!(replaced.is_none(), "watcher {id} lags twice, from {next} and {replaced:?}");
        self.changed.notify_one();
    }

    /// The watcher is not behind any more, or not there any more.
    pub(super) fn unlag(&self, watch_id: i64) -> Option<Lagging> {
        self.state().lagging.remove(&watch_id)
    }

    pub(super) fn is_lagging(&self, watch_id: i64) -> bool {
        self.state().lagging.contains_key(&watch_id)
    }

    pub(super) fn bytes(&self) -> usize {
        self.state().bytes
    }

    pub(super) fn lagging_count(&self) -> usize {
        self.state().lagging.len()
    }

    /// Lagging watchers in order of their ids, from `first` on and around to it.
    pub(super) fn lagging_from(&self, first: i64, count_max: usize) -> Vec<Lagging> {
        let state = self.state();
        let ring = state.lagging.range(first..).chain(state.lagging.range(..first));
        ring.take(count_max).map(|(_, lagging)| lagging.clone()).collect()
    }

    /// Takes the next output.
    pub(super) fn pop(&self) -> Option<Output> {
        let mut state = self.state();
        let output = state.outputs.pop_front()?;
        state.bytes -= output.bytes();
        state.control_count -= usize::from(!output.is_events());
        Some(output)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().outputs.is_empty()
    }

    /// Whether events may enter.
    pub(super) fn has_room(&self) -> bool {
        self.state().bytes < self.bytes_max
    }

    pub(super) fn control_count(&self) -> usize {
        self.state().control_count
    }
}
