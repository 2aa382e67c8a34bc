//! Latencies of single requests.

use std::fmt;
use std::time::Duration;

/// How long requests took; kept one by one, so that a percentile is exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    /// Adds one request.
    pub fn add(&mut self, took: Duration) {
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds those of another client or round.
    pub fn merge(&mut self, other: Self) {
        self.micros.extend(other.micros);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.micros.len()
    }

    /// The latency that `percent` of all requests did not exceed; zero when there were none.
    pub fn percentile(&self, percent: usize) -> Duration {
        assert!(percent <= 100, "{percent} percent of all requests");
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        // Nearest rank: the smallest value such that `percent` of all are not above it.
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted
            .get(rank - 1)
            .map_or(Duration::ZERO, |micros| Duration::from_micros((*micros).into()))
    }
}

/// Milliseconds with two digits, as they are printed everywhere here.
#[derive(Debug, Clone, Copy)]
pub struct Millis(pub Duration);

impl fmt::Display for Millis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.2} ms", self.0.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(millis: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        millis.into_iter().for_each(|millis| latencies.add(Duration::from_millis(millis)));
        latencies
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let hundred = latencies((1..=100).rev());
        assert_eq!(hundred.percentile(50), Duration::from_millis(50));
        assert_eq!(hundred.percentile(99), Duration::from_millis(99));
        assert_eq!(hundred.percentile(100), Duration::from_millis(100));
        assert_eq!(latencies([7]).percentile(1), Duration::from_millis(7));
    }

    #[test]
    fn nothing_took_no_time() {
        assert_eq!(Latencies::default().percentile(99), Duration::ZERO);
    }
}
