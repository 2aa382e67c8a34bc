//! What a member's Raft thinks, at one moment.
//!
//! Must never know: who asks.

use std::collections::BTreeSet;

use openraft::ServerState;
use openraft_rt::WatchReceiver;

use super::Raft;
use crate::runtime::Runtime;

/// A member's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It leads.
    Leader,
    /// It wants to.
    Candidate,
    /// It follows, and has a vote.
    Follower,
    /// It has no vote.
    Learner,
    /// Its Raft has ended.
    Stopped,
}

impl Role {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Candidate => "candidate",
            Self::Follower => "follower",
            Self::Learner => "learner",
            Self::Stopped => "stopped",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its part.
    pub role: Role,
    /// The term of its vote.
    pub term: u64,
    /// Whom it votes for in that term.
    pub voted_for: u64,
    /// Whether a quorum has: then that is the leader.
    pub is_vote_committed: bool,
    /// Whom it takes for the leader.
    pub leader: Option<u64>,
    /// The last index of its log.
    pub last: Option<u64>,
    /// The last index that it knows to be committed.
    pub committed: Option<u64>,
    /// The last index that is applied.
    pub applied: Option<u64>,
    /// The last index that its newest snapshot covers.
    pub snapshot: Option<u64>,
    /// The last index that is gone from the log on purpose.
    pub purged: Option<u64>,
    /// The index of the entry that made the membership.
    pub membership_index: Option<u64>,
    /// The voters: one set, or two of which both must agree.
    pub voters: Vec<BTreeSet<u64>>,
    /// The members without a vote.
    pub learners: BTreeSet<u64>,
}

impl Standing {
    /// As the core reported last.
    pub fn of<R: Runtime>(raft: &Raft<R>) -> Self {
        let metrics = raft.metrics();
        let metrics = metrics.borrow_watched();
        let stored = &metrics.membership_config;
        let membership = stored.membership();
        let voters: Vec<BTreeSet<u64>> = membership.get_joint_config().clone();
        let has_vote = |id: &u64| voters.iter().any(|set| set.contains(id));
        let learners = membership.nodes().map(|(id, _)| *id).filter(|id| !has_vote(id)).collect();
        Self {
            role: match metrics.state {
                ServerState::Leader => Role::Leader,
                ServerState::Candidate => Role::Candidate,
                ServerState::Follower => Role::Follower,
                ServerState::Learner => Role::Learner,
                ServerState::Shutdown => Role::Stopped,
            },
            term: metrics.vote.leader_id.term,
            voted_for: metrics.vote.leader_id.voted_for,
            is_vote_committed: metrics.vote.committed,
            leader: metrics.current_leader,
            last: metrics.last_log_index,
            committed: metrics.local_committed.map(|id| id.index),
            applied: metrics.last_applied.map(|id| id.index),
            snapshot: metrics.snapshot.map(|id| id.index),
            purged: metrics.purged.map(|id| id.index),
            membership_index: stored.log_id().map(|id| id.index),
            voters,
            learners,
        }
    }
}
