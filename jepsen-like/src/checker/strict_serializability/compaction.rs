//! Compaction as a register that only grows.
//!
//! A compaction makes no revision, so its place in the order is known only as an interval: it may
//! be in force from its call on, and surely is from its answer on.

use crate::checker::staircase::{Staircase, Step};
use crate::history::{Event, History, Micros, Operation, Outcome, Request};

/// When which revisions may be, and surely are, compacted.
#[derive(Debug)]
pub struct Compactions {
    possible: Staircase<()>,
    certain: Staircase<()>,
}

impl Compactions {
    /// From the operations, and from what members told.
    pub fn new(history: &History, operations: &[Operation<'_>]) -> Self {
        let (mut possible, mut certain) = (Vec::new(), Vec::new());
        for operation in operations {
            let Request::Compact(compact) = operation.request else { continue };
            let step = |time| Step { time, value: compact.revision, source: () };
            match operation.outcome {
                Outcome::Ok(_) => {
                    possible.push(step(operation.call));
                    certain.extend(operation.end.map(step));
                }
                Outcome::Info(_) => possible.push(step(operation.call)),
                Outcome::Fail(_) => {}
            }
        }
        for event in &history.events {
            if let Event::CompactedAt { time, revision, .. } = event {
                let step = Step { time: *time, value: *revision, source: () };
                possible.push(step);
                certain.push(step);
            }
        }
        Self { possible: Staircase::new(possible), certain: Staircase::new(certain) }
    }

    /// The highest compaction that may be in force at a moment; -1 if none.
    pub fn possible_by(&self, time: Micros) -> i64 {
        self.possible.by(time).map_or(-1, |step| step.value)
    }

    /// The highest compaction that was surely in force before a moment; -1 if none.
    pub fn certain_before(&self, time: Micros) -> i64 {
        self.certain.before(time).map_or(-1, |step| step.value)
    }
}
