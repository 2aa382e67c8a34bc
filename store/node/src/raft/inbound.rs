//! What peers say to openraft: messages in, its answers out.
//!
//! Must never know: who may say it, and whom it is meant for.

use detcd_api::peer;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderRequest,
    VoteRequest, VoteResponse,
};
use tonic::Status;

use super::applier::SnapshotData;
use super::{Raft, Snapshot, TypeConfig, codec};
use crate::runtime::Runtime;
use crate::storage::SnapshotWriter;

type C<R> = TypeConfig<R>;

/// A field that every peer sends.
pub fn missing(what: &str) -> Status {
    Status::invalid_argument(format!("{what} is missing"))
}

/// A field that cannot be read.
pub fn malformed(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

/// Hands a stream of appends over, up to the first that is none.
pub fn append<R: Runtime>(
    raft: &Raft<R>,
    requests: impl Stream<Item = Result<peer::AppendRequest, Status>> + Send + 'static,
) -> BoxStream<'static, Result<peer::AppendResponse, Status>> {
    let requests = requests
        .map(|message| message.and_then(append_request::<R>))
        .take_while(|request| {
            if let Err(status) = request {
                tracing::debug!(%status, "append stream ended");
            }
            std::future::ready(request.is_ok())
        })
        .filter_map(|request| std::future::ready(request.ok()));
    let answers = raft.stream_append(requests).map(|answer| match answer {
        Ok(result) => Ok(append_response::<R>(result)),
        Err(fatal) => Err(stopped(fatal)),
    });
    answers.boxed()
}

fn append_request<R: Runtime>(
    message: peer::AppendRequest,
) -> Result<AppendEntriesRequest<C<R>>, Status> {
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

/// A candidate asks for a vote.
pub async fn vote<R: Runtime>(
    raft: &Raft<R>,
    request: peer::VoteRequest,
) -> Result<peer::VoteResponse, Status> {
    let response = raft.vote(vote_request::<R>(request)?).await.map_err(stopped)?;
    Ok(vote_response::<R>(&response))
}

/// Somebody asks whether it would get a vote.
pub async fn pre_vote<R: Runtime>(
    raft: &Raft<R>,
    request: peer::VoteRequest,
) -> Result<peer::VoteResponse, Status> {
    let response = raft.pre_vote(vote_request::<R>(request)?).await.map_err(stopped)?;
    Ok(vote_response::<R>(&response))
}

fn vote_request<R: Runtime>(request: peer::VoteRequest) -> Result<VoteRequest<C<R>>, Status> {
    let vote = request.vote.ok_or_else(|| missing("vote"))?;
    let last_log_id = request.last_log_id.map(codec::log_id_from_peer);
    let mut message = VoteRequest::new(codec::vote_from_peer(vote), last_log_id);
    message.leadership_transfer = request.leadership_transfer;
    Ok(message)
}

fn vote_response<R: Runtime>(response: &VoteResponse<C<R>>) -> peer::VoteResponse {
    peer::VoteResponse {
        vote: Some(codec::vote_to_peer(&response.vote)),
        last_log_id: response.last_log_id.map(codec::log_id_to_peer),
        granted: response.vote_granted,
    }
}

/// A snapshot was received whole; `header` is its sender's.
pub async fn install<R: Runtime>(
    raft: &Raft<R>,
    header: peer::SnapshotHeader,
    received: SnapshotWriter<R>,
) -> Result<peer::SnapshotReply, Status> {
    let vote = codec::vote_from_peer(header.vote.ok_or_else(|| missing("vote"))?);
    let meta = header.meta.ok_or_else(|| missing("snapshot meta"))?;
    let meta = codec::snapshot_meta_from_peer(meta).map_err(malformed)?;
    let snapshot = Snapshot::<R> { meta, snapshot: SnapshotData::Received(Box::new(received)) };
    let response = raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
    Ok(peer::SnapshotReply { vote: Some(codec::vote_to_peer(&response.vote)) })
}

/// The leader wants this member, or another, to lead.
pub async fn transfer_leader<R: Runtime>(
    raft: &Raft<R>,
    request: peer::TransferLeaderRequest,
) -> Result<peer::TransferLeaderReply, Status> {
    let vote = codec::vote_from_peer(request.vote.ok_or_else(|| missing("vote"))?);
    let last_log_id = request.last_log_id.map(codec::log_id_from_peer);
    let message = TransferLeaderRequest::new(vote, request.to, last_log_id);
    let response = raft.handle_transfer_leader(message).await.map_err(stopped)?;
    response.map_err(|error| Status::failed_precondition(error.to_string()))?;
    Ok(peer::TransferLeaderReply {})
}
