//! The whole network as one value: hosts, links, listeners and connections.
//!
//! Methods are transitions at the time [`State::now`]; none of them waits.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::task::Waker;
use std::time::Duration;

use bytes::BytesMut;

use crate::network::connection::{Arrival, Connection, Segment, Side, Status};
use crate::network::host::HostId;
use crate::network::link::{Link, LinkOptions, nanos};
use crate::network::{Farewell, NetworkOptions, Wakers};
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
    streams: Streams,
    trace: Trace,
    hosts: Vec<Host>,
    links: BTreeMap<(HostId, HostId), Link>,
    connections: BTreeMap<u64, Connection>,
    /// How often each pair of hosts has connected.
    opened: BTreeMap<(HostId, HostId), u64>,
    counters: Counters,
}

#[derive(Debug)]
struct Host {
    name: String,
    ip: String,
    is_up: bool,
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
            opened: BTreeMap::new(),
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

    /// When something sent on a link now arrives.
    pub(super) fn arrival(&mut self, from: HostId, to: HostId, key: Key, bytes: usize) -> u64 {
        let (streams, now) = (self.streams, self.now);
        self.link(from, to).arrival(&streams, key, bytes, now)
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

    /// Sends bytes, as far as the window allows; how many, or nothing if it is full.
    pub(super) fn send(
        &mut self,
        id: u64,
        side: Side,
        data: &[u8],
        wakers: &mut Wakers,
    ) -> Option<usize> {
        let (now, window) = (self.now, self.options.window_bytes);
        let (from, to) = self.connections.get(&id)?.route(side);
        let passes = self.is_passable(from, to);
        let pipe = self.connections.get_mut(&id)?.pipe_from(side);
        let count = data.len().min(window.saturating_sub(pipe.outstanding));
        if count == 0 {
            return None;
        }
        pipe.outstanding += count;
        self.counters.bytes += count as u64;
        let data = &data[..count];
        match pipe.segments.back_mut() {
            // What one poll of a task writes piece by piece leaves in one segment.
            Some(last) if last.sent_at == now && passes == (last.arrival != Arrival::Held) => {
                last.bytes.extend_from_slice(data);
            }
            _ => {
                let (bytes, arrival) = (BytesMut::from(data), Arrival::Held);
                pipe.segments.push_back(Segment { bytes, sent_at: now, arrival });
                self.counters.segments += 1;
                self.transmit(id, side, 0, wakers);
            }
        }
        let (from, to) = (&self.hosts[from.index()].name, &self.hosts[to.index()].name);
        let fields =
            [("from", from.as_str().into()), ("to", to.as_str().into()), ("data", data.into())];
        self.trace.event("send", &fields);
        Some(count)
    }

    /// Says that nothing more will be sent.
    pub(super) fn send_end(&mut self, id: u64, side: Side, wakers: &mut Wakers) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = &mut connection.pipe_from(side).end;
        if end.is_none() {
            *end = Some(Arrival::Held);
            self.transmit(id, side, 0, wakers);
        }
    }

