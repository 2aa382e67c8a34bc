//! The history of a run while it is written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jepsen_like::history::{
    AccessLine, AccessRecord, ClientId, Event, Info, LeaderLine, LockResponse, MemberId, Micros,
    OpId, Refusal, RefusalKind, Request, Response, UpkeepLine, WatchId, WatchLine, WatchRecord,
};
use sim::World;

use super::{Knowledge, SavedSnapshot};

/// Writes the history; clones write the same one.
#[derive(Debug, Clone)]
pub struct Recorder {
    world: World,
    state: Arc<Mutex<State>>,
    falsified_from: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    ops: OpId,
    clients: ClientId,
    watches: WatchId,
    writes: std::collections::BTreeSet<OpId>,
    snapshots: Vec<SavedSnapshot>,
    tally: Tally,
    knowledge: Knowledge,
}

/// What was written, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Operations that were sent.
    pub operations: u64,
    /// Writes that were answered.
    pub acknowledged: u64,
    /// Operations whose outcome nobody knows.
    pub unknown: u64,
    /// Watches that were resumed.
    pub resumed: u64,
    /// Watch events that were delivered.
    pub watch_events: u64,
    /// Locks that were taken, and elections that were won.
    pub locks: u64,
    /// Answers to operators.
    pub upkeep: u64,
    /// Writes that were refused because there is no room.
    pub no_space: u64,
}

impl Recorder {
    /// An empty history of this world; answers to reads are noted wrongly from some time on, if that is given.
    pub fn new(world: &World, falsified_from: Option<Duration>) -> Self {
        Self { world: world.clone(), state: Arc::default(), falsified_from }
    }

    /// Now.
    pub fn now(&self) -> Micros {
        u64::try_from(self.world.true_time().as_micros()).expect("a run takes less than an age")
    }

    /// A client that has done nothing yet.
    pub fn new_client(&self) -> ClientId {
        let mut state = self.lock();
        state.clients += 1;
        state.clients
    }

    /// A watch that nobody has created yet.
    pub fn new_watch(&self) -> WatchId {
        let mut state = self.lock();
        state.watches += 1;
        state.watches
    }

    /// The name of an operation that is about to begin: values are made of it.
    pub fn new_op(&self) -> OpId {
        let mut state = self.lock();
        state.ops += 1;
        state.ops
    }

    /// An operation begins.
    pub fn invoke(&self, op: OpId, client: ClientId, member: MemberId, request: &Request) {
        let time = self.now();
        let mut state = self.lock();
        state.tally.operations += 1;
        if is_write(request) {
            state.writes.insert(op);
        }
        state.events.push(Event::Invoke { time, op, client, member, request: request.clone() });
    }

    /// An operation is answered.
    pub fn ok(&self, op: OpId, response: Response) {
        let time = self.now();
        let mut state = self.lock();
        state.knowledge.learn(&response);
        if state.writes.remove(&op) {
            state.tally.acknowledged += 1;
        }
        if matches!(response, Response::Lock(LockResponse::Lock { .. })) {
            state.tally.locks += 1;
        }
        let mut response = response;
        if let Response::Range(range) = &mut response
            && self.falsified_from.is_some_and(|from| self.world.true_time() >= from)
        {
            range.count += 1;
        }
        state.events.push(Event::Ok { time, op, response });
    }

    /// An operation is refused.
    pub fn fail(&self, op: OpId, error: Refusal) {
        let time = self.now();
        let mut state = self.lock();
        state.tally.no_space += u64::from(error.kind == RefusalKind::NoSpace);
        state.events.push(Event::Fail { time, op, error });
    }

    /// Nobody knows what became of an operation.
    pub fn info(&self, op: OpId, error: Info) {
        let time = self.now();
        let mut state = self.lock();
        state.tally.unknown += 1;
        state.events.push(Event::Info { time, op, error });
    }

    /// Something happened to a watch.
    pub fn watch(&self, watch: WatchId, client: ClientId, member: MemberId, record: WatchRecord) {
        let time = self.now();
        let mut state = self.lock();
        match &record {
            WatchRecord::Resumed { .. } => state.tally.resumed += 1,
            WatchRecord::Events { events, revision, .. } => {
                state.tally.watch_events += events.len() as u64;
                state.knowledge.revision = state.knowledge.revision.max(*revision);
            }
            _ => {}
        }
        state.events.push(Event::Watch(WatchLine { time, watch, client, member, record }));
    }

    /// Somebody was told of a leader.
    pub fn leader(&self, line: LeaderLine) {
        self.lock().events.push(Event::Leader(line));
    }

    /// Something happened that concerns who may do what.
    pub fn access(&self, record: AccessRecord) {
        let time = self.now();
        self.lock().events.push(Event::Access(AccessLine { time, record }));
    }

    /// An operator was answered.
    pub fn upkeep(&self, line: UpkeepLine) {
        let mut state = self.lock();
        state.tally.upkeep += 1;
        state.events.push(Event::Upkeep(line));
    }

    /// A snapshot was streamed.
    pub fn saved(&self, snapshot: SavedSnapshot) {
        self.lock().snapshots.push(snapshot);
    }

    /// Takes the snapshots out.
    pub fn take_snapshots(&self) -> Vec<SavedSnapshot> {
        std::mem::take(&mut self.lock().snapshots)
    }

    /// No faults from here on.
    pub fn healed(&self) {
        let time = self.now();
        self.lock().events.push(Event::Healed { time });
    }

    /// What clients know.
    pub fn knowledge<T>(&self, look: impl FnOnce(&mut Knowledge) -> T) -> T {
        look(&mut self.lock().knowledge)
    }

    /// What was written so far, counted.
    pub fn tally(&self) -> Tally {
        self.lock().tally
    }

    /// The events from a number on.
    pub fn events_from(&self, number: usize) -> Vec<Event> {
        self.lock().events.get(number..).unwrap_or_default().to_vec()
    }

    /// Takes the events out.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock().events)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a request asks for a change of keys.
fn is_write(request: &Request) -> bool {
    matches!(request, Request::Put(_) | Request::DeleteRange(_) | Request::Txn(_))
}
