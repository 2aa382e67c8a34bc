//! A hub over a history in memory, and clients of its service.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{
    ResponseHeader, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest,
    WatchResponse,
};
use detcd_api::mvccpb;
use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::stop::Stop;
use detcd_node::watch::{Hub, Limits, Member, Options, WatchService};
use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::history::{Change, MemoryHistory};

pub(crate) struct World {
    pub(crate) history: Arc<MemoryHistory>,
    pub(crate) hub: Hub,
    pub(crate) member: Arc<OneMember>,
    pub(crate) stop: Stop,
    pub(crate) options: Options,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let history = MemoryHistory::new();
        let hub = Hub::new(history.clone(), limits);
        let options = Options::default();
        Self { history, hub, member: Arc::default(), stop: Stop::default(), options }
    }

    /// Applies and publishes one request; says its revision.
    pub(crate) fn apply(&self, changes: &[Change<'_>]) -> i64 {
        let (revision, events) = self.history.apply(changes);
        self.hub.publish(revision, &events);
        revision
    }

    pub(crate) fn put(&self, key: &str, value: &str) -> i64 {
        self.apply(&[(key, Some(value))])
    }

    pub(crate) fn delete(&self, key: &str) -> i64 {
        self.apply(&[(key, None)])
    }

    pub(crate) fn connect(&self) -> Client {
        self.try_connect(MetadataMap::new()).expect("nothing is required")
    }

    pub(crate) fn try_connect(&self, metadata: MetadataMap) -> Result<Client, Status> {
        let service = WatchService::<TokioRuntime>::new(
            self.hub.clone(),
            self.member.clone(),
            self.options,
            self.stop.clone(),
        );
        let (requests, received) = unbounded_channel();
        let received = tokio_stream::wrappers::UnboundedReceiverStream::new(received);
        let responses = service.open(metadata, received)?;
        Ok(Client { requests: Some(requests), responses })
    }

    /// A client with one watcher, whose creation it has read.
    pub(crate) async fn watch(&self, request: WatchCreateRequest) -> Client {
        let mut client = self.connect();
        client.create(request);
        let created = client.next().await;
        assert!(created.created && !created.canceled, "{created:?}");
        client
    }
}

/// Metadata of a client that requires a leader.
pub(crate) fn require_leader() -> MetadataMap {
    let mut metadata = MetadataMap::new();
    metadata.insert("hasleader", "true".parse().unwrap());
    metadata
}

#[derive(Default)]
pub(crate) struct OneMember {
    state: Mutex<MemberState>,
    leader_lost: Stop,
}

#[derive(Default)]
struct MemberState {
    leaderless: bool,
    refusal: Option<Error>,
    asked: Vec<(Vec<u8>, Vec<u8>)>,
}

impl OneMember {
    pub(crate) fn lose_leader(&self) {
        self.state.lock().unwrap().leaderless = true;
        self.leader_lost.stop();
    }

    pub(crate) fn refuse(&self, refusal: Error) {
        self.state.lock().unwrap().refusal = Some(refusal);
    }

    /// The ranges that somebody asked to read.
    pub(crate) fn asked(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.state.lock().unwrap().asked.clone()
    }
}

impl Member for OneMember {
    fn header(&self) -> ResponseHeader {
        ResponseHeader { cluster_id: 77, member_id: 7, revision: 0, raft_term: 3 }
    }

    fn has_leader(&self) -> bool {
        !self.state.lock().unwrap().leaderless
    }

    fn leader_lost(&self) -> BoxFuture<'static, ()> {
        let lost = self.leader_lost.clone();
        async move { lost.stopped().await }.boxed()
    }

    fn permits(
        &self,
        _: &MetadataMap,
        key: Bytes,
        range_end: Bytes,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let mut state = self.state.lock().unwrap();
        state.asked.push((key.to_vec(), range_end.to_vec()));
        ready(state.refusal.map_or(Ok(()), Err)).boxed()
    }
}

pub(crate) struct Client {
    requests: Option<UnboundedSender<Result<WatchRequest, Status>>>,
    responses: ReceiverStream<Result<WatchResponse, Status>>,
}

impl Client {
    fn send(&self, request: RequestUnion) {
        self.send_request(WatchRequest { request_union: Some(request) });
    }

    /// A request that says nothing.
    pub(crate) fn send_nothing(&self) {
        self.send_request(WatchRequest { request_union: None });
    }