    /// Puts on the way whatever is held, `delay` from now, if the link lets it pass.
    fn transmit(&mut self, id: u64, side: Side, delay: u64, wakers: &mut Wakers) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (key, (from, to)) = (connection.key.number(side as u64), connection.route(side));
        if !self.is_passable(from, to) {
            return;
        }
        let streams = self.streams;
        let now = self.now + delay;
        self.link(from, to);
        let link = self.links.get_mut(&(from, to)).expect("it was just looked up");
        let connection = self.connections.get_mut(&id).expect("it was just looked up");
        let pipe = connection.pipe_from(side);
        for segment in pipe.segments.iter_mut().filter(|held| held.arrival == Arrival::Held) {
            pipe.count += 1;
            let key = key.number(pipe.count);
            let at = link.arrival(&streams, key, segment.bytes.len(), now).max(pipe.last_arrival);
            pipe.last_arrival = at;
            segment.arrival = Arrival::At(at);
        }
        if pipe.end == Some(Arrival::Held) {
            let at = link.arrival(&streams, key.text("end"), 0, now).max(pipe.last_arrival);
            pipe.last_arrival = at;
            pipe.end = Some(Arrival::At(at));
        }
        wakers.wake(&mut pipe.reader);
        let arrival = pipe.last_arrival;
        let answered = connection.end(side.other()).status != Status::Open;
        if answered && !pipe_is_only_end(connection, side) {
            self.send_reset(id, side.other(), arrival, wakers);
        }
    }

    /// This side answers with a reset at some time, unless the way is cut then.
    fn send_reset(&mut self, id: u64, side: Side, at: u64, wakers: &mut Wakers) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (key, (from, to)) = (connection.key.number(side as u64), connection.route(side));
        if !self.is_passable(from, to) {
            return;
        }
        let latency = self.arrival(from, to, key.text("reset"), 0) - self.now;
        self.reset_end(id, side.other(), at.max(self.now) + latency, wakers);
    }

    /// An end learns at some time that its connection was reset.
    fn reset_end(&mut self, id: u64, side: Side, at: u64, wakers: &mut Wakers) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = connection.end(side);
        if end.status != Status::Open {
            return;
        }
        end.reset_at = Some(end.reset_at.map_or(at, |before| before.min(at)));
        wakers.wake(&mut connection.pipe_from(side).writer);
        wakers.wake(&mut connection.pipe_from(side.other()).reader);
        let (to, from) = connection.route(side);
        self.counters.resets += 1;
        self.event("reset", from, to, ("at", at));
    }

    /// Reads what has arrived; how much, or when to ask again.
    pub(super) fn receive(
        &mut self,
        id: u64,
        side: Side,
        buffer: &mut tokio::io::ReadBuf<'_>,
        wakers: &mut Wakers,
    ) -> io::Result<Received> {
        let now = self.now;
        let connection = self.connections.get_mut(&id).ok_or(io::ErrorKind::ConnectionReset)?;
        let reset_at = connection.end(side).reset_at;
        if reset_at.is_some_and(|at| at <= now) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let (writer, reader) = connection.route(side.other());
        let pipe = connection.pipe_from(side.other());
        let count = pipe.take(buffer, now);
        if count == 0 {
            if pipe.segments.is_empty() && matches!(pipe.end, Some(Arrival::At(at)) if at <= now) {
                return Ok(Received::Bytes(0));
            }
            let next = pipe.next_arrival().into_iter().chain(reset_at).min();
            return Ok(Received::Nothing { until: next });
        }
        pipe.unacknowledged += count;
        self.acknowledge(id, side.other(), (reader, writer), wakers);
        Ok(Received::Bytes(count))
    }

    /// Tells the writer of a pipe what was read, if the way back is open.
    fn acknowledge(
        &mut self,
        id: u64,
        writer: Side,
        (from, to): (HostId, HostId),
        wakers: &mut Wakers,
    ) {
        if !self.is_passable(from, to) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pipe = connection.pipe_from(writer);
        pipe.outstanding -= std::mem::take(&mut pipe.unacknowledged);
        wakers.wake(&mut pipe.writer);
    }

    /// The process lets go of its end; as in TCP, unread data turns the end into a reset.
    pub(super) fn close(&mut self, id: u64, side: Side, wakers: &mut Wakers) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.end(side).status != Status::Open {
            return;
        }
        connection.end(side).status = Status::Closed;
        let incoming = connection.pipe_from(side.other());
        match incoming.segments.back().map(|last| last.arrival) {
            Some(Arrival::At(at)) => self.send_reset(id, side, at.max(now), wakers),
            Some(Arrival::Held) => self.send_reset(id, side, now, wakers),
            None => {}
        }
        self.send_end(id, side, wakers);
        self.forget_if_over(id);
    }

    pub(super) fn process_ended(&mut self, host: HostId, farewell: Farewell, wakers: &mut Wakers) {
        let ports: Vec<u16> =
            self.listeners.range((host, 0)..=(host, u16::MAX)).map(|(key, _)| key.1).collect();
        for port in ports {
            let mut backlog = self.listeners.remove(&(host, port)).expect("it was just listed");
            wakers.wake(&mut backlog.waker);
        }
        if farewell == Farewell::Silent {
            self.hosts[host.index()].is_up = false;
        }
        for (id, side) in self.ends_of(host) {
            match farewell {
                Farewell::Closed => self.close(id, side, wakers),
                Farewell::Silent => {
                    let connection = self.connections.get_mut(&id).expect("it was just listed");
                    connection.vanish(side);
                    self.forget_if_over(id);
                }
            }
        }
        self.event("process ended", host, host, ("silent", u64::from(!self.is_up(host))));
    }

    pub(super) fn host_up(&mut self, host: HostId, wakers: &mut Wakers) {
        self.hosts[host.index()].is_up = true;
        for (id, side) in self.ends_of(host) {
            self.retransmit(id, side.other(), wakers);
        }
    }

    fn ends_of(&self, host: HostId) -> Vec<(u64, Side)> {
        let mut ends = Vec::new();
        for (id, connection) in &self.connections {
            let (client, server) = connection.route(Side::Client);
            ends.extend((client == host).then_some((*id, Side::Client)));
            ends.extend((server == host).then_some((*id, Side::Server)));
        }
        ends
    }

    pub(super) fn cut(&mut self, from: HostId, to: HostId) {
        self.link(from, to).is_cut = true;
        self.event("cut", from, to, ("link", 0));
    }

    pub(super) fn heal(&mut self, from: HostId, to: HostId, wakers: &mut Wakers) {
        if !std::mem::take(&mut self.link(from, to).is_cut) {
            return;
        }
        self.event("heal", from, to, ("link", 0));
        for (id, side) in self.ends_of(from) {
            if self.connections[&id].route(side) == (from, to) {
                self.retransmit(id, side, wakers);
                self.acknowledge(id, side.other(), (from, to), wakers);
            }
        }
    }

    pub(super) fn heal_all(&mut self, wakers: &mut Wakers) {
        let cut: Vec<_> =
            self.links.iter().filter(|(_, link)| link.is_cut).map(|(route, _)| *route).collect();
        for (from, to) in cut {
            self.heal(from, to, wakers);
        }
    }

    /// One end tries again what was held back.
    fn retransmit(&mut self, id: u64, side: Side, wakers: &mut Wakers) {
        let connection = self.connections.get_mut(&id).expect("it was just listed");
        let (from, to) = connection.route(side);
        if !connection.pipe_from(side).is_held() {
            return;
        }
        let key = connection.key.number(side as u64).number(connection.pipe_from(side).count);
        let streams = self.streams;
        let delay = self.link(from, to).retry_delay(&streams, key);
        self.transmit(id, side, delay, wakers);
    }

    pub(super) fn clog(&mut self, from: HostId, to: HostId, duration: Duration) {
        let until = self.now + nanos(duration);
        let now = self.now;
        let link = self.link(from, to);
        link.clogged_until = link.clogged_until.max(until);
        for connection in self.connections.values_mut() {
            for side in [Side::Client, Side::Server] {
                if connection.route(side) == (from, to) {
                    let pipe = connection.pipe_from(side);
                    let arrivals = pipe.segments.iter_mut().map(|segment| &mut segment.arrival);
                    for arrival in arrivals.chain(pipe.end.as_mut()) {
                        if let Arrival::At(at) = arrival
                            && *at > now
                        {
                            *at = (*at).max(until);
                        }
                    }
                }
            }
        }
        self.event("clog", from, to, ("until", until));
    }

    pub(super) fn reset_between(&mut self, one: HostId, other: HostId, wakers: &mut Wakers) {
        let now = self.now;
        for (id, side) in self.ends_of(one) {
            if self.connections.get(&id).is_some_and(|it| it.route(side) == (one, other)) {
                self.reset_end(id, side, now, wakers);
                self.reset_end(id, side.other(), now, wakers);
            }
        }
    }

    fn event(&self, kind: &'static str, from: HostId, to: HostId, more: (&'static str, u64)) {
        let (from, to) = (&self.hosts[from.index()].name, &self.hosts[to.index()].name);
        let more = (more.0, more.1.into());
        self.trace.event(kind, &[("from", from.as_str().into()), ("to", to.as_str().into()), more]);
    }
}

/// What a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// So many bytes; none at the end of the stream.
    Bytes(usize),
    /// Nothing yet, and nothing before this time as far as is known.
    Nothing { until: Option<u64> },
}

/// A peer that is gone does not mind being told the end.
fn pipe_is_only_end(connection: &mut Connection, side: Side) -> bool {
    connection.pipe_from(side).segments.is_empty()
}
