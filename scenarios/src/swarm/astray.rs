//! Writes that go astray when they are made, by the seed.
//!
//! They have randomness of their own, so that the rest of a plan is what it would be without them.

use std::time::Duration;

use crate::ailment::Ailment;
use crate::dice::Dice;
use crate::membership::MembershipChange;
use crate::plan::{Action, Step, Who};

/// The name of the one whose write it is.
const NAME: &str = "astray";
/// Which files are hit.
const FILES: [&str; 4] = ["", "wal", "wal", "state"];
/// With fewer members there is no quorum without one of them.
const MEMBERS_MIN: usize = 3;

/// The writes of a run: one, in one of five.
pub(super) fn draw(mut dice: Dice, members: usize, duration: Duration) -> Vec<Step> {
    if dice.below(5) > 0 || members < MEMBERS_MIN {
        return Vec::new();
    }
    let hit = || Who::Named(NAME.to_owned());
    let who = dice.pick(&[Who::Leader, Who::Follower, Who::Follower, Who::Any]).clone();
    let files = (*dice.pick(&FILES)).to_owned();
    let at = dice.millis(1_000..=6_000);
    let mut steps = vec![
        (at, Action::Remember(who, NAME.to_owned())),
        (at, Action::Ail(hit(), Ailment::Misdirected { files })),
    ];
    // It is found when a member reads everything, and sooner or later one does.
    if dice.percent(85) {
        let down = at + dice.millis(20..=2_500);
        let end = if dice.percent(50) { Action::Kill } else { Action::PowerLoss };
        steps.push((down, end(hit())));
        let up = down + dice.millis(20..=1_500);
        steps.push((up, Action::Restart(hit())));
    }
    if dice.percent(40) {
        let then = at + dice.millis(2_000..=6_000);
        steps.push((then, Action::Membership(MembershipChange::Replace(hit()))));
    }
    steps.retain(|(at, _)| *at <= duration);
    steps.into_iter().map(|(at, action)| Step { at: at..=at, action }).collect()
}
