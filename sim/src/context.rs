//! What is ambient in a run: the executor's thread has one run, and every madsim node one [`Node`].
//!
//! The runtime trait is static, so the world of a task has to be found from the task itself; this is
//! the only place where that happens. A run owns its thread, so a thread-local is a run-local.

use std::any::{Any, TypeId};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use madsim::runtime::Handle;
use madsim::task::{AbortHandle, NodeId};
use madsim::time::TimeHandle;

use crate::clock::Clock;
use crate::random::{Draw, Key, Stream, Streams};
use crate::runtime::{Panic, message};

/// 2026-01-01, when every run begins.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);

const SPAWNS_PER_SWEEP: u64 = 8192;

/// Tells what the panic that was caught just now said, if it knows better than the payload.
pub(crate) type PanicTeller = fn() -> Option<String>;

thread_local! {
    static RUN: RefCell<Option<Rc<Run>>> = const { RefCell::new(None) };
}

struct Run {
    streams: Streams,
    time: OnceCell<TimeHandle>,
    nodes: RefCell<BTreeMap<NodeId, Arc<Node>>>,
    /// Those of `nodes` that are machines: the main future of the run lives on a node that is none.
    machines: RefCell<BTreeSet<NodeId>>,
    /// Tasks of the world itself, which belong to no machine.
    loose: RefCell<Vec<AbortHandle>>,
    /// What ends the processes of machines.
    endings: RefCell<Vec<Box<dyn FnOnce()>>>,
    /// Who tells what was said, if panics of machines are kept.
    panic_teller: Cell<Option<PanicTeller>>,
    /// The first of them.
    panic: RefCell<Option<Panic>>,
    /// Who waits for it.
    panic_waker: RefCell<Option<Waker>>,
}

/// The ambient state of one simulated machine.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) clock: Clock,
    streams: Streams,
    name: String,
    entropy_count: AtomicU64,
    blocking_count: AtomicU64,
    spawn_count: AtomicU64,
    /// How many processes of this machine have ended.
    pub(crate) ended_count: AtomicU64,
    /// How long the previous blocking work of each kind took, as a guess for the next.
    blocking_nanos: Mutex<BTreeMap<TypeId, u64>>,
}

impl Node {
    fn new(streams: Streams, name: &str) -> Self {
        let draw = |what| streams.draw(Stream::Clock, Key::of(what).text(name));
        let day = Duration::from_secs(86_400);
        let uptime = draw("uptime").duration(&(day..day * 300));
        let wall = EPOCH + draw("wall").duration(&(Duration::ZERO..Duration::from_millis(20)));
        Self {
            clock: Clock::new(uptime, wall + Duration::from_nanos(true_nanos())),
            streams,
            name: name.to_owned(),
            entropy_count: AtomicU64::new(0),
            blocking_count: AtomicU64::new(0),
            spawn_count: AtomicU64::new(0),
            ended_count: AtomicU64::new(0),
            blocking_nanos: Mutex::default(),
        }
    }

    pub(crate) fn set_wall_clock_right(&self) {
        self.clock.set_wall(EPOCH + Duration::from_nanos(true_nanos()));
    }

    /// The next 64 bits of entropy of this machine.
    pub(crate) fn entropy(&self) -> u64 {
        self.next(Stream::Process, "entropy", &self.entropy_count).bits()
    }

    /// How long the previous blocking work of this kind took, in nanoseconds.
    pub(crate) fn guess_blocking(&self, kind: TypeId) -> u64 {
        self.lock_blocking().get(&kind).copied().unwrap_or(0)
    }

    /// Blocking work of this kind took so many nanoseconds.
    pub(crate) fn learn_blocking(&self, kind: TypeId, nanos: u64) {
        self.lock_blocking().insert(kind, nanos);
    }

    /// Another process begins, on a disk that may be well again.
    pub(crate) fn forget_blocking(&self) {
        self.lock_blocking().clear();
    }

    fn lock_blocking(&self) -> MutexGuard<'_, BTreeMap<TypeId, u64>> {
        self.blocking_nanos.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next decision about blocking work of this machine.
    pub(crate) fn draw_blocking(&self) -> Draw {
        self.next(Stream::Disk, "blocking", &self.blocking_count)
    }

    /// Has the executor forget tasks that are done, now and then: it does so only when asked for a count.
    pub(crate) fn count_spawn(&self) {
        if self.spawn_count.fetch_add(1, Ordering::Relaxed).is_multiple_of(SPAWNS_PER_SWEEP) {
            _ = Handle::current().metrics().num_tasks();
        }
    }

    fn next(&self, stream: Stream, what: &str, count: &AtomicU64) -> Draw {
        let count = count.fetch_add(1, Ordering::Relaxed);
        self.streams.draw(stream, Key::of(what).text(&self.name).number(count))
    }
}

