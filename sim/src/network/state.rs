//! The whole network as one value: hosts, links, listeners and connections.
//!
//! Methods are transitions at the time [`State::now`]; none of them waits.

use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;
use std::time::Duration;

use crate::network::NetworkOptions;
use crate::network::connection::{Connection, Side};
use crate::network::host::HostId;
use crate::network::link::{Link, LinkOptions};
use crate::random::{Key, Streams};
use crate::trace::Trace;

/// Segments within one host take this long.
const LOOPBACK: Duration = Duration::from_micros(20);
const EPHEMERAL_PORT_MIN: u16 = 32_768;

/// What the network has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections that were opened.
    pub connections: u64,
    /// Segments sent.
    pub segments: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Ends that were reset.
    pub resets: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) now: u64,
    pub(super) options: NetworkOptions,
    pub(super) listeners: BTreeMap<(HostId, u16), Backlog>,
    pub(super) streams: Streams,
    pub(super) trace: Trace,
    pub(super) hosts: Vec<Host>,
    pub(super) links: BTreeMap<(HostId, HostId), Link>,
    pub(super) connections: BTreeMap<u64, Connection>,
    /// How often each pair of hosts has tried to connect,
    dialed: BTreeMap<(HostId, HostId), u64>,
    /// and has connected.
    opened: BTreeMap<(HostId, HostId), u64>,
    bound_count: u64,
    pub(super) counters: Counters,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    ip: String,
    pub(super) is_up: bool,
    next_port: u16,
}

/// Connections that wait to be accepted.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Sets this listener apart from an earlier one of the same port.
    pub(super) id: u64,
    pub(super) waiting: VecDeque<(u64, String)>,
    pub(super) waker: Option<Waker>,
}

impl State {
    pub(super) fn new(streams: Streams, trace: Trace, options: NetworkOptions) -> Self {
        Self {
            now: 0,
            options,
            listeners: BTreeMap::new(),
            streams,
            trace,
            hosts: Vec::new(),
            links: BTreeMap::new(),
            connections: BTreeMap::new(),
            dialed: BTreeMap::new(),
            opened: BTreeMap::new(),
            bound_count: 0,
            counters: Counters::default(),
        }
    }

    pub(super) fn add_host(&mut self, name: &str, ip: &str) -> HostId {
        let taken = self.find_host(name).or(self.find_host(ip));
        assert!(taken.is_none(), "there is a host {name} or {ip} already");
        let host = HostId::new(self.hosts.len());
        let (name, ip) = (name.to_owned(), ip.to_owned());
        self.hosts.push(Host { name, ip, is_up: true, next_port: EPHEMERAL_PORT_MIN });
        host
    }

    pub(super) fn find_host(&self, name: &str) -> Option<HostId> {
        self.hosts.iter().position(|host| host.name == name || host.ip == name).map(HostId::new)
    }

    pub(super) fn ip(&self, host: HostId) -> &str {
        &self.hosts[host.index()].ip
    }

    pub(super) fn is_up(&self, host: HostId) -> bool {
        self.hosts[host.index()].is_up
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    /// A port that nobody on the host listens on.
    pub(super) fn ephemeral_port(&mut self, host: HostId) -> u16 {
        loop {
            let port = &mut self.hosts[host.index()].next_port;
            let found = *port;
            *port = port.checked_add(1).unwrap_or(EPHEMERAL_PORT_MIN);
            if !self.listeners.contains_key(&(host, found)) {
                return found;
            }
        }
    }

    /// Binds a port that is free; what sets this listener apart from others.
    pub(super) fn bind(&mut self, host: HostId, port: u16) -> u64 {
        self.bound_count += 1;
        let backlog = Backlog { id: self.bound_count, ..Backlog::default() };
        let before = self.listeners.insert((host, port), backlog);
        assert!(before.is_none(), "port {port} of {host} was bound");
        self.bound_count
    }

    pub(super) fn link(&mut self, from: HostId, to: HostId) -> &mut Link {
        let options = &self.options.link;
        self.links.entry((from, to)).or_insert_with(|| {
            let local = LinkOptions { latency: LOOPBACK..LOOPBACK, ..LinkOptions::default() };
            Link::new(if from == to { local } else { options.clone() })
        })
    }

    /// Whether what is sent now arrives without the help of somebody else.
    pub(super) fn is_passable(&mut self, from: HostId, to: HostId) -> bool {
        self.is_up(to) && !self.link(from, to).is_cut
    }

    /// Whether what one end of a connection sends now arrives without the help of somebody else.
    pub(super) fn is_heard(&mut self, id: u64, side: Side) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        let (from, to) = connection.route(side);
        !connection.pipe_from(side).is_silent && self.is_passable(from, to)
    }

    /// When something sent on a link now arrives.
    pub(super) fn arrival(&mut self, from: HostId, to: HostId, key: Key, bytes: usize) -> u64 {
        let (streams, now) = (self.streams, self.now);
        self.link(from, to).arrival(&streams, key, bytes, now)
    }

    /// Names an attempt to connect among all of the run.
    pub(super) fn dial(&mut self, client: HostId, server: HostId) -> Key {
        let dialed = self.dialed.entry((client, server)).or_insert(0);
        *dialed += 1;
        Key::of("dial").number(client.number()).number(server.number()).number(*dialed)
    }

    /// Opens a connection whose first packet has reached the server.
    pub(super) fn open(&mut self, client: HostId, server: HostId) -> u64 {
        let opened = self.opened.entry((client, server)).or_insert(0);
        *opened += 1;
        let number = *opened;
        let key = Key::of("connection").number(client.number()).number(server.number());
        self.counters.connections += 1;
        let id = self.counters.connections;
        self.connections.insert(id, Connection::new(key.number(number), client, server));
        self.event("connect", client, server, ("number", number));
        id
    }

    pub(super) fn connection(&mut self, id: u64) -> Option<&mut Connection> {
        self.connections.get_mut(&id)
    }

    /// Forgets a connection that nobody can use any more.
    pub(super) fn forget_if_over(&mut self, id: u64) {
        if self.connections.get(&id).is_some_and(Connection::is_over) {
            self.connections.remove(&id);
        }
    }

    pub(super) fn event(
        &self,
        kind: &'static str,
        from: HostId,
        to: HostId,
        more: (&'static str, u64),
    ) {
        let (from, to) = (&self.hosts[from.index()].name, &self.hosts[to.index()].name);
        let more = (more.0, more.1.into());
        self.trace.event(kind, &[("from", from.as_str().into()), ("to", to.as_str().into()), more]);
    }
}
