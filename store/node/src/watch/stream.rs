//! One client stream: moves messages between the client and its [`Subscription`].
//!
//! One task serves a stream. What is to be decided is decided in the subscription; here are the awaits.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use detcd_machine::Revision;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::history::{Batch, HistoryError};
use super::queue::Output;
use super::range::KeyRange;
use super::response::{Previous, fragments, previous_needed, response};
use super::service::WatchService;
use super::subscription::{Reading, Subscription};
use super::watcher::Interest;
use crate::runtime::Runtime;
use crate::stop::Stop;

/// Answers that may wait for the client before no more of its requests are read.
const CONTROL_COUNT_MAX: usize = 16;

/// Responses that are sent before the stream looks after anything else.
const SENT_TOGETHER_MAX: usize = 16;

/// What the task of a stream works with.
pub(super) struct Session<R> {
    service: WatchService<R>,
    metadata: MetadataMap,
    subscription: Subscription,
    /// Responses that are ready to be sent: what is left of one output.
    ready: VecDeque<WatchResponse>,
}

/// Where responses go.
pub(super) type Responses = mpsc::Sender<Result<WatchResponse, Status>>;
type Permit<'a> = mpsc::Permit<'a, Result<WatchResponse, Status>>;

/// A reading of the history that was done.
type Read = (Reading, Result<Batch, HistoryError>);

impl<R: Runtime> Session<R> {
    pub(super) fn new(service: WatchService<R>, metadata: MetadataMap) -> Self {
        let subscription = service.hub.subscribe();
        Self { service, metadata, subscription, ready: VecDeque::new() }
    }

    /// Serves the stream to its end: the client goes away or breaks it, the member stops, or there is no
    /// leader for a client that requires one. A client may close its direction and keep listening.
    pub(super) async fn run(
        mut self,
        mut requests: impl Stream<Item = Result<WatchRequest, Status>> + Send + Unpin,
        responses: Responses,
    ) -> Result<(), Status> {
        let stop = self.service.stop.clone();
        let mut ends = pin!(ends(&responses, &stop, self.leader_lost()));
        let mut reading: Option<BoxFuture<'static, Read>> = None;
        let mut tick: Option<BoxFuture<'static, ()>> = None;
        let mut requests_open = true;
        loop {
            if reading.is_none() {
                reading = self.subscription.next_reading().map(|next| self.read(next));
            }
            if tick.is_none() && self.subscription.wants_ticks() {
                tick = Some(Box::pin(R::sleep(self.service.options.interval::<R>())));
            }
            let accepts = requests_open && self.subscription.control_count() < CONTROL_COUNT_MAX;
            let sends = !self.ready.is_empty() || !self.subscription.is_quiet();
            // What happens often comes late, so that it keeps nothing else waiting.
            tokio::select! {
                biased;
                end = &mut ends => return end,
                () = finished(&mut tick) => {
                    tick = None;
                    self.subscription.tick();
                }
                request = requests.next(), if accepts => match request {
                    Some(request) => self.accept(request.map_err(broken)?).await,
                    None => requests_open = false,
                },
                (done, read) = finished(&mut reading) => {
                    reading = None;
                    self.feed(done, read)?;
                }
                permit = responses.reserve(), if sends => {
                    let Ok(permit) = permit else { return Ok(()) };
                    self.send(permit, &responses).await?;
                }
                () = self.subscription.changed() => {}
            }
        }
    }

