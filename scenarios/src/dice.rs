//! Random choices, in the words of scenarios.

use std::ops::RangeInclusive;
use std::time::Duration;

use sim::random::Source;

/// A sequence of choices.
#[derive(Debug, Clone)]
pub struct Dice {
    source: Source,
}

impl Dice {
    /// Chooses by the draws of `source`.
    pub fn new(source: Source) -> Self {
        Self { source }
    }

    /// A number below `bound`; 0 if there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.source.draw().below(bound.max(1))
    }

    /// An index of something with so many places.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("an index below a usize is one")
    }

    /// A number of the range.
    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (least, most) = range.into_inner();
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        assert!(!choices.is_empty(), "there is something to choose from");
        &choices[self.index(choices.len())]
    }

    /// The index of a weight, as likely as the weight says; 0 if all are 0.
    pub fn weighted(&mut self, weights: &[u64]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if rest < *weight {
                return index;
            }
            rest -= weight;
        }
        0
    }

    /// A duration of the range, in whole milliseconds, as scripts can write it.
    pub fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.between(range))
    }

    /// A duration around `mean`, from nothing to twice as long.
    pub fn around(&mut self, mean: Duration) -> Duration {
        let micros = u64::try_from(mean.as_micros()).unwrap_or(u64::MAX / 4);
        Duration::from_micros(self.below(micros.saturating_mul(2)))
    }
}
