//! From the steps of a plan to the orders of the operator.

use super::changes::Order;
use super::faults::Faults;
use super::members::Place;
use crate::dice::Dice;
use crate::membership::MembershipChange;

impl Faults {
    /// Gives the orders for a step; the operator carries them out while the steps go on.
    pub(super) async fn membership(&mut self, change: &MembershipChange, dice: &mut Dice) {
        match change {
            MembershipChange::Add => self.add(false),
            MembershipChange::AddLearner => self.add(true),
            MembershipChange::Promote(who) => {
                for member in self.members.resolve(who, dice).await {
                    self.changes.order(Order::Promote(member));
                }
            }
            MembershipChange::Remove(who) => {
                for member in self.members.resolve(who, dice).await {
                    self.changes.order(Order::Remove(member));
                }
            }
            MembershipChange::Replace(who) => {
                for member in self.members.resolve(who, dice).await {
                    // Where too many disks are lost nothing can be right any more.
                    if !self.changes.is_idle() || !self.members.can_spare(member) {
                        let text = format!("{member} is not replaced: others are needed first");
                        self.members.blink(Place::Network, text);
                        continue;
                    }
                    self.members.lose_disk(member);
                    let newcomer = self.members.successor(member);
                    let is_learner = self.members.is_learner(member);
                    self.changes.order(Order::Remove(member));
                    self.changes.order(Order::Add { newcomer, is_learner });
                }
            }
            MembershipChange::MoveLeader(who) => {
                for member in self.members.resolve(who, dice).await {
                    self.changes.order(Order::MoveLeader(member));
                }
            }
        }
    }

    fn add(&self, is_learner: bool) {
        let newcomer = self.members.newcomer();
        self.changes.order(Order::Add { newcomer, is_learner });
    }
}
