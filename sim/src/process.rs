//! Machines and the processes on them.
//!
//! A [`Host`] is a machine: a clock, a disk, a place in the network, and at most one process, which is a
//! function that is called anew at every start.
//!
//! Fault model:
//! - killed: the process stops between two polls; the operating system keeps its writes and closes its
//!   connections, or is said to stay silent.
//! - power loss: the process stops, perhaps in the middle of a disk operation; of what was not synced
//!   some survives; peers are not told.
//! - paused: the process stands still, the world does not.
//! - the clock drifts or is stepped.
//!
//! The executor drops the tasks of a killed process only when it comes across them, and their
//! destructors run then. That is why the disk is told first: from that moment the handles of the old
//! process fail, whatever its destructors do, while a new process may already be starting.
//!
//! Must never know: what the process is.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use madsim::runtime::Handle;
use madsim::task::{JoinHandle, NodeId};

use crate::clock::nanos;
use crate::context::{self, Node};
use crate::disk::{Mount, SimDisk, Timing};
use crate::network::{Farewell, HostId, HostNetwork, NetworkOptions, SimNetwork};
use crate::random::Streams;
use crate::runtime::{Caught, Panic, Sleep};
use crate::trace::Trace;

/// Everything that one run simulates; clones are the same world.
#[derive(Debug, Clone)]
pub struct World {
    streams: Streams,
    network: SimNetwork,
    trace: Trace,
}

impl World {
    /// An empty world; to be called inside [`crate::run`], whose seed it takes.
    pub fn new(trace: Trace, options: NetworkOptions) -> Self {
        let streams = context::streams();
        let network = SimNetwork::new(streams, trace.clone(), options);
        Self { streams, network, trace }
    }

    /// Adds a machine with an empty disk, on which nothing runs yet.
    pub fn host(&self, name: &str, ip: &str) -> Host {
        self.host_with_disk(name, ip, Timing::default())
    }

    /// Adds a machine whose disk has a given speed.
    pub fn host_with_disk(&self, name: &str, ip: &str, timing: Timing) -> Host {
        let executor = Handle::current();
        let node_id = executor.create_node().name(name).build().id();
        let disk = SimDisk::with_timing(name, self.streams, self.trace.clone(), timing);
        let machine = Arc::new(Machine {
            name: name.to_owned(),
            ip: ip.to_owned(),
            node: context::register(node_id, name),
            node_id,
            executor,
            disk,
            place: self.network.add_host(name, ip),
            network: self.network.clone(),
            trace: self.trace.clone(),
            process: Mutex::new(Process { program: None, status: Status::Down }),
        });
        let weak = Arc::downgrade(&machine);
        machine.disk.set_power_switch(move || switch_off(&weak));
        let weak = Arc::downgrade(&machine);
        context::at_end(move || {
            if let Some(machine) = weak.upgrade() {
                Host { machine }.end(SimDisk::kill, Farewell::Closed);
            }
        });
        Host { machine }
    }

    /// The randomness of the run.
    pub fn streams(&self) -> Streams {
        self.streams
    }

    /// What connects the hosts.
    pub fn network(&self) -> &SimNetwork {
        &self.network
    }

    /// The log of the run.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// True simulated time since the start of the run, which no host knows.
    pub fn true_time(&self) -> Duration {
        Duration::from_nanos(context::true_nanos())
    }

    /// From now on, a panic on a machine does not end the run: the task stands still, and whoever awaits it waits. To be
    /// called by whoever looks whether there was one. Asked while the panic is the last of this thread, `teller` may
    /// know more of it than its words, such as the place.
    pub fn keep_panics(&self, teller: fn() -> Option<String>) {
        context::keep_panics(teller);
    }

    /// Waits for a panic that is kept: the first, also if it was before. One waits at a time.
    pub async fn first_panic(&self) -> Panic {
        poll_fn(context::poll_panic).await
    }

    /// Waits until so much true time has passed since the start of the run.
    pub async fn until(&self, at: Duration) {
        Sleep::until_true(nanos(at)).await;
    }
}

fn switch_off(machine: &Weak<Machine>) {
    if let Some(machine) = machine.upgrade() {
        Host { machine }.power_loss();
    }
}

/// What a process finds around it when it starts.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The disk of the machine.
    pub disk: Mount,
    /// The network as seen from the machine.
    pub network: HostNetwork,
}

/// A machine; clones are the same machine.
#[derive(Debug, Clone)]
pub struct Host {
    machine: Arc<Machine>,
}

