//! The peer service: one method after the other.

use std::sync::{Arc, OnceLock};

use detcd_api::peer;
use detcd_api::peer::peer_server::Peer;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};

use super::addressee::Addressee;
use crate::api;
use crate::lease::{Lessor, TimeToLive};
use crate::raft::inbound::{self, malformed, missing};
use crate::raft::local::{Local, LocalError};
use crate::raft::{Proposal, Raft, codec};
use crate::reconfigure::{ChangeError, change_from_peer, refusal_to_peer};
use crate::replica::Replica;
use crate::runtime::Runtime;

/// Serves the other members of the cluster.
///
/// It is there before the member is: until then it says so.
pub struct PeerService<R: Runtime> {
    member: Arc<OnceLock<Served<R>>>,
    pub(super) local_ids: Addressee,
    /// Whether the member has no data, and founds its cluster.
    is_founding: bool,
    /// One snapshot is received at a time.
    pub(super) receiving: Arc<Semaphore>,
}

/// The parts of a member that its peers ask.
pub struct Served<R: Runtime> {
    /// Its Raft.
    pub raft: Raft<R>,
    /// What it does as a leader.
    pub local: Local<R>,
    /// Itself.
    pub replica: Replica<R>,
    /// What it knows of leases.
    pub lessor: Lessor<R>,
}

impl<R: Runtime> PeerService<R> {
    /// Serves members of its own cluster only, and only what is meant for this member.
    pub fn new(ids: (u64, u64), is_founding: bool, member: Arc<OnceLock<Served<R>>>) -> Self {
        let (cluster_id, member_id) = ids;
        let local_ids = Addressee::new(cluster_id, member_id);
        Self { member, local_ids, is_founding, receiving: Arc::new(Semaphore::new(1)) }
    }

    pub(super) fn member(&self) -> Result<&Served<R>, Status> {
        self.member.get().ok_or_else(|| Status::unavailable("the member is starting"))
    }

    /// Who was removed is not listened to any longer: it may not know yet.
    fn check_sender(&self, sender: u64) -> Result<(), Status> {
        let state = self.member()?.replica.state();
        if state.with_machine(|machine| machine.removed_members().contains(&sender)) {
            let text = "the member has been permanently removed from the cluster";
            return Err(Status::permission_denied(text));
        }
        Ok(())
    }

    fn check_candidate(&self, request: &peer::VoteRequest) -> Result<(), Status> {
        self.local_ids.check(request.cluster_id, request.recipient)?;
        self.check_sender(request.vote.as_ref().ok_or_else(|| missing("vote"))?.node_id)
    }
}

fn peer_error(error: &LocalError) -> peer::PeerError {
    match error {
        LocalError::NotLeader => peer::PeerError::NotLeader,
        LocalError::LeadershipLost => peer::PeerError::LeaderChanged,
        LocalError::NoQuorum => peer::PeerError::Timeout,
        LocalError::TooManyRequests => peer::PeerError::TooManyRequests,
        LocalError::Stopped => peer::PeerError::Stopped,
    }
}

#[tonic::async_trait]
impl<R: Runtime> Peer for PeerService<R> {
    type AppendStream = BoxStream<'static, Result<peer::AppendResponse, Status>>;

    async fn append(
        &self,
        request: Request<Streaming<peer::AppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        let member = self.member()?;
        let (presence, ids) = (member.replica.presence().clone(), self.local_ids);
        let requests = request.into_inner().map(move |message| {
            let message = message?;
            ids.check(message.cluster_id, message.recipient)?;
            presence.heard();
            Ok(message)
        });
        Ok(Response::new(inbound::append(&member.raft, requests)))
    }

    async fn vote(
        &self,
        request: Request<peer::VoteRequest>,
    ) -> Result<Response<peer::VoteResponse>, Status> {
        let request = request.into_inner();
        self.check_candidate(&request)?;
        inbound::vote(&self.member()?.raft, request).await.map(Response::new)
    }

    async fn pre_vote(
        &self,
        request: Request<peer::VoteRequest>,
    ) -> Result<Response<peer::VoteResponse>, Status> {
        let request = request.into_inner();
        self.check_candidate(&request)?;
        inbound::pre_vote(&self.member()?.raft, request).await.map(Response::new)
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<peer::SnapshotChunk>>,
    ) -> Result<Response<peer::SnapshotReply>, Status> {
        self.receive_snapshot(request.into_inner()).await.map(Response::new)
    }

    async fn transfer_leader(
        &self,
        request: Request<peer::TransferLeaderRequest>,
    ) -> Result<Response<peer::TransferLeaderReply>, Status> {
        let request = request.into_inner();
        self.local_ids.check(request.cluster_id, request.recipient)?;
        inbound::transfer_leader(&self.member()?.raft, request).await.map(Response::new)
    }

