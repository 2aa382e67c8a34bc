//! From the steps of a plan to the orders of the operator.

use super::changes::Order;
use super::faults::Faults;
use super::members::Members;
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
                    if self.members.has_successor(member) {
                        self.members.spares(format!("member {member} is being replaced already"));
                        continue;
                    }
                    self.changes.order(Order::Remove(member));
                }
            }
            MembershipChange::Replace(who) => {
                for member in self.members.resolve(who, dice).await {
                    // Where too many disks are lost nothing can be right any more.
                    if !self.changes.is_idle() || !self.members.can_spare(member) {
                        self.members.spares(format!("member {member} is needed first"));
                        continue;
                    }
                    self.members.lose_disk(member);
                    let newcomer = self.members.successor(member);
                    self.members.lock().successors.insert(newcomer.member, member);
                    let is_learner = self.members.is_learner(member);
                    self.changes.order(Order::Replace { member, newcomer, is_learner });
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

impl Members {
    /// Whether somebody comes, or has come, in the place of this member.
    fn has_successor(&self, member: usize) -> bool {
        self.lock().successors.values().any(|replaced| *replaced == member)
    }

    /// The member that this newcomer was to replace stays; it may be removed, or replaced, later.
    pub(super) fn keep(&self, newcomer: usize) {
        self.lock().successors.remove(&newcomer);
    }

    /// One change of the membership was carried out.
    pub(super) fn changed(&self) {
        self.lock().changes += 1;
    }

    /// An order of the operator has ended.
    pub(super) fn ordered(&self, order: &Order, is_done: bool) {
        if is_done {
            self.changed();
            self.strikes(kind(order));
        } else {
            self.spares_kind(kind(order), "it was refused, or not known to be done");
        }
    }

    /// An order was never begun.
    pub(super) fn dropped(&self, order: &Order) {
        self.spares_kind(kind(order), "the operator did not come to it");
    }
}

/// The word of the step that an order comes from.
fn kind(order: &Order) -> &'static str {
    match order {
        Order::Add { is_learner: true, .. } => "add-learner",
        Order::Add { .. } => "add-member",
        Order::Remove(_) => "remove-member",
        Order::Replace { .. } => "replace-member",
        Order::Promote(_) => "promote",
        Order::MoveLeader(_) => "move-leader",
    }
}
