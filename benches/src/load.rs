//! A closed loop of clients against any etcd v3 endpoint: each sends its next request when the last one
//! is answered, so that the load never exceeds what the servers take.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use detcd_api::Client;
use detcd_api::etcdserverpb::{PutRequest, RangeRequest};
use detcd_node::grpc::{self, Channel, ChannelError, KeepAlive};
use detcd_node::runtime::tokio::{TcpNetwork, TokioRuntime};
use http::Uri;
use tokio::task::JoinSet;

use crate::latency::{Latencies, Millis};
use crate::process::cpu_time;

/// What a client asks again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    /// Write one key.
    Put,
    /// Read one key, linearizable.
    Range,
    /// Read one key from the member that is asked.
    SerializableRange,
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Put => "put",
            Self::Range => "range",
            Self::SerializableRange => "serializable-range",
        })
    }
}

/// When a measurement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After so many requests of all clients together.
    Requests(u64),
    /// After so much time.
    After(Duration),
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(requests) => write!(out, "--requests {requests}"),
            Self::After(time) => write!(out, "--seconds {}", time.as_secs_f64()),
        }
    }
}

/// The parameters of a measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// What is asked.
    pub work: Work,
    /// How many clients ask at the same time.
    pub clients: usize,
    /// How many connections they share; spread over the endpoints in turn.
    pub connections: usize,
    /// When it ends.
    pub end: End,
    /// How many different keys there are.
    pub keys: u64,
    /// The length of a key.
    pub key_bytes: usize,
    /// The length of a value.
    pub value_bytes: usize,
}

impl fmt::Display for Load {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} --clients {} --connections {} {} --keys {} --key-bytes {} --value-bytes {}",
            self.work,
            self.clients,
            self.connections,
            self.end,
            self.keys,
            self.key_bytes,
            self.value_bytes
        )
    }
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody to ask, or nobody who asks.
    #[error("a load needs an endpoint, a client, a connection and a key")]
    Nothing,
    /// A key cannot hold its own number.
    #[error("{keys} keys do not fit into {key_bytes} bytes")]
    KeysDoNotFit {
        /// How many keys.
        keys: u64,
        /// Their length.
        key_bytes: usize,
    },
    /// No connection.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The keys to be read could not be written.
    #[error("writing the keys that will be read: {0}")]
    Prepare(Box<tonic::Status>),
    /// A server's CPU time is not known.
    #[error("CPU time of the servers: {0}")]
    Cpu(#[from] io::Error),
    /// The servers did not become ready.
    #[error("the servers did not serve within {0:?}")]
    NotReady(Duration),
}

/// What a measurement gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// How long it took.
    pub elapsed: Duration,
    /// How long each answered request took.
    pub latencies: Latencies,
    /// Requests that were refused or lost.
    pub failures: u64,
    /// CPU time that the servers took meanwhile.
    pub cpu: Duration,
}

impl Measured {
    /// Adds another round.
    pub fn merge(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.latencies.merge(other.latencies);
        self.failures += other.failures;
        self.cpu += other.cpu;
    }

    /// Answered requests per second.
    pub fn throughput(&self) -> f64 {
        self.latencies.count() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// CPU seconds of the servers per 1,000 answered requests.
    pub fn cpu_per_1000(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / (self.latencies.count() as f64).max(1.0)
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:.0}/s p50 {} p99 {} cpu {:.4} s per 1,000 ({} answered, {} failed in {:.1} s)",
            self.throughput(),
            Millis(self.latencies.percentile(50)),
            Millis(self.latencies.percentile(99)),
            self.cpu_per_1000(),
            self.latencies.count(),
            self.failures,
            self.elapsed.as_secs_f64()
        )
    }
}

/// Pings are for broken networks; a measurement has none, and must not be disturbed by them.
const KEEP_ALIVE: KeepAlive = KeepAlive {
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(60),
    while_idle: false,
};

/// A client of one endpoint (`host:port`).
pub async fn connect(endpoint: &str) -> Result<Client<Channel>, ChannelError> {
    let channel = grpc::connect::<TokioRuntime>(&TcpNetwork, endpoint, KEEP_ALIVE).await?;
    Ok(Client::new(channel, Uri::from_static("http://etcd")))
}

