//! Changes of the membership, by the seed.
//!
//! They have randomness of their own, so that the rest of a plan is what it would be without them.

use std::time::Duration;

use crate::dice::Dice;
use crate::membership::MembershipChange;
use crate::plan::{Action, Step, Who};

/// Fewer voters than that are not asked to let one go.
const VOTERS_MIN: usize = 2;
/// More members than that are not asked to take another in.
const MEMBERS_MAX: usize = 7;

/// The changes of a run; none in four of five.
pub(super) fn draw(mut dice: Dice, members: usize, duration: Duration) -> Vec<Step> {
    let mut steps = Vec::new();
    if dice.below(5) > 0 {
        return steps;
    }
    let mut members = members;
    let mut has_learner = false;
    let mut now = dice.millis(1_000..=4_000);
    while now < duration {
        let (change, lasting) = match dice.weighted(&[25, 20, 25, 20, 10]) {
            0 if members < MEMBERS_MAX => {
                members += 1;
                (MembershipChange::Add, 4_000)
            }
            1 if !has_learner => {
                has_learner = true;
                (MembershipChange::AddLearner, 3_000)
            }
            1 => {
                has_learner = false;
                members += 1;
                (MembershipChange::Promote(Who::Learner), 3_000)
            }
            2 if members > VOTERS_MIN => {
                members -= 1;
                (MembershipChange::Remove(who(&mut dice)), 4_000)
            }
            3 if members > VOTERS_MIN => (MembershipChange::Replace(who(&mut dice)), 8_000),
            _ => (MembershipChange::MoveLeader(Who::Follower), 500),
        };
        steps.push(Step { at: now..=now, action: Action::Membership(change) });
        now += dice.millis(lasting / 4..=lasting * 2);
    }
    steps
}

fn who(dice: &mut Dice) -> Who {
    dice.pick(&[Who::Leader, Who::Follower, Who::Any]).clone()
}
