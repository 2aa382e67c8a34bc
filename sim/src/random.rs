//! Randomness of a run: independent streams, and draws that are keyed by what they decide.
//!
//! A draw is a hash of (seed, stream, key), not the next number of a sequence. The key names the event
//! ("third segment of the second connection from n1 to n2"), so the decision depends on that event
//! alone: removing an operation does not reshuffle the others, and a seed outlives a change of code.
//! That is what lets shrinking converge.
//!
//! Must never know: where the numbers are used, and anything ambient.

use std::convert::Infallible;
use std::ops::Range;
use std::time::Duration;

/// A part of the world that draws for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Latencies, losses and everything else about links.
    Network,
    /// Which sectors survive a crash, how long input and output takes.
    Disk,
    /// Offsets and drift rates of clocks.
    Clock,
    /// The entropy that members themselves ask for.
    Process,
    /// What clients do.
    Workload,
    /// Which faults happen, and when.
    Fault,
}

/// The root of all randomness of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed they come from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Decides one event: the same key always gives the same answer.
    pub fn draw(&self, stream: Stream, key: Key) -> Draw {
        let root = mix(self.seed ^ mix(stream as u64 + 1));
        Draw(mix(root.rotate_left(17) ^ key.0))
    }

    /// A sequence for a consumer that has no key of its own; `name` sets it apart from others.
    pub fn source(&self, stream: Stream, name: &str) -> Source {
        let Draw(state) = self.draw(stream, Key::of(name));
        Source { state }
    }
}

/// The stable name of an event, hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// Starts a key with the kind of event.
    pub fn of(kind: &str) -> Self {
        Self(GOLDEN).text(kind)
    }

    /// Adds a number, such as a counter or an identity.
    #[must_use]
    pub fn number(self, value: u64) -> Self {
        Self(mix(self.0.rotate_left(23) ^ mix(value.wrapping_add(GOLDEN))))
    }

    /// Adds a name.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        let mut key = self.number(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            key = key.number(u64::from_le_bytes(word));
        }
        key
    }
}

/// One decision, to be read in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw(u64);

impl Draw {
    /// All 64 bits.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// A number below `bound`, which is not zero.
    pub fn below(self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        let wide = u128::from(self.0) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the product of two u64 has 64 high bits")
    }

    /// True in `per_million` of a million cases.
    pub fn chance(self, per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(per_million)
    }

    /// A duration of the range; its start when the range is empty.
    pub fn duration(self, range: &Range<Duration>) -> Duration {
        let width = range.end.saturating_sub(range.start).as_nanos();
        let width = u64::try_from(width).expect("a range of durations spans less than 584 years");
        if width == 0 { range.start } else { range.start + Duration::from_nanos(self.below(width)) }
    }
}

/// A sequence of draws, usable wherever [`rand`] wants a generator.
#[derive(Debug, Clone)]
pub struct Source {
    state: u64,
}

impl Source {
    /// The next decision.
    pub fn draw(&mut self) -> Draw {
        self.state = self.state.wrapping_add(GOLDEN);
        Draw(mix(self.state))
    }
}

impl rand::TryRng for Source {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.draw().bits() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.draw().bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        fill_bytes(bytes, || self.draw().bits());
        Ok(())
    }
}

/// Fills a buffer from a generator of words, in an order that does not depend on the machine.
pub(crate) fn fill_bytes(bytes: &mut [u8], mut next: impl FnMut() -> u64) {
    for chunk in bytes.chunks_mut(8) {
        let word = next().to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of splitmix64: every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_seed_stream_and_key_alone() {
        let key = Key::of("segment").text("n1").number(3);
        let draw = Streams::new(7).draw(Stream::Network, key);
        assert_eq!(draw, Streams::new(7).draw(Stream::Network, key));
        assert_ne!(draw, Streams::new(8).draw(Stream::Network, key));
        assert_ne!(draw, Streams::new(7).draw(Stream::Disk, key));
        assert_ne!(draw, Streams::new(7).draw(Stream::Network, key.number(0)));
        assert_ne!(Key::of("ab").text("c"), Key::of("a").text("bc"));
    }

    #[test]
    fn draws_are_spread_evenly() {
        let streams = Streams::new(1);
        let mut buckets = [0u32; 10];
        for n in 0..100_000 {
            let draw = streams.draw(Stream::Fault, Key::of("bucket").number(n));
            buckets[usize::try_from(draw.below(10)).unwrap()] += 1;
        }
        assert!(buckets.iter().all(|count| (9_500..10_500).contains(count)), "{buckets:?}");
        let hits = (0..100_000)
            .filter(|n| streams.draw(Stream::Fault, Key::of("hit").number(*n)).chance(10_000))
            .count();
        assert!((900..1_100).contains(&hits), "{hits}");
    }

    #[test]
    fn an_empty_range_of_durations_gives_its_start() {
        let start = Duration::from_millis(5);
        assert_eq!(Draw(u64::MAX).duration(&(start..start)), start);
        assert!(Draw(u64::MAX).duration(&(start..start * 2)) < start * 2);
    }
}
