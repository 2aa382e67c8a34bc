//! One direction between two hosts.

use std::ops::Range;
use std::time::Duration;

use crate::clock::nanos;
use crate::random::{Key, Stream, Streams};

/// How a link behaves while it is not cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOptions {
    /// From leaving one host to arriving at the other, drawn for each segment.
    pub latency: Range<Duration>,
    /// Bytes per second; without it, no limit.
    pub bandwidth: Option<u64>,
    /// How many of a million segments are lost, and arrive only when retransmitted.
    pub loss_per_million: u32,
    /// How long it takes until a lost segment is sent again the first time; doubled each time.
    pub retransmission: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(300)..Duration::from_millis(2),
            bandwidth: None,
            loss_per_million: 0,
            retransmission: Duration::from_millis(200),
        }
    }
}

/// Times are true nanoseconds.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) options: LinkOptions,
    pub(super) is_cut: bool,
    pub(super) clogged_until: u64,
    /// When the last byte that was given to the link has left the host.
    busy_until: u64,
}

impl Link {
    pub(super) fn new(options: LinkOptions) -> Self {
        Self { options, is_cut: false, clogged_until: 0, busy_until: 0 }
    }

    /// When something sent now arrives.
    pub(super) fn arrival(&mut self, streams: &Streams, key: Key, bytes: usize, now: u64) -> u64 {
        let draw = |what: &str| streams.draw(Stream::Network, key.text(what));
        let departure = self.departure(bytes, now);
        let mut delay = draw("latency").duration(&self.options.latency);
        let mut retransmission = self.options.retransmission;
        let attempts = if self.options.loss_per_million == 0 { 0 } else { 6 };
        for attempt in 0..attempts {
            let lost = streams.draw(Stream::Network, key.text("loss").number(attempt));
            if !lost.chance(self.options.loss_per_million) {
                break;
            }
            delay += retransmission;
            retransmission *= 2;
        }
        (departure + nanos(delay)).max(self.clogged_until)
    }

    /// Changes what the link is like; if it lets more through than before, when all that waits to leave has arrived.
    pub(super) fn change(&mut self, options: LinkOptions, now: u64) -> Option<u64> {
        let before = std::mem::replace(&mut self.options, options).bandwidth?;
        let is_wider = self.options.bandwidth.is_none_or(|bandwidth| bandwidth > before);
        is_wider.then(|| {
            self.busy_until = now;
            (now + nanos(self.options.latency.end)).max(self.clogged_until)
        })
    }

    /// When a host that retries notices that the link is there again.
    pub(super) fn retry_delay(&self, streams: &Streams, key: Key) -> u64 {
        let range = Duration::ZERO..self.options.retransmission;
        nanos(streams.draw(Stream::Network, key.text("retry")).duration(&range))
    }

    fn departure(&mut self, bytes: usize, now: u64) -> u64 {
        let Some(bandwidth) = self.options.bandwidth else { return now };
        // Packets without data pass between the others, as where queues are fair.
        if bytes == 0 {
            return now;
        }
        let transfer = u128::from(bytes as u64) * 1_000_000_000 / u128::from(bandwidth.max(1));
        let transfer = u64::try_from(transfer).unwrap_or(u64::MAX);
        self.busy_until = self.busy_until.max(now).saturating_add(transfer);
        self.busy_until
    }
}
