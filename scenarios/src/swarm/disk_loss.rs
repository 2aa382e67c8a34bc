//! Founders whose disks are lost, and that are replaced, by the seed.
//!
//! They have randomness of their own, so that the rest of a plan is what it would be without them.

use std::time::Duration;

use crate::dice::Dice;
use crate::membership::MembershipChange;
use crate::plan::{Action, Step, Who};

/// The name of the one whose disk is lost.
const NAME: &str = "lost";
/// With fewer members there is no quorum without one of them.
const MEMBERS_MIN: usize = 3;

/// The losses of a run: one, in one of six.
pub(super) fn draw(mut dice: Dice, members: usize, duration: Duration) -> Vec<Step> {
    if dice.below(6) > 0 || members < MEMBERS_MIN {
        return Vec::new();
    }
    let lost = || Who::Named(NAME.to_owned());
    let who = dice.pick(&[Who::Leader, Who::Follower, Who::Any]).clone();
    let at = dice.millis(1_000..=5_000);
    let mut steps = vec![
        Step { at: at..=at, action: Action::Remember(who, NAME.to_owned()) },
        Step { at: at..=at, action: Action::LoseDisk(lost()) },
    ];
    if dice.percent(60) {
        // Somebody starts it on an empty disk, although nobody should.
        let again = at + dice.millis(20..=2_000);
        steps.push(Step { at: again..=again, action: Action::Restart(lost()) });
    }
    if dice.percent(80) {
        let then = at + dice.millis(500..=5_000);
        let replace = MembershipChange::Replace(lost());
        steps.push(Step { at: then..=then, action: Action::Membership(replace) });
    }
    steps.retain(|step| *step.at.end() <= duration);
    steps
}
