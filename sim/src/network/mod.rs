//! Byte streams between simulated hosts.
//!
//! [`SimNetwork`] is the network of a run; each host has a [`HostNetwork`], which is what a member gets.
//! A stream is, in each direction, a queue of segments with the time at which each arrives: the reader
//! sleeps until then, and no task moves anything.
//!
//! Fault model, on top of the contract of [`detcd_node::runtime::Network`]; a *link* is one direction
//! between two hosts:
//! - A link has a latency, a bandwidth, and a loss that shows as the delay of a retransmission.
//! - A link may be cut: what is sent meanwhile arrives after it is healed, in order; what was under way
//!   still arrives. A connection attempt times out like one whose first packets are lost.
//! - A link may be clogged for a while: what would have arrived, and what is sent, arrives afterwards.
//! - A connection may be reset; a host may vanish, which its peers are not told until they send
//!   something and the host is back (half-open).
//! - A connection may be forgotten by what is between its ends, in one direction or both: what is sent over it is lost
//!   without a word, until an end gives it up. Other connections are not affected.
//! - A sender is held back when what it sent is not read, or when the way back for acknowledgements is
//!   cut.
//!
//! Between connections nothing is ordered. Latencies are drawn per segment, keyed by the two hosts, the
//! number of the connection between them, and the number of the segment.
//!
//! Must never know: what the bytes mean.

mod connection;
mod endpoint;
mod fault;
mod host;
mod link;
mod state;
mod transfer;

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::context;
use crate::random::Streams;
use crate::runtime::wake_at;
use crate::trace::Trace;

use self::connection::Connection;
use self::state::State;

pub use self::host::{HostId, HostNetwork};
pub use self::link::LinkOptions;
pub use self::state::Counters;

/// What all connections have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkOptions {
    /// Links between hosts, until they are changed one by one.
    pub link: LinkOptions,
    /// Bytes that a sender may be ahead of its reader.
    pub window_bytes: usize,
    /// Connections that may wait to be accepted by a listener; more are not answered.
    pub backlog: usize,
    /// After this long an attempt to connect is given up.
    pub connect_timeout: Duration,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            link: LinkOptions::default(),
            window_bytes: 256 << 10,
            backlog: 128,
            connect_timeout: Duration::from_secs(20),
        }
    }
}

/// What happens to the connections of a host whose process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The operating system lives on and closes them.
    Closed,
    /// Nobody is left to tell the peers.
    Silent,
}

/// The network of a run; clones are the same network.
#[derive(Debug, Clone)]
pub struct SimNetwork {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

impl SimNetwork {
    /// A network without hosts.
    pub fn new(streams: Streams, trace: Trace, options: NetworkOptions) -> Self {
        let state = State::new(streams, trace, options);
        Self { shared: Arc::new(Shared { state: Mutex::new(state) }) }
    }

    /// Adds a host, reachable by name and by address from now on.
    pub fn add_host(&self, name: &str, ip: &str) -> HostNetwork {
        let host = self.update(|state, _| state.add_host(name, ip));
        HostNetwork::new(self.clone(), host)
    }

    /// Cuts the link: nothing that is sent from now on arrives before it is healed.
    pub fn cut(&self, from: HostId, to: HostId) {
        self.update(|state, _| state.cut(from, to));
    }

    /// Heals a link that was cut; what was held back is retransmitted.
    pub fn heal(&self, from: HostId, to: HostId) {
        self.update(|state, wakers| state.heal(from, to, wakers));
    }

    /// Heals every link that was cut.
    pub fn heal_all(&self) {
        self.update(State::heal_all);
    }

    /// Whether what is sent now arrives: the link is not cut, and its end is up. Clogged links are slow and no more.
    pub fn passes(&self, from: HostId, to: HostId) -> bool {
        self.update(|state, _| state.is_passable(from, to))
    }