    fn leader_lost(&self) -> BoxFuture<'static, ()> {
        match requires_leader(&self.metadata) {
            true => self.service.member.leader_lost(),
            false => Box::pin(pending()),
        }
    }

    async fn accept(&mut self, request: WatchRequest) {
        match request.request_union {
            Some(RequestUnion::CreateRequest(request)) => {
                if let Err(reason) = self.create(&request).await {
                    self.subscription.refuse(reason);
                }
            }
            Some(RequestUnion::CancelRequest(request)) => {
                self.subscription.cancel(request.watch_id);
            }
            Some(RequestUnion::ProgressRequest(_)) => self.subscription.request_progress(),
            // A request that only a newer server knows; etcd passes over it as well.
            None => {}
        }
    }

    /// Creates a watcher, or says why not. The order of the checks is etcd's.
    async fn create(&mut self, request: &WatchCreateRequest) -> Result<(), String> {
        if request.start_revision < 0 {
            return Err(Error::Compacted.to_string());
        }
        let key = match request.key.is_empty() {
            true => Bytes::from_static(&[0]),
            false => request.key.clone(),
        };
        let range_end = request.range_end.clone();
        let permitted = self.service.member.permits(&self.metadata, key, range_end);
        permitted.await.map_err(Error::with_code_in_text)?;
        let range = KeyRange::from_wire(request.key.clone(), request.range_end.clone())
            .ok_or_else(|| Error::EmptyWatcherRange.to_string())?;
        let created = self.subscription.create(request.watch_id, Interest::new(request, range));
        created.map(|_| ()).map_err(|error| error.to_string())
    }

    fn read(&self, reading: Reading) -> BoxFuture<'static, Read> {
        let hub = &self.service.hub;
        let limits = hub.limits();
        let read = hub.history().events(
            reading.from,
            reading.to,
            limits.batch_revisions_max,
            limits.batch_bytes_max,
        );
        Box::pin(async move { (reading, read.await) })
    }

    fn feed(&mut self, reading: Reading, read: Result<Batch, HistoryError>) -> Result<(), Status> {
        match read {
            Ok(batch) => self.subscription.feed(reading, &batch),
            Err(HistoryError::Compacted { compact_revision }) => {
                self.subscription.feed_compacted(reading, compact_revision);
            }
            Err(HistoryError::Stopped) => return Err(Error::Stopped.into()),
        }
        Ok(())
    }

    /// Sends what is there and finds room at once, so much at most that nothing else is kept waiting.
    async fn send(&mut self, permit: Permit<'_>, responses: &Responses) -> Result<(), Status> {
        let mut permit = Some(permit);
        for _ in 0..SENT_TOGETHER_MAX {
            let Some(free) = permit.take() else { break };
            let Some(response) = self.next_response().await? else { break };
            free.send(Ok(response));
            permit = responses.try_reserve().ok();
        }
        Ok(())
    }

    async fn next_response(&mut self) -> Result<Option<WatchResponse>, Status> {
        if self.ready.is_empty()
            && let Some(output) = self.subscription.pop()
        {
            self.ready = self.responses(output).await?;
        }
        Ok(self.ready.pop_front())
    }

    async fn responses(&self, output: Output) -> Result<VecDeque<WatchResponse>, Status> {
        let (previous, fragmented) = match &output {
            Output::Events(delivery) => {
                let compact_revision = self.service.hub.history().compact_revision();
                let needed = previous_needed(delivery, compact_revision);
                (self.previous(needed).await?, delivery.watcher.interest.fragment)
            }
            _ => (Previous::new(), false),
        };
        let response = response(self.service.member.header(), output, &previous);
        Ok(match fragmented {
            true => fragments(response, self.service.options.fragment_bytes_max()).into(),
            false => [response].into(),
        })
    }

    async fn previous(&self, needed: Vec<Revision>) -> Result<Previous, Status> {
        if needed.is_empty() {
            return Ok(Previous::new());
        }
        match self.service.hub.history().previous(needed).await {
            Ok(previous) => Ok(previous),
            // A compaction overtook the delivery: then previous values are left out (G46).
            Err(HistoryError::Compacted { .. }) => Ok(Previous::new()),
            Err(HistoryError::Stopped) => Err(Error::Stopped.into()),
        }
    }
}

/// Whether the client would rather be turned away than wait for a leader (G52).
pub(super) fn requires_leader(metadata: &MetadataMap) -> bool {
    metadata.get("hasleader").is_some_and(|value| value == "true")
}

/// The end of a stream, whatever its client asks for.
async fn ends(
    responses: &Responses,
    stop: &Stop,
    leader_lost: BoxFuture<'static, ()>,
) -> Result<(), Status> {
    tokio::select! {
        biased;
        () = responses.closed() => Ok(()),
        () = stop.stopped() => Err(Error::Stopped.into()),
        () = leader_lost => Err(Error::NoLeader.into()),
    }
}

/// Why a stream ends that its client broke.
fn broken(status: Status) -> Status {
    match status.code() {
        Code::Cancelled => Error::WatchCanceled.into(),
        _ => status,
    }
}

/// The end of a future, if there is one. Whoever awaits it forgets the future afterwards.
async fn finished<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
