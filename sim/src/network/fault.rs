//! What happens to links, hosts and connections from outside.

use std::time::Duration;

use crate::clock::nanos;
use crate::network::connection::{Arrival, Connection, Side};
use crate::network::host::HostId;
use crate::network::link::LinkOptions;
use crate::network::state::State;
use crate::network::{Farewell, Wakers};

impl State {
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
                self.acknowledge(id, side.other(), wakers);
                // The peer has been sending again and again into an end that is gone.
                self.refuse(id, side, self.now, wakers);
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

    pub(super) fn reset_between(
        &mut self,
        one: HostId,
        other: HostId,
        which: fn(&Connection) -> bool,
        wakers: &mut Wakers,
    ) {
        let now = self.now;
        for (id, side) in self.ends_of(one) {
            let is_meant = |it: &Connection| it.route(side) == (one, other) && which(it);
            if self.connections.get(&id).is_some_and(is_meant) {
                self.reset_end(id, side, now, wakers);
                self.reset_end(id, side.other(), now, wakers);
            }
        }
    }

    pub(super) fn set_link(
        &mut self,
        from: HostId,
        to: HostId,
        options: LinkOptions,
        wakers: &mut Wakers,
    ) {
        let now = self.now;
        let Some(latest) = self.link(from, to).change(options, now) else { return };
        for connection in self.connections.values_mut() {
            for side in [Side::Client, Side::Server] {
                if connection.route(side) == (from, to) {
                    let pipe = connection.pipe_from(side);
                    if pipe.hasten(latest) {
                        wakers.wake(&mut pipe.reader);
                    }
                }
            }
        }
    }

    /// Whatever is between two hosts forgets their connections in this direction; how many that was.
    pub(super) fn silence(&mut self, from: HostId, to: HostId) -> usize {
        let mut silenced = 0;
        for connection in self.connections.values_mut() {
            for side in [Side::Client, Side::Server] {
                if connection.route(side) == (from, to) {
                    connection.pipe_from(side).is_silent = true;
                    silenced += usize::from(connection.is_half_open());
                }
            }
        }
        self.event("silence", from, to, ("connections", silenced as u64));
        silenced
    }

    /// How many connections between two hosts are taken for whole by both, and are not.
    pub(super) fn half_open_count(&self, one: HostId, other: HostId) -> usize {
        let is_meant = |connection: &&Connection| {
            let route = connection.route(Side::Client);
            (route == (one, other) || route == (other, one)) && connection.is_half_open()
        };
        self.connections.values().filter(is_meant).count()
    }
}
