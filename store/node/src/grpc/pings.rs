//! Which pings of a client are too many (G96).
//!
//! The rules are those of gRPC's servers in Go: pings have to keep their distance, a longer one while no
//! stream is open; three that do not, with nothing answered in between, are too many. Clients have
//! settings that fit them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::frames::{ACK, END_STREAM, Frame, kind};

/// Distance of pings while no stream is open: who asks nothing has nothing to watch over.
const IDLE_DISTANCE: Duration = Duration::from_secs(2 * 60 * 60);
/// Pings too near to the one before that are passed over.
const STRIKES_MAX: u32 = 2;

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Pings {
    distance: Duration,
    last_at: Option<Duration>,
    strikes: u32,
    /// Whether something was answered since the last ping: who is served may ask whether that goes on.
    is_served: bool,
    /// Streams that neither side has ended. HTTP/2 itself keeps more of each of them.
    open: BTreeSet<u32>,
    latest: u32,
}

impl Pings {
    /// Of a connection on which pings keep this distance.
    pub(super) fn new(distance: Duration) -> Self {
        Self {
            distance,
            last_at: None,
            strikes: 0,
            is_served: false,
            open: BTreeSet::new(),
            latest: 0,
        }
    }

    /// The latest stream that the client has opened.
    pub(super) fn latest_stream(&self) -> u32 {
        self.latest
    }

    /// The server has sent a frame.
    pub(super) fn sent(&mut self, frame: Frame) {
        match frame.kind {
            kind::DATA | kind::HEADERS => {
                self.is_served = true;
                if frame.flags & END_STREAM != 0 {
                    self.open.remove(&frame.stream);
                }
            }
            kind::RST_STREAM => {
                self.open.remove(&frame.stream);
            }
            _ => {}
        }
    }

    /// The client has sent a frame, so long after it connected; whether that was one ping too many.
    pub(super) fn received(&mut self, frame: Frame, at: Duration) -> bool {
        match frame.kind {
            // Trailers come on a stream that is open already.
            kind::HEADERS if frame.stream > self.latest => {
                self.latest = frame.stream;
                self.open.insert(frame.stream);
                false
            }
            kind::RST_STREAM => {
                self.open.remove(&frame.stream);
                false
            }
            kind::PING if frame.flags & ACK == 0 => self.pinged(at),
            _ => false,
        }
    }

    fn pinged(&mut self, at: Duration) -> bool {
        let last_at = self.last_at.replace(at);
        if std::mem::take(&mut self.is_served) {
            self.strikes = 0;
            return false;
        }
        let distance = if self.open.is_empty() { IDLE_DISTANCE } else { self.distance };
        let is_near = last_at.is_some_and(|last_at| at.saturating_sub(last_at) < distance);
        self.strikes += u32::from(is_near);
        self.strikes > STRIKES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DISTANCE: Duration = Duration::from_secs(5);
    const PING: Frame = Frame { kind: kind::PING, flags: 0, stream: 0 };

    fn frame(kind: u8, flags: u8, stream: u32) -> Frame {
        Frame { kind, flags, stream }
    }

    fn with_stream() -> Pings {
        let mut pings = Pings::new(DISTANCE);
        assert!(!pings.received(frame(kind::HEADERS, 0, 1), Duration::ZERO));
        pings
    }

    /// How many pings are taken, one every so many milliseconds.
    fn taken(pings: &mut Pings, every_ms: u64) -> usize {
        let at = |number: u64| Duration::from_millis(number * every_ms);
        (0..100).take_while(|number| !pings.received(PING, at(*number))).count()
    }

    #[test]
    fn g96_pings_that_keep_their_distance_are_taken() {
        assert_eq!(taken(&mut with_stream(), 5_000), 100);
    }

    #[test]
    fn g96_the_third_ping_that_is_too_near_is_too_many() {
        assert_eq!(taken(&mut with_stream(), 4_999), 3);
    }

    #[test]
    fn g96_who_has_no_stream_may_hardly_ping() {
        assert_eq!(taken(&mut Pings::new(DISTANCE), 60_000), 3);
        for ended in [frame(kind::HEADERS, END_STREAM, 1), frame(kind::RST_STREAM, 0, 1)] {
            let mut pings = with_stream();
            pings.sent(ended);
            pings.is_served = false;
            assert_eq!(taken(&mut pings, 60_000), 3);
        }
        let mut pings = with_stream();
        pings.received(frame(kind::RST_STREAM, 0, 1), Duration::ZERO);
        assert_eq!(taken(&mut pings, 60_000), 3);
    }

    #[test]
    fn g96_who_is_served_may_ping() {
        let mut pings = with_stream();
        for number in 0..50 {
            assert!(!pings.received(PING, Duration::from_millis(number)));
            pings.sent(frame(kind::DATA, 0, 1));
        }
        // One that finds everything answered, and from then on two that are passed over.
        assert_eq!(taken(&mut pings, 1), 3);
    }

    #[test]
    fn answers_to_pings_and_trailers_are_neither_pings_nor_streams() {
        let mut pings = with_stream();
        for number in 0..50 {
            assert!(!pings.received(frame(kind::PING, ACK, 0), Duration::from_millis(number)));
        }
        pings.sent(frame(kind::HEADERS, END_STREAM, 1));
        pings.received(frame(kind::HEADERS, END_STREAM, 1), Duration::ZERO);
        assert!(pings.open.is_empty());
    }
}
