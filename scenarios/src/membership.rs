//! How the membership of a cluster may change in a run.

use std::fmt::{self, Display, Formatter};

use crate::plan::Who;

/// One change, as it is ordered; whoever it is about is chosen at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MembershipChange {
    /// A new machine, with a vote. It gets the next number.
    Add,
    /// A new machine without a vote. It gets the next number.
    AddLearner,
    /// Those who have no vote get one.
    Promote(Who),
    /// They leave the cluster for ever.
    Remove(Who),
    /// Their disks are lost: they are removed, and others come in their places under the next numbers.
    Replace(Who),
    /// Somebody else is to lead.
    MoveLeader(Who),
}

impl MembershipChange {
    /// Whether it takes something away that was there.
    pub fn hurts(&self) -> bool {
        match self {
            Self::Remove(_) | Self::Replace(_) => true,
            Self::Add | Self::AddLearner | Self::Promote(_) | Self::MoveLeader(_) => false,
        }
    }

    /// How many new numbers it gives at most; replacing `all` gives one to each of so many members.
    pub fn numbers(&self, members: usize) -> usize {
        match self {
            Self::Add | Self::AddLearner => 1,
            Self::Replace(Who::All | Who::Followers) => members,
            Self::Replace(_) => 1,
            Self::Promote(_) | Self::Remove(_) | Self::MoveLeader(_) => 0,
        }
    }
}

impl Display for MembershipChange {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add => out.write_str("add-member"),
            Self::AddLearner => out.write_str("add-learner"),
            Self::Promote(who) => write!(out, "promote {who}"),
            Self::Remove(who) => write!(out, "remove-member {who}"),
            Self::Replace(who) => write!(out, "replace-member {who}"),
            Self::MoveLeader(who) => write!(out, "move-leader {who}"),
        }
    }
}
