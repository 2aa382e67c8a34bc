//! Asking the leader.

use detcd_api::peer::{self, forward_reply, read_index_reply};

use super::{Replica, Unavailable};
use crate::api;
use crate::raft::peers::Purpose;
use crate::raft::{Proposal, Reply, codec};
use crate::reconfigure::{Change, Refusal, change_to_peer, refusal_from_peer};
use crate::runtime::Runtime;

/// What came of asking a member that was held for the leader.
pub(super) enum Asked<T> {
    /// It answered.
    Answered(T),
    /// It does not lead, or was not reached: nothing was done, and another may be asked.
    NotDone,
    /// It may or may not be done.
    Unknown(Unavailable),
}

/// Whoever has applied `index` may answer, says the leader of `term`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadIndex {
    pub(super) index: u64,
    pub(super) term: u64,
}

fn unknown(error: i32) -> Unavailable {
    match peer::PeerError::try_from(error) {
        Ok(peer::PeerError::LeaderChanged) => Unavailable::LeaderChanged,
        Ok(peer::PeerError::Stopped) => Unavailable::Stopped,
        Ok(peer::PeerError::TooManyRequests) => Unavailable::TooManyRequests,
        _ => Unavailable::Timeout,
    }
}

fn is_not_leader(error: i32) -> bool {
    error == i32::from(peer::PeerError::NotLeader)
}

impl<R: Runtime> Replica<R> {
    /// Has `leader` propose. What was sent once is never sent again: the command could be done twice.
    pub(super) async fn forward(&self, leader: u64, proposal: &Proposal) -> Asked<Reply> {
        let Some(node) = self.node(leader) else { return Asked::NotDone };
        let Ok(mut client) = self.inner.peers.client(leader, &node, Purpose::Forward).await else {
            return Asked::NotDone;
        };
        let request = peer::ForwardRequest {
            command: proposal.bytes().clone(),
            cluster_id: self.inner.cluster_id,
            recipient: leader,
            sender: self.inner.member_id,
        };
        let reply = match client.forward(request).await {
            Ok(reply) => reply.into_inner(),
            Err(_) => return Asked::Unknown(Unavailable::LeaderChanged),
        };
        match reply.result {
            Some(forward_reply::Result::Outcome(outcome)) => {
                match api::outcome_from_peer(outcome) {
                    Ok(answer) => {
                        Asked::Answered(Reply { index: reply.index, answer: Some(answer) })
                    }
                    Err(_) => Asked::Unknown(Unavailable::LeaderChanged),
                }
            }
            Some(forward_reply::Result::Error(error)) if is_not_leader(error) => Asked::NotDone,
            Some(forward_reply::Result::Error(error)) => Asked::Unknown(unknown(error)),
            None => Asked::Unknown(Unavailable::LeaderChanged),
        }
    }

    /// Asks `leader` for a read index, for those who asked before this was called.
    pub(super) async fn remote_read_index(&self, leader: u64) -> Option<ReadIndex> {
        let node = self.node(leader)?;
        let client = self.inner.peers.client(leader, &node, Purpose::Control).await;
        let mut client = client.ok()?;
        let vote = self.inner.raft.with_raft_state(|state| *state.vote_ref()).await.ok()?;
        let request = peer::ReadIndexRequest {
            cluster_id: self.inner.cluster_id,
            recipient: leader,
            sender: self.inner.member_id,
            vote: Some(codec::vote_to_peer(&vote)),
        };
        let reply = client.read_index(request).await.ok()?.into_inner();
        match reply.result? {
            read_index_reply::Result::Index(index) => Some(ReadIndex { index, term: reply.term }),
            read_index_reply::Result::Error(_) => None,
        }
    }

    /// Has `leader` change the membership; sent once, as every command.
    pub(super) async fn ask_to_reconfigure(
        &self,
        leader: u64,
        change: &Change,
    ) -> Asked<Result<u64, Refusal>> {
        let Some(node) = self.node(leader) else { return Asked::NotDone };
        let Ok(mut client) = self.inner.peers.client(leader, &node, Purpose::Forward).await else {
            return Asked::NotDone;
        };
        let request = peer::ReconfigureRequest {
            cluster_id: self.inner.cluster_id,
            recipient: leader,
            sender: self.inner.member_id,
            change: Some(change_to_peer(change)),
        };
        let Ok(reply) = client.reconfigure(request).await else {
            return Asked::Unknown(Unavailable::LeaderChanged);
        };
        let reply = reply.into_inner();
        if let Some(refusal) = refusal_from_peer(reply.refusal()) {
            return Asked::Answered(Err(refusal));
        }
        match reply.error() {
            peer::PeerError::Unspecified if reply.index > 0 => Asked::Answered(Ok(reply.index)),
            peer::PeerError::NotLeader => Asked::NotDone,
            error => Asked::Unknown(unknown(error.into())),
        }
    }
}
