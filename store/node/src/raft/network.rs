//! openraft's network: what a member says to another, as gRPC.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use detcd_api::peer;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, unfold};
use futures_util::{Stream, StreamExt};
use openraft::AnyError;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::v2::RaftNetworkV2;
use openraft::network::{RPCOption, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendError,
    StreamAppendResult, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft_rt::{AsyncRuntime, Select2};
use tonic::Streaming;

use super::applier::SnapshotData;
use super::exchange::Exchange;
use super::peers::{Peers, Purpose};
use super::revocable::lend;
use super::snapshot_chunks::snapshot_chunks;
use super::{MemberNode, RaftVote, Snapshot, TypeConfig, codec};
use crate::runtime::Runtime;
use crate::wal;

type C<R> = TypeConfig<R>;

/// Makes links to other members.
#[derive(Clone)]
pub struct Links<R: Runtime> {
    peers: Peers<R>,
    log: wal::Log<R>,
    /// Longest time that a request may be without an answer before its connection is given up.
    patience: Duration,
}

impl<R: Runtime> Links<R> {
    /// Links over the connections of `peers`, for entries of `log`.
    pub fn new(peers: Peers<R>, log: wal::Log<R>, patience: Duration) -> Self {
        Self { peers, log, patience }
    }

    /// A link for short requests.
    pub(super) fn heartbeat_link(&self, target: u64, node: &MemberNode) -> Link<R> {
        self.link(target, node, Purpose::Control)
    }

    fn link(&self, target: u64, node: &MemberNode, purpose: Purpose) -> Link<R> {
        Link {
            peers: self.peers.clone(),
            log: self.log.clone(),
            target,
            node: node.clone(),
            purpose,
            patience: self.patience,
        }
    }
}

impl<R: Runtime> RaftNetworkFactory<C<R>> for Links<R> {
    type Network = Link<R>;

    async fn new_client(&mut self, target: u64, node: &MemberNode) -> Link<R> {
        self.link(target, node, Purpose::Append)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &MemberNode) -> Link<R> {
        self.heartbeat_link(target, node)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &MemberNode) -> Link<R> {
        self.link(target, node, Purpose::Snapshot)
    }
}

/// A way to one other member.
pub struct Link<R: Runtime> {
    peers: Peers<R>,
    log: wal::Log<R>,
    target: u64,
    node: MemberNode,
    purpose: Purpose,
    patience: Duration,
}

fn unreachable<R: Runtime>(error: impl ToString) -> Unreachable<C<R>> {
    Unreachable::new(&AnyError::error(error.to_string()))
}

fn malformed<R: Runtime>(what: impl ToString) -> RPCError<C<R>> {
    RPCError::Network(NetworkError::new(&AnyError::error(what.to_string())))
}

impl<R: Runtime> Link<R> {
    async fn client(
        &self,
        purpose: Purpose,
    ) -> Result<peer::peer_client::PeerClient<crate::grpc::Channel>, Unreachable<C<R>>> {
        self.peers.client(self.target, &self.node, purpose).await.map_err(unreachable::<R>)
    }

    fn vote_request(&self, request: &VoteRequest<C<R>>) -> peer::VoteRequest {
        peer::VoteRequest {
            vote: Some(codec::vote_to_peer(&request.vote)),
            last_log_id: request.last_log_id.map(codec::log_id_to_peer),
            leadership_transfer: request.leadership_transfer,
            cluster_id: self.peers.cluster_id(),
            recipient: self.target,
        }
    }

    /// Asks for a vote of either kind.
    async fn ballot(
        &self,
        ballot: Ballot,
        request: &VoteRequest<C<R>>,
        option: &RPCOption,
    ) -> Result<VoteResponse<C<R>>, RPCError<C<R>>> {
        let call = async {
            let mut client = self.client(Purpose::Control).await?;
            let request = self.vote_request(request);
            let response = match ballot {
                Ballot::Vote => client.vote(request).await,
                Ballot::PreVote => client.pre_vote(request).await,
            };
            vote_response::<R>(response.map_err(unreachable::<R>)?.into_inner())
        };
        self.bounded(Purpose::Control, option.hard_ttl().max(self.patience), call).await
    }

    /// A short append, over a stream that is kept for the next.
    async fn exchange(
        &self,
        request: &AppendEntriesRequest<C<R>>,
    ) -> Result<StreamAppendResult<C<R>>, RPCError<C<R>>> {
        let message = append_request::<R>(request, self.peers.cluster_id(), self.target);
        let (epoch, kept) = self.peers.exchanges().take(self.target);
        let asking = async {
            if let Some(mut exchange) = kept
                && let Ok(answer) = exchange.ask(message.clone()).await
            {
                return Ok((exchange, answer));
            }
            // The connection of what was kept may have ended. What changes no log may be asked twice.
            let client = self.client(self.purpose).await?;
            let opened = Exchange::open(client, message).await;
            let mut exchange = opened.map_err(unreachable::<R>)?;
            let answer = exchange.answer().await.map_err(unreachable::<R>)?;
            Ok((exchange, answer))
        };
        let (exchange, answer) = self.bounded(self.purpose, self.patience, asking).await?;
        let result = append_result::<R>(answer)?;
        // Behind a refusal the other side ends the stream.
        if result.is_ok() {
            self.peers.exchanges().put_back(self.target, epoch, exchange);
        }
        Ok(result)
    }

    /// Bounds a short call; a connection on which nothing came back is given up.
    async fn bounded<T>(
        &self,
        purpose: Purpose,
        limit: Duration,
        call: impl Future<Output = Result<T, RPCError<C<R>>>> + Send,
    ) -> Result<T, RPCError<C<R>>> {
        match <R as AsyncRuntime>::timeout(limit, call).await {
            Ok(result) => result,
            Err(_) => {
                self.peers.forget(self.target, purpose);
                Err(unreachable::<R>("no answer in time").into())
            }
        }
    }
}

/// What a candidate asks for.
#[derive(Debug, Clone, Copy)]
enum Ballot {
    /// The vote.
    Vote,
    /// Whether it would be given.
    PreVote,
}

fn vote_response<R: Runtime>(
    response: peer::VoteResponse,
) -> Result<VoteResponse<C<R>>, RPCError<C<R>>> {
    let vote = response.vote.ok_or_else(|| malformed::<R>("a vote response without a vote"))?;
    Ok(VoteResponse {
        vote: codec::vote_from_peer(vote),
        vote_granted: response.granted,
        last_log_id: response.last_log_id.map(codec::log_id_from_peer),
    })
}

fn append_request<R: Runtime>(
    request: &AppendEntriesRequest<C<R>>,
    cluster_id: u64,
    recipient: u64,
) -> peer::AppendRequest {
    peer::AppendRequest {
        vote: Some(codec::vote_to_peer(&request.vote)),
        prev_log_id: request.prev_log_id.map(codec::log_id_to_peer),
        entries: request.entries.iter().map(codec::entry_to_peer::<R>).collect(),
        leader_commit: request.leader_commit.map(codec::log_id_to_peer),
        cluster_id,
        recipient,
    }
}

fn append_result<R: Runtime>(
    response: peer::AppendResponse,
) -> Result<StreamAppendResult<C<R>>, RPCError<C<R>>> {
    use peer::append_response::Result as Answer;
    match response.result.ok_or_else(|| malformed::<R>("an append response without a result"))? {
        Answer::Matched(matched) => Ok(Ok(matched.log_id.map(codec::log_id_from_peer))),
        Answer::Conflict(id) => Ok(Err(StreamAppendError::Conflict(codec::log_id_from_peer(id)))),
        Answer::HigherVote(vote) => {
            Ok(Err(StreamAppendError::HigherVote(codec::vote_from_peer(vote))))
        }
    }
}

/// Whether openraft sends nothing because it found nothing: what follows `prev_log_id` was purged.
///
/// It does not notice by itself that a log was purged under a stream to a follower that does not answer,
/// and would send empty requests for ever. When the stream fails instead, it looks again, and finds that
/// the follower needs a snapshot.
fn is_purged<R: Runtime>(log: &wal::Log<R>, request: &AppendEntriesRequest<C<R>>) -> bool {
    let next = request.prev_log_id.map_or(0, |prev| prev.index + 1);
    request.entries.is_empty() && log.purged().is_some_and(|purged| next <= purged.index)
}

/// The answers to a stream of appends: in order, each within the link's patience.
struct Answers<R: Runtime> {
    answers: Streaming<peer::AppendResponse>,
    /// Requests taken by the transport so far.
    sent: Arc<AtomicU64>,
    answered: u64,
    /// Whether what comes next was purged: see [`is_purged`].
    purged: Arc<AtomicBool>,
    peers: Peers<R>,
    target: u64,
    purpose: Purpose,
    patience: Duration,
    /// Requests are taken for as long as somebody waits for their answers.
    _lender: Box<dyn Send>,
}

impl<R: Runtime> Answers<R> {
    /// The next answer; `None` at the end. An idle stream may be silent for ever, one that owes an
    /// answer may not.
    async fn next(&mut self) -> Option<Result<StreamAppendResult<C<R>>, RPCError<C<R>>>> {
        loop {
            let owed = self.sent.load(Ordering::Relaxed) > self.answered;
            let waited = <R as AsyncRuntime>::timeout(self.patience, self.answers.next()).await;
            match waited {
                Ok(Some(Ok(response))) => {
                    self.answered += 1;
                    return Some(append_result::<R>(response));
                }
                Ok(Some(Err(status))) => return Some(Err(unreachable::<R>(status).into())),
                Ok(None) if self.purged.swap(false, Ordering::Relaxed) => {
                    return Some(Err(unreachable::<R>("the next entries were purged").into()));
                }
                Ok(None) => return None,
                Err(_) if owed => {
                    self.peers.forget(self.target, self.purpose);
                    return Some(Err(unreachable::<R>("appended entries got no answer").into()));
                }
                Err(_) => {}
            }
        }
    }
}

impl<R: Runtime> RaftNetworkV2<C<R>> for Link<R> {
    type SnapshotData = SnapshotData<R>;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<C<R>>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<C<R>>, RPCError<C<R>>> {
        let once = Box::pin(futures_util::stream::once(async move { request }));
        let mut answers = self.stream_append(once, option).await?;
        match answers.next().await {
            Some(result) => Ok(result?.into()),
            None => Err(malformed::<R>("an append stream ended without an answer")),
        }
    }

    /// Pipelined: requests go out as openraft makes them, answers come back in order. Short ones go one by one.
    fn stream_append<'s, S>(
        &'s mut self,
        mut input: S,
        _option: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<C<R>>, RPCError<C<R>>>>, RPCError<C<R>>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<C<R>>> + Send + Unpin + 'static,
    {
        Box::pin(async move {
            // openraft waits where the first request is asked for: whoever connects before has no pause
            // between two attempts to reach a member that is down.
            let Some(first) = input.next().await else {
                return Ok(futures_util::stream::empty().boxed());
            };
            if self.purpose == Purpose::Control {
                let requests = futures_util::stream::iter([first]).chain(input);
                let link: &Self = self;
                let ask = move |request| async move { link.exchange(&request).await };
                return Ok(requests.then(ask).boxed());
            }
            let input = futures_util::stream::iter([first]).chain(input);
            let (input, lender) = lend(input);
            let sent = Arc::new(AtomicU64::new(0));
            let (counter, cluster_id) = (sent.clone(), self.peers.cluster_id());
            let recipient = self.target;
            let purged = Arc::new(AtomicBool::new(false));
            let (flag, log, purpose) = (purged.clone(), self.log.clone(), self.purpose);
            let available = input.take_while(move |request| {
                let is_purged = purpose == Purpose::Append && is_purged(&log, request);
                flag.store(is_purged, Ordering::Relaxed);
                std::future::ready(!is_purged)
            });
            let requests = available.map(move |request| {
                counter.fetch_add(1, Ordering::Relaxed);
                append_request::<R>(&request, cluster_id, recipient)
            });
            let opening = async {
                let mut client = self.client(self.purpose).await?;
                client.append(requests).await.map_err(|status| unreachable::<R>(status).into())
            };
            let answers = self.bounded(self.purpose, self.patience, opening).await?.into_inner();
            let answers = Answers {
                answers,
                sent,
                answered: 0,
                purged,
                peers: self.peers.clone(),
                target: self.target,
                purpose: self.purpose,
                patience: self.patience,
                _lender: Box::new(lender),
            };
            Ok(unfold(answers, |mut answers| async {
                answers.next().await.map(|answer| (answer, answers))
            })
            .boxed())
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<C<R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<C<R>>, RPCError<C<R>>> {
        self.ballot(Ballot::Vote, &request, &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<C<R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<C<R>>, RPCError<C<R>>> {
        self.ballot(Ballot::PreVote, &request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: RaftVote,
        snapshot: Snapshot<R>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<C<R>>, StreamingError<C<R>>> {
        let SnapshotData::Local(reader) = snapshot.snapshot else {
            return Err(unreachable::<R>("only a snapshot of the local database is sent").into());
        };
        let header = peer::SnapshotHeader {
            vote: Some(codec::vote_to_peer(&vote)),
            meta: Some(codec::snapshot_meta_to_peer(&snapshot.meta)),
            cluster_id: self.peers.cluster_id(),
            recipient: self.target,
        };
        let sending = async {
            let mut client = self.client(Purpose::Snapshot).await?;
            let chunks = snapshot_chunks(header, *reader);
            let reply = client.snapshot(chunks).await.map_err(unreachable::<R>)?.into_inner();
            let vote =
                reply.vote.ok_or_else(|| unreachable::<R>("a snapshot reply without vote"))?;
            Ok(SnapshotResponse::new(codec::vote_from_peer(vote)))
        };
        match R::select2(Box::pin(cancel), Box::pin(sending)).await {
            Select2::First(closed) => Err(closed.into()),
            Select2::Second(sent) => sent.map_err(|error: Unreachable<C<R>>| error.into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<C<R>>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<C<R>>, RPCError<C<R>>> {
        let message = peer::TransferLeaderRequest {
            vote: Some(codec::vote_to_peer(request.from_leader())),
            to: *request.to_node_id(),
            last_log_id: request.last_log_id().copied().map(codec::log_id_to_peer),
            cluster_id: self.peers.cluster_id(),
            recipient: self.target,
        };
        let call = async {
            let mut client = self.client(Purpose::Control).await?;
            client.transfer_leader(message).await.map_err(unreachable::<R>)?;
            Ok(Ok(()))
        };
        self.bounded(Purpose::Control, option.hard_ttl().max(self.patience), call).await
    }
}