/// Makes this thread the thread of a run until dropped.
pub(crate) struct Entered;

pub(crate) fn enter(streams: Streams) -> Entered {
    RUN.with_borrow_mut(|run| {
        assert!(run.is_none(), "a thread has at most one run at a time");
        *run = Some(Rc::new(Run {
            streams,
            time: OnceCell::new(),
            nodes: RefCell::default(),
            machines: RefCell::default(),
            loose: RefCell::default(),
            endings: RefCell::default(),
            panic_teller: Cell::default(),
            panic: RefCell::default(),
            panic_waker: RefCell::default(),
        }));
    });
    Entered
}

impl Drop for Entered {
    fn drop(&mut self) {
        // The tasks that are dropped with the run may still ask for it, so it is taken out first.
        let run = RUN.with_borrow_mut(Option::take);
        drop(run);
    }
}

fn current() -> Rc<Run> {
    RUN.with_borrow(Option::clone).expect("a simulated task runs inside sim::run")
}

/// The randomness of the run.
pub(crate) fn streams() -> Streams {
    current().streams
}

/// Gives a madsim node its clock and entropy, which outlive its processes.
pub(crate) fn register(id: NodeId, name: &str) -> Arc<Node> {
    current().machines.borrow_mut().insert(id);
    introduce(id, name)
}

fn introduce(id: NodeId, name: &str) -> Arc<Node> {
    let run = current();
    let node = Arc::new(Node::new(run.streams, name));
    let before = run.nodes.borrow_mut().insert(id, Arc::clone(&node));
    assert!(before.is_none(), "node {id} is registered once");
    node
}

/// The machine of the current task.
pub(crate) fn node() -> Arc<Node> {
    let run = current();
    let id = madsim::plugin::node();
    if let Some(node) = run.nodes.borrow().get(&id) {
        return Arc::clone(node);
    }
    introduce(id, &format!("node {id}"))
}

/// Remembers a task of the world itself, to be ended with the run.
pub(crate) fn adopt(task: AbortHandle) {
    let run = current();
    if !run.machines.borrow().contains(&madsim::plugin::node()) {
        run.loose.borrow_mut().push(task);
    }
}

/// From now on, panics of machines do not end the run.
pub(crate) fn keep_panics(teller: PanicTeller) {
    current().panic_teller.set(Some(teller));
}

/// The first panic that was kept; without one, the task is woken by it.
pub(crate) fn poll_panic(task: &mut Context<'_>) -> Poll<Panic> {
    let run = current();
    match &*run.panic.borrow() {
        Some(panic) => Poll::Ready(panic.clone()),
        None => {
            run.panic_waker.replace(Some(task.waker().clone()));
            Poll::Pending
        }
    }
}

/// Keeps the panic of a task, or lets it go on, if nobody looks for it.
pub(crate) fn keep_panic(payload: Box<dyn Any + Send>) {
    let run = current();
    let id = madsim::plugin::node();
    let machine = run.nodes.borrow().get(&id).cloned();
    let machine = machine.filter(|_| run.machines.borrow().contains(&id));
    let (Some(machine), Some(teller)) = (machine, run.panic_teller.get()) else {
        resume_unwind(payload)
    };
    if run.panic.borrow().is_some() {
        return;
    }
    let said = teller().unwrap_or_else(|| message(&*payload));
    let at = Duration::from_nanos(true_nanos());
    let panic = Panic { machine: machine.name.clone(), at, message: said };
    run.panic.replace(Some(panic));
    if let Some(waker) = run.panic_waker.take() {
        waker.wake();
    }
}

/// Has something done when the run is over.
pub(crate) fn at_end(ending: impl FnOnce() + 'static) {
    current().endings.borrow_mut().push(Box::new(ending));
}

/// Ends all tasks but the calling one. A task holds its own waker, and often those of others, so
/// tasks that nobody ends outlive the executor, and with them the disks of a run.
pub(crate) fn end_all() {
    let run = current();
    for ending in run.endings.take() {
        ending();
    }
    for task in run.loose.borrow_mut().drain(..) {
        task.abort();
    }
    let executor = Handle::current();
    for machine in run.machines.borrow().iter() {
        executor.kill(*machine);
    }
}

/// True simulated time since the start of the run; 0 outside of one.
pub(crate) fn true_nanos() -> u64 {
    let elapsed = RUN.with_borrow(|run| {
        let known = run.as_ref().map(|run| &run.time);
        // Asked for some hundred times per request of a client, so it is looked up once.
        match known.and_then(OnceCell::get) {
            Some(time) => time.elapsed(),
            None => TimeHandle::try_current().map_or(Duration::ZERO, |time| {
                let elapsed = time.elapsed();
                known.map(|known| known.set(time));
                elapsed
            }),
        }
    });
    u64::try_from(elapsed.as_nanos()).expect("a run is shorter than 584 years")
}
