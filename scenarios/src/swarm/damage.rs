//! Disks that do not give back what was written, by the seed.
//!
//! They have randomness of their own, so that the rest of a plan is what it would be without them.

use std::time::Duration;

use crate::ailment::{Ailment, Damage};
use crate::dice::Dice;
use crate::plan::{Action, Step, Who};

/// Which files are hit.
const FILES: [&str; 4] = ["", "wal", "wal", "state"];

/// The damage of a run; none in three of four, and none to a member that is alone.
pub(super) fn draw(mut dice: Dice, members: usize, duration: Duration) -> Vec<Step> {
    let mut steps = Vec::new();
    if dice.below(4) > 0 || members == 1 {
        return steps;
    }
    let mut now = dice.millis(1_000..=6_000);
    while now < duration {
        let who = dice.pick(&[Who::Leader, Who::Follower, Who::Any, Who::Member(1)]).clone();
        let damage = *dice.pick(&Damage::ALL);
        let files = (*dice.pick(&FILES)).to_owned();
        let hit = Action::Ail(who.clone(), Ailment::Damaged { damage, files });
        steps.push(Step { at: now..=now, action: hit });
        if dice.percent(60) {
            // Most damage is found when a member reads everything.
            let down = now + dice.millis(50..=1_000);
            let up = down + dice.millis(50..=1_000);
            for (at, action) in [(down, Action::Kill(who)), (up, Action::Restart(Who::All))] {
                steps.extend((at <= duration).then_some(Step { at: at..=at, action }));
            }
        }
        now += dice.millis(2_000..=8_000);
    }
    steps
}