    /// Cuts every link between hosts of different groups, both ways, and heals those within; hosts that
    /// are in no group are left alone.
    pub fn partition(&self, groups: &[&[HostId]]) {
        self.update(|state, wakers| {
            for (from_group, from) in members(groups) {
                for (to_group, to) in members(groups).filter(|(_, to)| *to != from) {
                    if from_group == to_group {
                        state.heal(from, to, wakers);
                    } else {
                        state.cut(from, to);
                    }
                }
            }
        });
    }

    /// Holds up everything on the link for a while.
    pub fn clog(&self, from: HostId, to: HostId, duration: Duration) {
        self.update(|state, _| state.clog(from, to, duration));
    }

    /// Changes a link. What is under way is not affected, but for what waits for a bandwidth that becomes wider.
    pub fn set_link(&self, from: HostId, to: HostId, options: LinkOptions) {
        self.update(|state, wakers| state.set_link(from, to, options, wakers));
    }

    /// Whatever is between two hosts forgets the connections that there are, in this direction: what is sent over
    /// them from now on is lost, and nobody is told. New ones work. How many connections that hits.
    pub fn silence(&self, from: HostId, to: HostId) -> usize {
        self.update(|state, _| state.silence(from, to))
    }

    /// How many connections between two hosts are silent in a direction, and were given up by neither end.
    pub fn half_open_count(&self, one: HostId, other: HostId) -> usize {
        self.update(|state, _| state.half_open_count(one, other))
    }

    /// Resets the connections between two hosts that are silent in a direction, as the operating systems do at last
    /// when what they send again and again is never acknowledged; both ends notice at once.
    pub fn reset_half_open(&self, one: HostId, other: HostId) {
        self.update(|state, wakers| {
            state.reset_between(one, other, Connection::is_half_open, wakers);
        });
    }

    /// Resets every connection between two hosts; both ends notice at once.
    pub fn reset_connections(&self, one: HostId, other: HostId) {
        self.update(|state, wakers| state.reset_between(one, other, |_| true, wakers));
    }

    /// The process of a host is gone, with its listeners and connections.
    pub fn process_ended(&self, host: HostId, farewell: Farewell) {
        self.update(|state, wakers| state.process_ended(host, farewell, wakers));
    }

    /// A host that has vanished answers again.
    pub fn host_up(&self, host: HostId) {
        self.update(|state, wakers| state.host_up(host, wakers));
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        self.update(|state, _| state.counters())
    }

    /// Changes the state; who has to hear of it is told when it is consistent and unlocked again.
    fn update<T>(&self, change: impl FnOnce(&mut State, &mut Wakers) -> T) -> T {
        let mut wakers = Wakers::default();
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = context::true_nanos();
        let value = change(&mut state, &mut wakers);
        drop(state);
        wakers.wake_all();
        value
    }
}

fn members<'a>(groups: &'a [&'a [HostId]]) -> impl Iterator<Item = (usize, HostId)> + 'a {
    groups
        .iter()
        .enumerate()
        .flat_map(|(group, hosts)| hosts.iter().map(move |host| (group, *host)))
}

/// Wakers that are called, or just dropped, outside the lock: either may run foreign code.
#[derive(Debug, Default)]
struct Wakers {
    wake: Vec<Waker>,
    /// And those that are called at a true time.
    later: Vec<(u64, Waker)>,
    forget: Vec<Waker>,
}

impl Wakers {
    fn wake(&mut self, slot: &mut Option<Waker>) {
        self.wake.extend(slot.take());
    }

    fn wake_at(&mut self, nanos: u64, waker: &Waker) {
        self.later.push((nanos, waker.clone()));
    }

    fn forget(&mut self, slot: &mut Option<Waker>) {
        self.forget.extend(slot.take());
    }

    fn set(&mut self, slot: &mut Option<Waker>, waker: &Waker) {
        match slot {
            Some(old) if old.will_wake(waker) => {}
            _ => self.forget.extend(slot.replace(waker.clone())),
        }
    }

    fn wake_all(self) {
        self.wake.into_iter().for_each(Waker::wake);
        self.later.into_iter().for_each(|(nanos, waker)| wake_at(nanos, waker));
    }
}
