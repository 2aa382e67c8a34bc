//! Operators, by the seed.

use std::time::Duration;

use super::Schedule;
use crate::dice::Dice;
use crate::plan::{Action, Step, Who};
use crate::upkeep::Upkeep;

impl Schedule {
    /// What operators do beside the faults, from a source of its own; in two of three seeds, nothing.
    pub(super) fn upkeep(mut dice: Dice, members: usize, duration: Duration) -> Vec<Step> {
        if dice.below(3) != 0 {
            return Vec::new();
        }
        let kinds = [Upkeep::Defragment, Upkeep::SaveSnapshot, Upkeep::Hash];
        let pause = dice.between(300..=2_500);
        let mut now = dice.millis(1_000..=2_000);
        let mut steps = Vec::new();
        while now <= duration {
            let upkeep = kinds[dice.weighted(&[40, 25, 35])];
            let who = match dice.weighted(&[40, 30, 30]) {
                0 => Who::All,
                1 => Who::Leader,
                _ => Who::Member(1 + dice.index(members)),
            };
            steps.push(Step { at: now..=now, action: Action::Upkeep(who, upkeep) });
            now += dice.millis(pause / 2..=pause * 2);
        }
        steps
    }
}