    async fn read_index(
        &self,
        request: Request<peer::ReadIndexRequest>,
    ) -> Result<Response<peer::ReadIndexReply>, Status> {
        use peer::read_index_reply::Result as Answer;
        let request = request.into_inner();
        self.local_ids.check(request.cluster_id, request.recipient)?;
        self.check_sender(request.sender)?;
        let local = &self.member()?.local;
        let read = match request.vote.map(codec::vote_from_peer) {
            Some(vote) => local.read_log_id_for(request.sender, vote).await,
            // A member of an earlier version does not tell.
            None => local.read_log_id().await,
        };
        let (answer, term) = match read {
            Ok(read) => (Answer::Index(read.index), read.leader_id.term),
            Err(error) => (Answer::Error(peer_error(&error).into()), 0),
        };
        Ok(Response::new(peer::ReadIndexReply { result: Some(answer), term }))
    }

    async fn forward(
        &self,
        request: Request<peer::ForwardRequest>,
    ) -> Result<Response<peer::ForwardReply>, Status> {
        use peer::forward_reply::Result as Reply;
        let request = request.into_inner();
        self.local_ids.check(request.cluster_id, request.recipient)?;
        self.check_sender(request.sender)?;
        let proposal = Proposal::from_bytes(request.command);
        // What cannot be decoded must not enter the log: it could not be applied.
        proposal.decoded().map_err(malformed)?;
        let reply = match self.member()?.local.propose(proposal).await {
            Ok(reply) => {
                let answer = reply.answer.ok_or_else(|| missing("a command's answer"))?;
                peer::ForwardReply {
                    index: reply.index,
                    result: Some(Reply::Outcome(api::outcome_to_peer(&answer))),
                }
            }
            Err(error) => peer::ForwardReply {
                index: 0,
                result: Some(Reply::Error(peer_error(&error).into())),
            },
        };
        Ok(Response::new(reply))
    }

    async fn lease_renew(
        &self,
        request: Request<peer::LeaseRenewRequest>,
    ) -> Result<Response<peer::LeaseRenewReply>, Status> {
        use peer::lease_renew_reply::Result as Reply;
        let request = request.into_inner();
        self.local_ids.check(request.cluster_id, request.recipient)?;
        let result = match self.member()?.lessor.renew(request.id).await {
            Ok(ttl) => Reply::Ttl(ttl.unwrap_or(0)),
            Err(error) => Reply::Error(peer_error(&error).into()),
        };
        Ok(Response::new(peer::LeaseRenewReply { result: Some(result) }))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<peer::LeaseTimeToLiveRequest>,
    ) -> Result<Response<peer::LeaseTimeToLiveReply>, Status> {
        use peer::lease_time_to_live_reply::{Lease, Result as Reply};
        let request = request.into_inner();
        self.local_ids.check(request.cluster_id, request.recipient)?;
        let result = match self.member()?.lessor.time_to_live(request.id, request.keys).await {
            Ok(Some(TimeToLive { ttl, granted_ttl, keys })) => {
                Reply::Lease(Lease { ttl, granted_ttl, keys })
            }
            Ok(None) => Reply::NotFound(peer::Empty {}),
            Err(error) => Reply::Error(peer_error(&error).into()),
        };
        Ok(Response::new(peer::LeaseTimeToLiveReply { result: Some(result) }))
    }

    async fn describe(
        &self,
        request: Request<peer::DescribeRequest>,
    ) -> Result<Response<peer::DescribeReply>, Status> {
        if self.member.get().is_none() && self.is_founding {
            // Whoever founds the cluster with this member need not wait until it has.
            let (cluster_id, member_id) = self.local_ids.ids();
            let reply = peer::DescribeReply { cluster_id, member_id, ..Default::default() };
            return Ok(Response::new(reply));
        }
        // One that has data knows only once it is read whether the cluster has begun.
        Ok(Response::new(self.member()?.replica.describe(request.into_inner()).await))
    }

    async fn reconfigure(
        &self,
        request: Request<peer::ReconfigureRequest>,
    ) -> Result<Response<peer::ReconfigureReply>, Status> {
        let request = request.into_inner();
        self.local_ids.check(request.cluster_id, request.recipient)?;
        self.check_sender(request.sender)?;
        let change = change_from_peer(request.change.ok_or_else(|| missing("change"))?);
        let mut reply = peer::ReconfigureReply::default();
        match self.member()?.replica.reconfigurer().change(change).await {
            Ok(index) => reply.index = index,
            Err(ChangeError::Refused(refusal)) => reply.set_refusal(refusal_to_peer(refusal)),
            Err(ChangeError::Local(error)) => reply.set_error(peer_error(&error)),
        }
        Ok(Response::new(reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tokio::TokioRuntime;

    #[tokio::test]
    async fn only_who_has_no_data_says_while_it_starts_that_the_cluster_has_not_begun() {
        // A founder whose disk was lost would take it for another that founds the cluster (K2).
        let service =
            |is_founding| PeerService::<TokioRuntime>::new((7, 1), is_founding, Arc::default());
        let ask = || Request::new(peer::DescribeRequest { sender: 2, linearizable: true });
        let reply = service(true).describe(ask()).await.expect("it says so").into_inner();
        assert_eq!((reply.cluster_id, reply.member_id, reply.established), (7, 1, false));
        let refused = service(false).describe(ask()).await.expect_err("it does not know yet");
        assert_eq!(refused.code(), tonic::Code::Unavailable);
    }
}
