//! Values that are large beside what one answer may hold, by the seed.

use std::time::Duration;

use crate::dice::Dice;
use crate::plan::{Action, ClusterPlan, Step};

/// Lets the bursts of one seed in eight write values of a few KiB, with one to three bursts more, where an answer holds
/// no more than a few of them: whoever watches in fragments and was late gets some.
pub(super) fn draw(
    mut dice: Dice,
    duration: Duration,
    cluster: &mut ClusterPlan,
    steps: &mut Vec<Step>,
) {
    if dice.below(8) != 0 {
        return;
    }
    cluster.max_request_bytes = *dice.pick(&[16 << 10, 64 << 10]);
    let bytes = dice.between(512..=6_000) as usize;
    let last_ms = duration.as_millis() as u64;
    for _ in 0..dice.between(1..=3) {
        let at = dice.millis(1_000..=last_ms);
        let action = Action::Burst { puts: dice.between(40..=200), bytes };
        steps.push(Step { at: at..=at, action });
    }
    for step in steps {
        if let Action::Burst { bytes: of_this, .. } = &mut step.action {
            *of_this = bytes;
        }
    }
}