/// Waits until every endpoint serves linearizable reads.
pub async fn ready(endpoints: &[String], limit: Duration) -> Result<(), Error> {
    let all_serve = async {
        for endpoint in endpoints {
            while !serves(endpoint).await {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    tokio::time::timeout(limit, all_serve).await.map_err(|_| Error::NotReady(limit))
}

async fn serves(endpoint: &str) -> bool {
    let Ok(client) = connect(endpoint).await else { return false };
    let request = RangeRequest { key: b"ready".to_vec().into(), ..RangeRequest::default() };
    let attempt = tokio::time::timeout(Duration::from_secs(1), async move {
        client.kv().range(request).await.is_ok()
    });
    attempt.await.unwrap_or(false)
}

/// Runs the load; `pids` are the servers whose CPU time is measured.
pub async fn run(load: &Load, endpoints: &[String], pids: &[u32]) -> Result<Measured, Error> {
    if endpoints.is_empty() || load.clients == 0 || load.connections == 0 || load.keys == 0 {
        return Err(Error::Nothing);
    }
    if load.keys.to_string().len() > load.key_bytes {
        return Err(Error::KeysDoNotFit { keys: load.keys, key_bytes: load.key_bytes });
    }
    let mut connections = Vec::new();
    for at in 0..load.connections {
        connections.push(connect(&endpoints[at % endpoints.len()]).await?);
    }
    if load.work != Work::Put {
        prepare(load, &connections[0]).await?;
    }
    let cpu_before = cpu_time(pids)?;
    let shared = Arc::new(Shared::new(load.clone()));
    let mut clients = JoinSet::new();
    for at in 0..load.clients {
        let connection = connections[at % connections.len()].clone();
        clients.spawn(shared.clone().client(connection));
    }
    let mut measured = Measured::default();
    while let Some(ended) = clients.join_next().await {
        let (latencies, failures) = ended.expect("a client never panics");
        measured.latencies.merge(latencies);
        measured.failures += failures;
    }
    measured.elapsed = shared.start.elapsed();
    measured.cpu = cpu_time(pids)?.saturating_sub(cpu_before);
    Ok(measured)
}

/// Writes all keys once, so that reads find something.
async fn prepare(load: &Load, client: &Client<Channel>) -> Result<(), Error> {
    let mut kv = client.kv();
    for number in 0..load.keys {
        kv.put(put(load, number)).await.map_err(|status| Error::Prepare(Box::new(status)))?;
    }
    Ok(())
}

fn key(load: &Load, number: u64) -> Vec<u8> {
    format!("{number:0width$}", width = load.key_bytes).into_bytes()
}

fn put(load: &Load, number: u64) -> PutRequest {
    PutRequest {
        key: key(load, number).into(),
        value: vec![b'v'; load.value_bytes].into(),
        ..PutRequest::default()
    }
}

/// What all clients of one measurement have in common.
struct Shared {
    load: Load,
    start: Instant,
    sent: AtomicU64,
}

impl Shared {
    fn new(load: Load) -> Self {
        Self { load, start: Instant::now(), sent: AtomicU64::new(0) }
    }

    /// The number of the next request; nothing when the measurement is over.
    fn next(&self) -> Option<u64> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let goes_on = match self.load.end {
            End::Requests(requests) => number < requests,
            End::After(time) => self.start.elapsed() < time,
        };
        goes_on.then_some(number)
    }

    async fn client(self: Arc<Self>, client: Client<Channel>) -> (Latencies, u64) {
        let mut kv = client.kv();
        let (mut latencies, mut failures) = (Latencies::default(), 0);
        while let Some(number) = self.next() {
            // Weyl's sequence with the golden ratio: spreads over all keys, and is the same each time.
            let at = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % self.load.keys;
            let begin = Instant::now();
            let answered = match self.load.work {
                Work::Put => kv.put(put(&self.load, at)).await.is_ok(),
                Work::Range | Work::SerializableRange => {
                    kv.range(self.range(at)).await.is_ok_and(|found| found.get_ref().count == 1)
                }
            };
            if answered {
                latencies.add(begin.elapsed());
            } else {
                failures += 1;
            }
        }
        (latencies, failures)
    }

    fn range(&self, number: u64) -> RangeRequest {
        RangeRequest {
            key: key(&self.load, number).into(),
            serializable: self.load.work == Work::SerializableRange,
            ..RangeRequest::default()
        }
    }
}
