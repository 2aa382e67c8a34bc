//! The steps that change who is a member.

use super::cursor::Cursor;
use super::parse::{Parsed, Parser};
use crate::membership::MembershipChange;
use crate::plan::Action;

impl Parser {
    /// A step of this kind, or the error that there is none of that name.
    pub(super) fn membership(&mut self, word: &str, line: &mut Cursor<'_>) -> Parsed<Action> {
        Ok(Action::Membership(match word {
            "add-member" => MembershipChange::Add,
            "add-learner" => MembershipChange::AddLearner,
            "promote" => MembershipChange::Promote(self.who(line)?),
            "remove-member" => MembershipChange::Remove(self.who(line)?),
            "replace-member" => MembershipChange::Replace(self.who(line)?),
            "move-leader" => MembershipChange::MoveLeader(self.who(line)?),
            "lose-disk" => return Ok(Action::LoseDisk(self.who(line)?)),
            other => return line.error(format!("`{other}` is not a step")),
        }))
    }

    /// The highest number that a member has got by now.
    pub(super) fn numbers(&self) -> usize {
        let founders = self.plan.cluster.members;
        self.plan.steps.iter().fold(founders, |numbers, step| match &step.action {
            Action::Membership(change) => numbers + change.numbers(founders),
            _ => numbers,
        })
    }
}
