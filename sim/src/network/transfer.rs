//! How bytes, ends and resets travel over a connection.

use std::io;

use bytes::BytesMut;
use tokio::io::ReadBuf;

use crate::network::Wakers;
use crate::network::connection::{Arrival, Segment, Side, Status};
use crate::network::state::State;

/// What a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// So many bytes; none at the end of the stream.
    Bytes(usize),
    /// Nothing yet, and nothing before this time as far as is known.
    Nothing { until: Option<u64> },
}

impl State {
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
        let passes = self.is_heard(id, side);
        let is_limited = self.link(from, to).options.bandwidth.is_some();
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
            Some(last)
                if last.sent_at == now
                    && passes == (last.arrival != Arrival::Held)
                    && !is_limited =>
            {
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
    pub(super) fn transmit(&mut self, id: u64, side: Side, delay: u64, wakers: &mut Wakers) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (key, (from, to)) = (connection.key.number(side as u64), connection.route(side));
        if !self.is_heard(id, side) {
            return;
        }
        let streams = self.streams;
        let (now, leaves) = (self.now, self.now + delay);
        self.link(from, to);
        let link = self.links.get_mut(&(from, to)).expect("it was just looked up");
        let connection = self.connections.get_mut(&id).expect("it was just looked up");
        let pipe = connection.pipe_from(side);
        for segment in pipe.segments.iter_mut().filter(|held| held.arrival == Arrival::Held) {
            pipe.count += 1;
            let key = key.number(pipe.count);
            let at =
                link.arrival(&streams, key, segment.bytes.len(), leaves).max(pipe.last_arrival);
            pipe.last_arrival = at;
            segment.arrival = Arrival::At(at);
        }
        if pipe.end == Some(Arrival::Held) {
            let at = link.arrival(&streams, key.text("end"), 0, leaves).max(pipe.last_arrival);
            pipe.last_arrival = at;
            pipe.end = Some(Arrival::At(at));
        }
        // The reader has nothing to do before.
        if let (Some(reader), Some(at)) = (&pipe.reader, pipe.next_arrival())
            && pipe.due.is_none_or(|due| due <= now || at < due)
        {
            wakers.wake_at(at, reader);
            pipe.due = Some(at);
        }
        let arrival = pipe.last_arrival;
        self.refuse(id, side.other(), arrival, wakers);
    }

    /// An end that is gone answers data with a reset, as soon as the data is there.
    pub(super) fn refuse(&mut self, id: u64, side: Side, at: u64, wakers: &mut Wakers) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let is_gone = connection.end(side).status != Status::Open;
        // Being told that nothing more will come needs no answer.
        if is_gone && !connection.pipe_from(side.other()).segments.is_empty() {
            self.send_reset(id, side, at, wakers);
        }
    }

    /// This side sends a reset at some time, unless the way is cut now.
    fn send_reset(&mut self, id: u64, side: Side, at: u64, wakers: &mut Wakers) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (key, (from, to)) = (connection.key.number(side as u64), connection.route(side));
        if !self.is_heard(id, side) {
            return;
        }
        let latency = self.arrival(from, to, key.text("reset"), 0) - self.now;
        self.reset_end(id, side.other(), at.max(self.now) + latency, wakers);
    }

    /// An end learns at some time that its connection was reset.
    pub(super) fn reset_end(&mut self, id: u64, side: Side, at: u64, wakers: &mut Wakers) {
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
        buffer: &mut ReadBuf<'_>,
        wakers: &mut Wakers,
    ) -> io::Result<Received> {
        let now = self.now;
        let connection = self.connections.get_mut(&id).ok_or(io::ErrorKind::ConnectionReset)?;
        let reset_at = connection.end(side).reset_at;
        if reset_at.is_some_and(|at| at <= now) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
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
        self.acknowledge(id, side.other(), wakers);
        Ok(Received::Bytes(count))
    }

    /// Tells the writer of a pipe what was read, if the way back is open.
    pub(super) fn acknowledge(&mut self, id: u64, writer: Side, wakers: &mut Wakers) {
        if !self.is_heard(id, writer.other()) {
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
}
