//! The gRPC service, and what it needs of its member.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::watch_server::Watch;
use detcd_api::etcdserverpb::{ResponseHeader, WatchRequest, WatchResponse};
use futures_util::Stream;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::hub::Hub;
use super::stream::{Session, requires_leader};
use crate::runtime::Runtime;
use crate::stop::Stop;

/// Responses between the task of a stream and its connection.
const RESPONSE_COUNT_MAX: usize = 16;

/// What gRPC may need in a message besides the request that it carries.
const GRPC_OVERHEAD_BYTES: usize = 512 << 10;

/// The shortest interval of progress notifications.
const PROGRESS_NOTIFY_INTERVAL_MIN: Duration = Duration::from_millis(100);

/// The member that serves the watchers.
pub trait Member: Send + Sync + 'static {
    /// Who answers, and in which term. The revision is filled in by the stream.
    fn header(&self) -> ResponseHeader;

    /// Whether a leader is known.
    fn has_leader(&self) -> bool;

    /// Ends once no leader was known for three election timeouts.
    fn leader_lost(&self) -> BoxFuture<'static, ()>;

    /// Whether the caller may read these keys. `range_end` is as the client sent it: a single zero byte
    /// still means everything from `key` on (G44).
    fn permits(
        &self,
        metadata: &MetadataMap,
        key: Bytes,
        range_end: Bytes,
    ) -> BoxFuture<'static, Result<(), Error>>;
}

/// How streams are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Largest request of a client, in bytes. Fragments are cut 512 KiB above it (G48).
    pub max_request_bytes: usize,
    /// How long a watcher may hear nothing before it is told how far it is (G49), at least 100 ms. Up to
    /// a tenth is added at random, so that clients that came together are not told together.
    pub progress_notify_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_request_bytes: 1536 << 10, progress_notify_interval: Duration::from_secs(600) }
    }
}

impl Options {
    pub(super) fn fragment_bytes_max(&self) -> usize {
        self.max_request_bytes.saturating_add(GRPC_OVERHEAD_BYTES)
    }

    /// An interval with its random part.
    pub(super) fn interval<R: Runtime>(&self) -> Duration {
        let interval = self.progress_notify_interval.max(PROGRESS_NOTIFY_INTERVAL_MIN);
        let tenth = u64::try_from(interval.as_nanos() / 10).unwrap_or(u64::MAX);
        interval.saturating_add(Duration::from_nanos(R::random_u64() % tenth))
    }
}

/// Serves watch streams. Clones serve the same watchers.
pub struct WatchService<R> {
    /// Where events come from.
    pub hub: Hub,
    /// Who serves.
    pub member: Arc<dyn Member>,
    /// How.
    pub options: Options,
    /// Ends all streams.
    pub stop: Stop,
    runtime: PhantomData<fn() -> R>,
}

impl<R> Clone for WatchService<R> {
    fn clone(&self) -> Self {
        Self {
            hub: self.hub.clone(),
            member: Arc::clone(&self.member),
            options: self.options,
            stop: self.stop.clone(),
            runtime: PhantomData,
        }
    }
}

impl<R: Runtime> WatchService<R> {
    /// A service; `stop` ends its streams.
    pub fn new(hub: Hub, member: Arc<dyn Member>, options: Options, stop: Stop) -> Self {
        Self { hub, member, options, stop, runtime: PhantomData }
    }

    /// Serves one client, however its messages are carried. The watchers end when the answer is dropped.
    pub fn open(
        &self,
        metadata: MetadataMap,
        requests: impl Stream<Item = Result<WatchRequest, Status>> + Send + Unpin + 'static,
    ) -> Result<ReceiverStream<Result<WatchResponse, Status>>, Status> {
        if requires_leader(&metadata) && !self.member.has_leader() {
            return Err(Error::NoLeader.into());
        }
        let (responses, receiver) = mpsc::channel(RESPONSE_COUNT_MAX + 1);
        // Kept for the status, so that it reaches the client however much else is on the way.
        let last_word = responses.clone().try_reserve_owned().expect("the channel is new");
        let session = Session::new(self.clone(), metadata);
        // The task ends by itself: with the client, or with the member's stop.
        drop(R::spawn(async move {
            if let Err(status) = session.run(requests, responses).await {
                last_word.send(Err(status));
            }
        }));
        Ok(ReceiverStream::new(receiver))
    }
}

#[tonic::async_trait]
impl<R: Runtime> Watch for WatchService<R> {
    type WatchStream = ReceiverStream<Result<WatchResponse, Status>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (metadata, _, requests) = request.into_parts();
        self.open(metadata, requests).map(Response::new)
    }
}