    fn send_request(&self, request: WatchRequest) {
        let requests = self.requests.as_ref().expect("the direction is open");
        // The stream may be at its end.
        let _ = requests.send(Ok(request));
    }

    pub(crate) fn create(&self, request: WatchCreateRequest) {
        self.send(RequestUnion::CreateRequest(request));
    }

    pub(crate) fn cancel(&self, watch_id: i64) {
        self.send(RequestUnion::CancelRequest(WatchCancelRequest { watch_id }));
    }

    pub(crate) fn request_progress(&self) {
        self.send(RequestUnion::ProgressRequest(WatchProgressRequest {}));
    }

    pub(crate) fn break_off(&self, status: Status) {
        self.requests.as_ref().unwrap().send(Err(status)).unwrap();
    }

    /// Closes the direction of the requests.
    pub(crate) fn close_requests(&mut self) {
        self.requests = None;
    }

    /// The next response, which is there or on its way.
    pub(crate) async fn next(&mut self) -> WatchResponse {
        self.responses.next().await.expect("the stream goes on").expect("the stream is whole")
    }

    /// The next response, or the status at the end.
    pub(crate) async fn try_next(&mut self) -> Result<WatchResponse, Status> {
        self.responses.next().await.expect("a status is sent at the end")
    }

    /// The end of the stream: nothing comes before it.
    pub(crate) async fn end(&mut self) -> Status {
        let status = self.responses.next().await.expect("a status is sent").expect_err("an end");
        assert!(self.responses.next().await.is_none(), "nothing follows a status");
        status
    }

    /// The next response, if it is there already.
    pub(crate) fn read_one(&mut self) -> Option<WatchResponse> {
        let response = self.responses.next().now_or_never()?;
        Some(response.expect("the stream goes on").expect("the stream is whole"))
    }

    /// Everything that comes while nothing else happens.
    pub(crate) async fn rest(&mut self) -> Vec<WatchResponse> {
        let mut rest = Vec::new();
        loop {
            settle().await;
            match self.responses.next().now_or_never() {
                Some(Some(response)) => rest.push(response.expect("the stream is whole")),
                Some(None) | None => return rest,
            }
        }
    }

    /// The events of all that comes while nothing else happens.
    pub(crate) async fn events(&mut self) -> Vec<mvccpb::Event> {
        self.rest().await.into_iter().flat_map(|response| response.events).collect()
    }
}

/// Lets every task run until it waits.
pub(crate) async fn settle() {
    // Tasks wake each other in turn; the longest chain is far shorter than this.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// A request for one key.
pub(crate) fn key(key: &'static str) -> WatchCreateRequest {
    WatchCreateRequest { key: Bytes::from_static(key.as_bytes()), ..Default::default() }
}

/// A request for the keys from `first` to before `end`.
pub(crate) fn range(first: &'static str, end: &'static str) -> WatchCreateRequest {
    WatchCreateRequest { range_end: Bytes::from_static(end.as_bytes()), ..key(first) }
}

/// A request for all keys.
pub(crate) fn everything() -> WatchCreateRequest {
    range("\0", "\0")
}

pub(crate) fn from(start_revision: i64, request: WatchCreateRequest) -> WatchCreateRequest {
    WatchCreateRequest { start_revision, ..request }
}

/// An event in a word: `2 a=x`, `3 -a`, and behind it the previous value, `3 -a (x)`.
pub(crate) fn word(event: &mvccpb::Event) -> String {
    let text = |kv: &mvccpb::KeyValue| String::from_utf8_lossy(&kv.value).into_owned();
    let kv = event.kv.as_ref().expect("an event has a key");
    let key = String::from_utf8_lossy(&kv.key);
    let revision = kv.mod_revision;
    let change = match event.r#type() {
        mvccpb::event::EventType::Put => format!("{revision} {key}={}", text(kv)),
        mvccpb::event::EventType::Delete => format!("{revision} -{key}"),
    };
    match &event.prev_kv {
        Some(previous) => format!("{change} ({})", text(previous)),
        None => change,
    }
}

pub(crate) fn words(events: &[mvccpb::Event]) -> Vec<String> {
    events.iter().map(word).collect()
}

pub(crate) fn revision(response: &WatchResponse) -> i64 {
    response.header.expect("every response has a header").revision
}

/// Progress notifications often, for tests that wait for one.
pub(crate) const OFTEN: Duration = Duration::from_millis(100);
