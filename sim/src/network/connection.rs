//! One connection: two ends, and a pipe in each direction.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::BytesMut;

use crate::network::host::HostId;
use crate::random::Key;

/// Which end of a connection; also which pipe, by the end that writes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that connected.
    Client,
    /// The one that accepted.
    Server,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    /// Names it among all connections of the run, whatever else is connected.
    pub(super) key: Key,
    ends: [End; 2],
    pipes: [Pipe; 2],
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) host: HostId,
    pub(super) status: Status,
    /// When this end learns that the connection was reset.
    pub(super) reset_at: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    /// Closed by its process or by the operating system: what arrives is answered by a reset.
    Closed,
    /// Its host vanished: nothing answers until that is up again.
    Vanished,
}

/// What is under way from one end to the other, and what has arrived but was not read.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) segments: VecDeque<Segment>,
    /// The number of the next segment.
    pub(super) count: u64,
    /// The latest arrival so far: later segments do not overtake.
    pub(super) last_arrival: u64,
    /// Bytes that were written and that the writer does not know to be read.
    pub(super) outstanding: usize,
    /// Of these, what was read while no acknowledgement came through.
    pub(super) unacknowledged: usize,
    /// Something between the hosts has forgotten the connection: whatever is sent from now on is lost for good.
    pub(super) is_silent: bool,
    pub(super) end: Option<Arrival>,
    pub(super) reader: Option<Waker>,
    /// The next time at which a timer wakes the reader; one that has passed stands for none.
    pub(super) due: Option<u64>,
    pub(super) writer: Option<Waker>,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) bytes: BytesMut,
    pub(super) sent_at: u64,
    pub(super) arrival: Arrival,
}

/// When something reaches the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Not before the link is healed.
    Held,
    /// At this true time.
    At(u64),
}

impl Connection {
    pub(super) fn new(key: Key, client: HostId, server: HostId) -> Self {
        let ends = [client, server].map(|host| End { host, status: Status::Open, reset_at: None });
        Self { key, ends, pipes: [Pipe::default(), Pipe::default()] }
    }

    pub(super) fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    /// The pipe that this side writes to.
    pub(super) fn pipe_from(&mut self, side: Side) -> &mut Pipe {
        &mut self.pipes[side as usize]
    }

    /// From the writer's to the reader's host.
    pub(super) fn route(&self, from: Side) -> (HostId, HostId) {
        (self.ends[from as usize].host, self.ends[from.other() as usize].host)
    }

    /// The host of an end is gone; what it has not read will be sent again, in vain.
    pub(super) fn vanish(&mut self, side: Side) {
        if self.end(side).status != Status::Open {
            return;
        }
        self.end(side).status = Status::Vanished;
        let incoming = self.pipe_from(side.other());
        for segment in &mut incoming.segments {
            segment.arrival = Arrival::Held;
        }
        if let Some(end) = &mut incoming.end {
            *end = Arrival::Held;
        }
    }

    /// Whether both ends rely on it, and one is not heard any more.
    pub(super) fn is_half_open(&self) -> bool {
        self.ends.iter().all(|end| end.status == Status::Open)
            && self.pipes.iter().any(|pipe| pipe.is_silent)
    }

    pub(super) fn is_over(&self) -> bool {
        self.ends.iter().all(|end| end.status != Status::Open)
    }
}

impl Pipe {
    /// Whether anything waits for the link to be healed.
    pub(super) fn is_held(&self) -> bool {
        self.end == Some(Arrival::Held)
            || self.segments.back().is_some_and(|segment| segment.arrival == Arrival::Held)
    }

    /// What is under way arrives at this time at the latest; whether that changes anything.
    pub(super) fn hasten(&mut self, latest: u64) -> bool {
        let mut is_changed = false;
        let arrivals = self.segments.iter_mut().map(|segment| &mut segment.arrival);
        for arrival in arrivals.chain(self.end.as_mut()) {
            if let Arrival::At(at) = arrival
                && *at > latest
            {
                *at = latest;
                is_changed = true;
            }
        }
        self.last_arrival = self.last_arrival.min(latest);
        is_changed
    }

    /// When the reader has something to look at.
    pub(super) fn next_arrival(&self) -> Option<u64> {
        let next = match self.segments.front() {
            Some(segment) => Some(segment.arrival),
            None => self.end,
        };
        match next {
            Some(Arrival::At(at)) => Some(at),
            Some(Arrival::Held) | None => None,
        }
    }

    /// Moves bytes that have arrived into a buffer; how many there were.
    pub(super) fn take(&mut self, buffer: &mut tokio::io::ReadBuf<'_>, now: u64) -> usize {
        let before = buffer.remaining();
        while buffer.remaining() > 0
            && let Some(segment) = self.segments.front_mut()
            && matches!(segment.arrival, Arrival::At(at) if at <= now)
        {
            let count = segment.bytes.len().min(buffer.remaining());
            buffer.put_slice(&segment.bytes.split_to(count));
            if segment.bytes.is_empty() {
                self.segments.pop_front();
            }
        }
        before - buffer.remaining()
    }
}
