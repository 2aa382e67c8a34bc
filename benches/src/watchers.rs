//! Many watchers: on one stream or on as many streams, all of which are told every put.
//!
//! Works against any etcd v3 endpoint. The latency is that of an event, from the moment that its put is
//! sent to the moment that a stream has it for all its watchers.

use std::fmt;
use std::time::{Duration, Instant};

use detcd_api::Client;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{PutRequest, WatchCreateRequest, WatchRequest, WatchResponse};
use detcd_node::grpc::Channel;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::latency::{Latencies, Millis};
use crate::load::{self, connect};
use crate::process::cpu_time;

/// Streams on one connection.
const STREAMS_PER_CONNECTION: usize = 100;

/// The parameters of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watchers {
    /// Streams.
    pub streams: usize,
    /// Watchers on each.
    pub watchers: usize,
    /// Puts, one after the other; each is an event for every watcher.
    pub puts: usize,
}

impl fmt::Display for Watchers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { streams, watchers, puts } = self;
        write!(out, "--streams {streams} --watchers {watchers} --puts {puts}")
    }
}

/// What a measurement gave.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// From the first watcher asked for to the last one created.
    pub created_in: Duration,
    /// From the first put to the last event.
    pub told_in: Duration,
    /// Events that arrived.
    pub events: usize,
    /// How long each put took until a stream had its events.
    pub latencies: Latencies,
    /// CPU time that the servers took for the puts and events.
    pub cpu: Duration,
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.told_in.as_secs_f64().max(1e-9);
        write!(
            out,
            "created in {:.2} s; {:.0} events/s p50 {} p99 {} cpu {:.3} s per 1,000,000 ({} events in \
             {:.1} s)",
            self.created_in.as_secs_f64(),
            self.events as f64 / seconds,
            Millis(self.latencies.percentile(50)),
            Millis(self.latencies.percentile(99)),
            self.cpu.as_secs_f64() * 1e6 / (self.events as f64).max(1.0),
            self.events,
            self.told_in.as_secs_f64()
        )
    }
}

fn lost(status: Status) -> load::Error {
    load::Error::Prepare(Box::new(status))
}

/// Opens the streams, puts, and waits until everybody was told everything.
pub async fn run(shape: Watchers, endpoint: &str, pids: &[u32]) -> Result<Measured, load::Error> {
    if shape.streams == 0 || shape.watchers == 0 || shape.puts == 0 {
        return Err(load::Error::Nothing);
    }
    let begin = Instant::now();
    let mut opening = JoinSet::new();
    for first in (0..shape.streams).step_by(STREAMS_PER_CONNECTION) {
        let client = connect(endpoint).await?;
        for _ in first..shape.streams.min(first + STREAMS_PER_CONNECTION) {
            opening.spawn(open(client.clone(), shape.watchers));
        }
    }
    let mut streams = Vec::new();
    while let Some(opened) = opening.join_next().await {
        streams.push(opened.expect("a stream never panics").map_err(lost)?);
    }
    let created_in = begin.elapsed();

    let cpu_before = cpu_time(pids)?;
    let (sent, mut arrived) = (Instant::now(), mpsc::unbounded_channel());
    let mut listening = JoinSet::new();
    for stream in streams {
        listening.spawn(listen(stream, shape, arrived.0.clone()));
    }
    drop(arrived.0);
    let mut measured = Measured { created_in, ..Measured::default() };
    let client = connect(endpoint).await?;
    let mut begins = Vec::with_capacity(shape.puts);
    for number in 0..shape.puts {
        begins.push(Instant::now());
        let value = number.to_string().into();
        let put = PutRequest { key: "watched".into(), value, ..Default::default() };
        client.kv().put(put).await.map_err(lost)?;
    }
    while let Some((number, at)) = arrived.1.recv().await {
        let begin: Instant = begins[number];
        measured.latencies.add(at.duration_since(begin));
        measured.events += shape.watchers;
    }
    while let Some(ended) = listening.join_next().await {
        ended.expect("a listener never panics").map_err(lost)?;
    }
    measured.told_in = sent.elapsed();
    measured.cpu = cpu_time(pids)?.saturating_sub(cpu_before);
    Ok(measured)
}

/// A stream with all its watchers.
struct Open {
    responses: Streaming<WatchResponse>,
    /// A stream whose requests end is still told everything, but not by every server.
    _requests: mpsc::Sender<WatchRequest>,
}

async fn open(client: Client<Channel>, watchers: usize) -> Result<Open, Status> {
    let (requests, receiver) = mpsc::channel(64);
    let create = WatchCreateRequest { key: "watched".into(), ..Default::default() };
    let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let asking = {
        let requests = requests.clone();
        tokio::spawn(async move {
            for _ in 0..watchers {
                if requests.send(create.clone()).await.is_err() {
                    return;
                }
            }
        })
    };
    let mut responses = client.watch().watch(ReceiverStream::new(receiver)).await?.into_inner();
    let mut created = 0;
    while created < watchers {
        let response = responses.message().await?.ok_or_else(|| Status::aborted("it ended"))?;
        created += usize::from(response.created);
    }
    asking.await.map_err(|error| Status::internal(error.to_string()))?;
    Ok(Open { responses, _requests: requests })
}

/// Tells when all watchers of a stream have had each put.
async fn listen(
    mut stream: Open,
    shape: Watchers,
    arrived: mpsc::UnboundedSender<(usize, Instant)>,
) -> Result<(), Status> {
    let mut counts = vec![0; shape.puts];
    let mut left = shape.puts;
    while left > 0 {
        let response = stream.responses.message().await?;
        let response = response.ok_or_else(|| Status::aborted("the stream ended"))?;
        for event in &response.events {
            let value = event.kv.as_ref().and_then(|kv| std::str::from_utf8(&kv.value).ok());
            let number: usize = value.and_then(|value| value.parse().ok()).unwrap_or(usize::MAX);
            let Some(count) = counts.get_mut(number) else { continue };
            *count += 1;
            if *count == shape.watchers {
                left -= 1;
                let _ = arrived.send((number, Instant::now()));
            }
        }
    }
    Ok(())
}