#[derive(Debug)]
struct Machine {
    name: String,
    ip: String,
    node: Arc<Node>,
    node_id: NodeId,
    executor: Handle,
    disk: SimDisk,
    place: HostNetwork,
    network: SimNetwork,
    trace: Trace,
    process: Mutex<Process>,
}

type Program = Arc<dyn Fn(Surroundings) -> BoxFuture<'static, ()> + Send + Sync>;

struct Process {
    program: Option<Program>,
    status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Down,
    Running,
}

impl fmt::Debug for Process {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Process").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Host {
    /// The name under which it can be reached.
    pub fn name(&self) -> &str {
        &self.machine.name
    }

    /// The address under which it can be reached.
    pub fn ip(&self) -> &str {
        &self.machine.ip
    }

    /// Its place in the network.
    pub fn id(&self) -> HostId {
        self.machine.place.id()
    }

    /// Its disk, for faults and for inspection.
    pub fn disk(&self) -> &SimDisk {
        &self.machine.disk
    }

    /// Whether its process runs, or is paused.
    pub fn is_running(&self) -> bool {
        self.process().status == Status::Running
    }

    /// Starts a process; the program is kept for [`Self::restart`]. When it returns, the process has
    /// ended, with all its tasks.
    pub fn start<F>(&self, program: impl Fn(Surroundings) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.process().program = Some(Arc::new(move |around| Box::pin(program(around))));
        self.restart();
    }

    /// Starts the last program again, on a machine where nothing runs.
    pub fn restart(&self) {
        let machine = &self.machine;
        let mut process = self.process();
        assert!(process.status == Status::Down, "{} is running already", machine.name);
        process.status = Status::Running;
        let program = process.program.clone().expect("a host is started before it is restarted");
        drop(process);
        self.event("start");
        machine.network.host_up(machine.place.id());
        // The executor's node is made anew, so that what is left of an earlier process stays dead.
        machine.executor.restart(machine.node_id);
        let around = Surroundings { disk: machine.disk.mount(), network: machine.place.clone() };
        let host = self.clone();
        self.spawn(async move {
            program(around).await;
            host.end(|disk| disk.kill(), Farewell::Closed);
        });
    }

    /// Runs a future on the machine, as a part of its process; on a machine that was never started,
    /// as a process of its own.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let machine = &self.machine;
        let node = machine.executor.get_node(machine.node_id);
        node.expect("a node lives as long as the executor").spawn(Caught::new(future))
    }

    /// The network as a process of this machine sees it.
    pub fn network(&self) -> HostNetwork {
        self.machine.place.clone()
    }

    /// Kills the process; nothing that it wrote is lost.
    pub fn kill(&self, farewell: Farewell) {
        self.event("kill");
        self.end(SimDisk::kill, farewell);
    }

    /// Cuts the power of the machine; what was not synced may be lost. Takes effect although nothing runs.
    pub fn power_loss(&self) {
        self.event("power loss");
        self.end(SimDisk::power_loss, Farewell::Silent);
    }

    /// Makes the process stand still.
    pub fn pause(&self) {
        self.event("pause");
        self.machine.executor.pause(self.machine.node_id);
    }

    /// Lets a process that was paused go on.
    pub fn resume(&self) {
        self.event("resume");
        self.machine.executor.resume(self.machine.node_id);
    }

    /// Makes the clock gain so many microseconds per second, or lose them.
    pub fn set_clock_drift(&self, ppm: i32) {
        let drift = u64::from(ppm.unsigned_abs()) << 1 | u64::from(ppm < 0);
        let fields = [("host", self.name().into()), ("drift", drift.into())];
        self.machine.trace.event("clock drift", &fields);
        self.machine.node.clock.set_drift(ppm);
    }

    /// Puts the wall clock ahead by so many nanoseconds, or back.
    pub fn step_wall_clock(&self, nanos: i64) {
        self.event("clock step");
        self.machine.node.clock.step_wall(nanos);
    }

    /// Sets the wall clock to the true time, as a time service does.
    pub fn set_wall_clock_right(&self) {
        self.event("clock set");
        self.machine.node.set_wall_clock_right();
    }

    fn end(&self, stop_disk: impl FnOnce(&SimDisk), farewell: Farewell) {
        let machine = &self.machine;
        stop_disk(&machine.disk);
        machine.node.ended_count.fetch_add(1, Ordering::Relaxed);
        machine.node.forget_blocking();
        let was = std::mem::replace(&mut self.process().status, Status::Down);
        machine.network.process_ended(machine.place.id(), farewell);
        if was == Status::Running {
            machine.executor.kill(machine.node_id);
        }
    }

    fn event(&self, kind: &'static str) {
        self.machine.trace.event(kind, &[("host", self.name().into())]);
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.machine.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
