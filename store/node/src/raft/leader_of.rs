//! Who leads, as far as a member knows.

use openraft::ServerState;
use openraft::metrics::RaftServerMetrics;

use super::TypeConfig;
use crate::runtime::Runtime;

/// Whom this member follows, or itself while it leads.
///
/// openraft reads the leader from the vote alone. A member that was removed while it led has such a vote for
/// itself, and begins with it when it is started once more, although it leads nobody.
pub fn leader_of<R: Runtime>(metrics: &RaftServerMetrics<TypeConfig<R>>) -> Option<u64> {
    let is_leader = metrics.state == ServerState::Leader;
    metrics.current_leader.filter(|leader| is_leader || *leader != metrics.id)
}

/// Whether this member leads.
pub fn leads<R: Runtime>(metrics: &RaftServerMetrics<TypeConfig<R>>) -> bool {
    leader_of(metrics) == Some(metrics.id)
}

#[cfg(test)]
mod tests {
    use openraft::Vote;

    use super::*;
    use crate::runtime::tokio::TokioRuntime;

    fn metrics(
        state: ServerState,
        current_leader: Option<u64>,
    ) -> RaftServerMetrics<TypeConfig<TokioRuntime>> {
        let membership_config = std::sync::Arc::default();
        let committed_membership_config = std::sync::Arc::default();
        let vote = Vote::new_committed(3, 1);
        let id = 1;
        RaftServerMetrics {
            id,
            vote,
            state,
            current_leader,
            membership_config,
            committed_membership_config,
        }
    }

    #[test]
    fn a_vote_for_itself_makes_no_leader() {
        let told = |state, leader| {
            let metrics = metrics(state, leader);
            (leader_of(&metrics), leads(&metrics))
        };
        assert_eq!(told(ServerState::Leader, Some(1)), (Some(1), true));
        assert_eq!(told(ServerState::Learner, Some(1)), (None, false));
        assert_eq!(told(ServerState::Follower, Some(2)), (Some(2), false));
        assert_eq!(told(ServerState::Candidate, None), (None, false));
    }
}
