//! The peer service: what other members ask of this one.

use std::sync::{Arc, OnceLock};

use detcd_api::peer;
use detcd_api::peer::peer_server::Peer;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest,
    VoteRequest, VoteResponse,
};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};

use super::applier::SnapshotData;
use super::local::{Local, LocalError};
use super::{Presence, Proposal, Raft, Snapshot, TypeConfig, codec};
use crate::api;
use crate::lease::{Lessor, TimeToLive};
use crate::reconfigure::{ChangeError, change_from_peer, refusal_to_peer};
use crate::replica::Replica;
use crate::runtime::Runtime;

type C<R> = TypeConfig<R>;

/// Serves the other members of the cluster.
///
/// It is there before the member is: until then it says so.
pub struct PeerService<R: Runtime> {
    member: Arc<OnceLock<Served<R>>>,
    local_ids: Addressee,
    /// One snapshot is received at a time.
    receiving: Arc<Semaphore>,
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
    pub fn new(ids: (u64, u64), member: Arc<OnceLock<Served<R>>>) -> Self {
        let (cluster_id, member_id) = ids;
        let local_ids = Addressee { cluster_id, member_id };
        Self { member, local_ids, receiving: Arc::new(Semaphore::new(1)) }
    }

    fn member(&self) -> Result<&Served<R>, Status> {
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

    fn vote_request(&self, request: peer::VoteRequest) -> Result<VoteRequest<C<R>>, Status> {
        self.local_ids.check(request.cluster_id, request.recipient)?;
        let vote = request.vote.ok_or_else(|| missing("vote"))?;
        self.check_sender(vote.node_id)?;
        let last_log_id = request.last_log_id.map(codec::log_id_from_peer);
        let mut message = VoteRequest::new(codec::vote_from_peer(vote), last_log_id);
        message.leadership_transfer = request.leadership_transfer;
        Ok(message)
    }

    async fn receive_snapshot(
        &self,
        mut chunks: Streaming<peer::SnapshotChunk>,
    ) -> Result<peer::SnapshotReply, Status> {
        let mut chunk = chunks.message().await?.ok_or_else(|| missing("first chunk"))?;
        let header = chunk.header.take().ok_or_else(|| missing("header"))?;
        self.local_ids.check(header.cluster_id, header.recipient)?;
        let vote = codec::vote_from_peer(header.vote.ok_or_else(|| missing("vote"))?);
        let meta = header.meta.ok_or_else(|| missing("snapshot meta"))?;
        let meta = codec::snapshot_meta_from_peer(meta).map_err(malformed)?;
        let _one_at_a_time = self
            .receiving
            .try_acquire()
            .map_err(|_| Status::resource_exhausted("a snapshot is being received already"))?;
        let member = self.member()?;
        let mut writer =
            member.replica.state().storage().install().await.map_err(storage_failed)?;
        let mut offset = 0;
        loop {
            if chunk.offset != offset || crc32c::crc32c(&chunk.data) != chunk.crc {
                return Err(Status::data_loss("a snapshot chunk was damaged on the way"));
            }
            offset += chunk.data.len() as u64;
            member.replica.presence().heard();
            writer.write(chunk.data).await.map_err(storage_failed)?;
            if chunk.last {
                break;
            }
            let next = chunks.message().await?;
            chunk =
                next.ok_or_else(|| Status::aborted("the snapshot ended before its last chunk"))?;
        }
        let snapshot = Snapshot::<R> { meta, snapshot: SnapshotData::Received(Box::new(writer)) };
        let response = member.raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
        Ok(peer::SnapshotReply { vote: Some(codec::vote_to_peer(&response.vote)) })
    }
}

/// Whom a request must be meant for.
///
/// An address may pass from one member to another: what was meant for the old one must not be answered
/// by the new one, or one log would be counted as two.
#[derive(Debug, Clone, Copy)]
struct Addressee {
    cluster_id: u64,
    member_id: u64,
}

impl Addressee {
    fn check(self, cluster_id: u64, recipient: u64) -> Result<(), Status> {
        if self.cluster_id != cluster_id {
            tracing::warn!(
                mine = format!("{:x}", self.cluster_id),
                theirs = format!("{cluster_id:x}"),
                "cluster ID mismatch"
            );
            return Err(detcd_api::Error::ClusterIDMismatch.into());
        }
        if self.member_id != recipient {
            let text = format!(
                "this is member {:x}, and the request is meant for member {recipient:x}",
                self.member_id
            );
            tracing::warn!("{text}");
            return Err(Status::failed_precondition(text));
        }
        Ok(())
    }
}

fn missing(what: &str) -> Status {
    Status::invalid_argument(format!("{what} is missing"))
}

fn malformed(error: codec::DecodeError) -> Status {
    Status::invalid_argument(error.to_string())
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

fn storage_failed(error: crate::storage::Error) -> Status {
    Status::internal(error.to_string())
}

fn append_request<R: Runtime>(
    ids: Addressee,
    message: peer::AppendRequest,
) -> Result<AppendEntriesRequest<C<R>>, Status> {
    ids.check(message.cluster_id, message.recipient)?;
    let entries = message
        .entries
        .into_iter()
        .map(codec::entry_from_peer::<R>)
        .collect::<Result<_, _>>()
        .map_err(malformed)?;
    Ok(AppendEntriesRequest {
        vote: codec::vote_from_peer(message.vote.ok_or_else(|| missing("vote"))?),
        prev_log_id: message.prev_log_id.map(codec::log_id_from_peer),
        entries,
        leader_commit: message.leader_commit.map(codec::log_id_from_peer),
    })
}

fn append_response<R: Runtime>(result: StreamAppendResult<C<R>>) -> peer::AppendResponse {
    use peer::append_response::{Matched, Result as Answer};
    let answer = match result {
        Ok(matched) => Answer::Matched(Matched { log_id: matched.map(codec::log_id_to_peer) }),
        Err(StreamAppendError::Conflict(id)) => Answer::Conflict(codec::log_id_to_peer(id)),
        Err(StreamAppendError::HigherVote(vote)) => Answer::HigherVote(codec::vote_to_peer(&vote)),
    };
    peer::AppendResponse { result: Some(answer) }
}

/// The requests of an append stream, up to the first that is none.
fn valid_requests<R: Runtime>(
    ids: Addressee,
    presence: Presence<R>,
    requests: Streaming<peer::AppendRequest>,
) -> impl Stream<Item = AppendEntriesRequest<C<R>>> + Send + 'static {
    requests
        .map(move |message| message.and_then(|message| append_request::<R>(ids, message)))
        .take_while(move |request| {
            if let Err(status) = request {
                tracing::debug!(%status, "append stream ended");
            }
            presence.heard();
            std::future::ready(request.is_ok())
        })
        .filter_map(|request| std::future::ready(request.ok()))
}

fn vote_reply<R: Runtime>(response: &VoteResponse<C<R>>) -> peer::VoteResponse {
    peer::VoteResponse {
        vote: Some(codec::vote_to_peer(&response.vote)),
        last_log_id: response.last_log_id.map(codec::log_id_to_peer),
        granted: response.vote_granted,
    }
}

fn peer_error(error: &LocalError) -> peer::PeerError {
    match error {
        LocalError::NotLeader(_) => peer::PeerError::NotLeader,
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
        let presence = member.replica.presence().clone();
        let requests = valid_requests::<R>(self.local_ids, presence, request.into_inner());
        let answers = member.raft.stream_append(requests).map(|answer| match answer {
            Ok(result) => Ok(append_response::<R>(result)),
            Err(fatal) => Err(stopped(fatal)),
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn vote(
        &self,
        request: Request<peer::VoteRequest>,
    ) -> Result<Response<peer::VoteResponse>, Status> {
        let request = self.vote_request(request.into_inner())?;
        let response = self.member()?.raft.vote(request).await.map_err(stopped)?;
        Ok(Response::new(vote_reply::<R>(&response)))
    }

    async fn pre_vote(
        &self,
        request: Request<peer::VoteRequest>,
    ) -> Result<Response<peer::VoteResponse>, Status> {
        let request = self.vote_request(request.into_inner())?;
        let response = self.member()?.raft.pre_vote(request).await.map_err(stopped)?;
        Ok(Response::new(vote_reply::<R>(&response)))
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
        let vote = codec::vote_from_peer(request.vote.ok_or_else(|| missing("vote"))?);
        let last_log_id = request.last_log_id.map(codec::log_id_from_peer);
        let message = TransferLeaderRequest::new(vote, request.to, last_log_id);
        let response =
            self.member()?.raft.handle_transfer_leader(message).await.map_err(stopped)?;
        response.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(peer::TransferLeaderReply {}))
    }

    async fn read_index(
        &self,
        request: Request<peer::ReadIndexRequest>,
    ) -> Result<Response<peer::ReadIndexReply>, Status> {
        use peer::read_index_reply::Result as Answer;
        let request = request.into_inner();
        self.local_ids.check(request.cluster_id, request.recipient)?;
        self.check_sender(request.sender)?;
        let answer = match self.member()?.local.read_index().await {
            Ok(index) => Answer::Index(index),
            Err(error) => Answer::Error(peer_error(&error).into()),
        };
        Ok(Response::new(peer::ReadIndexReply { result: Some(answer) }))
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
        let Some(member) = self.member.get() else {
            // Whoever founds the cluster with this member need not wait until it has.
            let Addressee { cluster_id, member_id } = self.local_ids;
            let reply = peer::DescribeReply { cluster_id, member_id, ..Default::default() };
            return Ok(Response::new(reply));
        };
        Ok(Response::new(member.replica.describe(request.into_inner()).await))
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
