//! A watch stream as one request of a program: what is asked on it, and what is written meanwhile.
//!
//! Servers are free in how they pack events into responses and in when a watcher catches up, so the
//! answer is not the responses as they came, but what each watcher was told: how it began, its events in
//! order, how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{
    WatchCancelRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::auth;
use crate::channel::Channel;
use crate::fields::{self, Fields};
use crate::known::Known;
use crate::request::Request;
use crate::send;

/// Longest that an answer may take that must come.
const PATIENCE: Duration = Duration::from_secs(2);
/// Silence after which nothing more comes: etcd looks after watchers that lag every 100 ms.
const SILENCE: Duration = Duration::from_millis(220);

/// An id that no program uses.
const NOBODY: i64 = 424_242;

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A watcher is asked for.
    Create(WatchCreateRequest),
    /// A watcher is canceled, which may not be there.
    Cancel(i64),
    /// Something is written.
    Write(Box<Request>),
}

/// Goes through the steps on a stream of their own.
pub async fn run(
    client: &Client<Channel>,
    steps: Vec<Step>,
    known: &mut Known,
) -> Result<Fields, Status> {
    let (requests, receiver) = mpsc::channel(16);
    // etcd does not even send headers before it has something to say.
    let cancel = WatchCancelRequest { watch_id: NOBODY };
    let first = WatchCreateRequest { key: "first".into(), watch_id: NOBODY, ..Default::default() };
    for request in [RequestUnion::CreateRequest(first), RequestUnion::CancelRequest(cancel)] {
        let request = WatchRequest { request_union: Some(request) };
        requests.send(request).await.map_err(|_| Status::unavailable("the channel is new"))?;
    }
    let asked = auth::spoken(ReceiverStream::new(receiver), known);
    let responses = client.watch().watch(asked).await?.into_inner();
    let mut stream =
        Stream { requests, responses, told: Told::default(), restless: false, latest_start: 0 };
    stream.until(|told| told.created == 1 && told.live.is_empty()).await?;
    let mut fields = Fields::new();
    for (number, mut step) in steps.into_iter().enumerate() {
        known.resolve_step(&mut step);
        match step {
            Step::Create(request) => stream.create(request).await?,
            Step::Cancel(watch_id) => stream.cancel(watch_id).await?,
            Step::Write(request) => {
                stream.rest().await?;
                let written = Box::pin(send::send(client, *request, known)).await;
                let written = written.unwrap_or_else(|status| send::refusal(&status));
                for (path, value) in written {
                    fields.insert(format!("write[{number}].{path}"), value);
                }
            }
        }
    }
    stream.restless = true;
    stream.rest().await?;
    if !stream.told.live.is_empty() && stream.latest_start <= known.revision {
        stream.progress().await?;
    }
    stream.told.into_fields(&mut fields);
    Ok(fields)
}

struct Stream {
    requests: mpsc::Sender<WatchRequest>,
    responses: Streaming<WatchResponse>,
    told: Told,
    /// Whether a watcher may still be catching up.
    restless: bool,
    /// The latest start of a watcher: while it is in the future, only old versions promise progress.
    latest_start: i64,
}

impl Stream {
    async fn ask(&self, request: RequestUnion) -> Result<(), Status> {
        let request = WatchRequest { request_union: Some(request) };
        self.requests.send(request).await.map_err(|_| Status::unavailable("the stream ended"))
    }

    async fn create(&mut self, request: WatchCreateRequest) -> Result<(), Status> {
        self.latest_start = self.latest_start.max(request.start_revision);
        self.restless |= request.start_revision != 0;
        let before = self.told.created;
        self.ask(RequestUnion::CreateRequest(request)).await?;
        self.until(|told| told.created > before).await
    }

    async fn cancel(&mut self, watch_id: i64) -> Result<(), Status> {
        self.rest().await?;
        let lives = self.told.live.contains(&watch_id);
        self.ask(RequestUnion::CancelRequest(WatchCancelRequest { watch_id })).await?;
        if lives {
            return self.until(|told| !told.live.contains(&watch_id)).await;
        }
        // One that a compaction has ended is answered once more, before what is written next.
        self.restless = true;
        self.rest().await
    }

    async fn progress(&mut self) -> Result<(), Status> {
        self.ask(RequestUnion::ProgressRequest(WatchProgressRequest {})).await?;
        self.until(|told| told.promised > 0).await
    }

    /// Reads until it is so, or until it is clear that it will not be.
    async fn until(&mut self, is_so: impl Fn(&Told) -> bool) -> Result<(), Status> {
        while !is_so(&self.told) {
            if !self.read(PATIENCE).await? {
                self.told.silences += 1;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads until every watcher must have caught up.
    async fn rest(&mut self) -> Result<(), Status> {
        while std::mem::take(&mut self.restless) {
            self.restless = self.read(SILENCE).await?;
        }
        Ok(())
    }

    /// Reads one response, if one comes.
    async fn read(&mut self, patience: Duration) -> Result<bool, Status> {
        match tokio::time::timeout(patience, self.responses.message()).await {
            Ok(response) => match response? {
                Some(response) => self.told.take(response),
                None => return Err(Status::unavailable("the stream ended")),
            },
            Err(_) => return Ok(false),
        }
        Ok(true)
    }
}

/// What was told.
#[derive(Default)]
struct Told {
    created: usize,
    /// Promises that everything was told.
    promised: usize,
    /// Times that nothing came where something should have.
    silences: usize,
    /// Watchers that were refused.
    refusals: usize,
    live: BTreeSet<i64>,
    fields: Fields,
    /// Responses and events of each watcher so far.
    counts: BTreeMap<i64, (usize, usize)>,
}

impl Told {
    fn take(&mut self, mut response: WatchResponse) {
        let id = response.watch_id;
        self.created += usize::from(response.created);
        // Nobody begins or ends with that, whatever id it names.
        let is_refusal = response.created && response.canceled;
        if is_refusal {
            let path = format!("refused[{}]", self.refusals);
            self.refusals += 1;
            return insert(&mut self.fields, &path, fields::of(&response));
        }
        if response.created {
            self.live.insert(id);
        }
        if response.canceled {
            self.live.remove(&id);
        }
        let is_promise = id == -1;
        self.promised += usize::from(is_promise);
        let (controls, events) = self.counts.entry(id).or_default();
        for event in std::mem::take(&mut response.events) {
            let path = format!("watch[{id}].events[{events}]");
            *events += 1;
            insert(&mut self.fields, &path, fields::of(&event));
        }
        if response.created || response.canceled || is_promise {
            let path = format!("watch[{id}].control[{controls}]");
            *controls += 1;
            insert(&mut self.fields, &path, fields::of(&response));
        }
    }

    fn into_fields(self, fields: &mut Fields) {
        fields.extend(self.fields);
        fields.insert("silences".to_owned(), self.silences.to_string());
    }
}

fn insert(fields: &mut Fields, path: &str, more: Fields) {
    fields.extend(more.into_iter().map(|(name, value)| (format!("{path}.{name}"), value)));
}
