//! Voting for nobody.

use openraft::Vote;
use openraft::raft::VoteRequest;
use openraft::vote::leader_id_std::{CommittedLeaderId, LeaderId};

use super::{LogId, Raft};
use crate::runtime::Runtime;

/// The id that no member has.
pub(super) const NOBODY: u64 = 0;

/// Gives this member's vote of `term` to nobody, durably, and so none in any term up to that one.
///
/// A member that may have voted before it lost its disk must not do so again in the same term. The error
/// says why that could not be made sure of.
pub async fn abstain<R: Runtime>(raft: &Raft<R>, term: u64) -> Result<(), String> {
    // A log that suits everybody.
    let last = LogId { leader_id: CommittedLeaderId::new(term), index: u64::MAX };
    let vote = Vote { leader_id: LeaderId { term, voted_for: NOBODY }, committed: false };
    let mut request = VoteRequest::new(vote, Some(last));
    // Nobody waits for an election timeout here.
    request.leadership_transfer = true;
    let response = raft.vote(request).await.map_err(|fatal| fatal.to_string())?;
    if response.vote_granted {
        return Ok(());
    }
    Err(format!("the vote of term {term} was given already: {}", response.vote))
}
