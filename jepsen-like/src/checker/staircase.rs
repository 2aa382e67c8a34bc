//! A number that only grows, and when: the highest known by each moment.

use crate::history::Micros;

/// One growth of the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step<S> {
    /// When.
    pub(super) time: Micros,
    /// To what.
    pub(super) value: i64,
    /// By whom.
    pub(super) source: S,
}

/// The growths in order; both times and values increase strictly in value, weakly in time.
#[derive(Debug, Clone)]
pub(super) struct Staircase<S> {
    steps: Vec<Step<S>>,
}

impl<S: Copy> Staircase<S> {
    /// Keeps of all facts those that were news when they came.
    pub(super) fn new(mut facts: Vec<Step<S>>) -> Self {
        facts.sort_by_key(|fact| fact.time);
        let mut highest = i64::MIN;
        facts.retain(|fact| {
            let news = fact.value > highest;
            highest = highest.max(fact.value);
            news
        });
        facts.shrink_to_fit();
        Self { steps: facts }
    }

    /// The highest known strictly before a moment.
    pub(super) fn before(&self, time: Micros) -> Option<&Step<S>> {
        self.last_of(self.steps.partition_point(|step| step.time < time))
    }

    /// The highest known at a moment.
    pub(super) fn by(&self, time: Micros) -> Option<&Step<S>> {
        self.last_of(self.steps.partition_point(|step| step.time <= time))
    }

    /// The first to reach a value.
    pub(super) fn reaching(&self, value: i64) -> Option<&Step<S>> {
        self.steps.get(self.steps.partition_point(|step| step.value < value))
    }

    /// The highest of all.
    pub(super) fn highest(&self) -> Option<&Step<S>> {
        self.steps.last()
    }

    fn last_of(&self, count: usize) -> Option<&Step<S>> {
        self.steps.get(count.checked_sub(1)?)
    }
}
