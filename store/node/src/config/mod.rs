//! What a member is told when it starts: plain data, checked as a whole.

mod auth_token;
mod cluster;
mod duration;
mod url;

use std::time::Duration;

pub use auth_token::{AuthToken, AuthTokenError, JwtOptions};
pub use cluster::{BootstrapMember, InitialCluster, added_member_id, cluster_id, member_id};
pub use duration::parse as parse_duration;
pub use url::{Url, UrlError};

/// The settings of a member. Names follow etcd's flags (F rows); `Default` gives etcd's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `--name`: the member's name, unique in its cluster.
    pub name: String,
    /// `--listen-client-urls`: where clients are served.
    pub listen_client_urls: Vec<String>,
    /// `--advertise-client-urls`: where clients are told to go.
    pub advertise_client_urls: Vec<String>,
    /// `--listen-peer-urls`: where peers are served.
    pub listen_peer_urls: Vec<String>,
    /// `--initial-advertise-peer-urls`: where peers are told to go; part of the member's id.
    pub initial_advertise_peer_urls: Vec<String>,
    /// `--initial-cluster`: `name=url` pairs; empty for this member alone.
    pub initial_cluster: String,
    /// `--initial-cluster-state`: whether the cluster is founded or joined.
    pub initial_cluster_state: ClusterState,
    /// `--initial-cluster-token`: part of all ids.
    pub initial_cluster_token: String,
    /// `--heartbeat-interval`, in milliseconds.
    pub heartbeat_interval_ms: u64,
    /// `--election-timeout`, in milliseconds.
    pub election_timeout_ms: u64,
    /// `--snapshot-count`: applied entries between two snapshots, each of which lets the log be purged.
    pub snapshot_count: u64,
    /// `--snapshot-catchup-entries`: entries kept in the log for followers that lag.
    pub snapshot_catchup_entries: u64,
    /// `--max-txn-ops`: most operations in one transaction.
    pub max_txn_ops: usize,
    /// `--max-request-bytes`: largest request.
    pub max_request_bytes: usize,
    /// `--max-concurrent-streams`: most streams on one connection.
    pub max_concurrent_streams: u32,
    /// `--grpc-keepalive-min-time`: distance that a client's pings have to keep.
    pub grpc_keepalive_min_time: Duration,
    /// `--grpc-keepalive-interval`: silence before a client is pinged.
    pub grpc_keepalive_interval: Duration,
    /// `--grpc-keepalive-timeout`: silence after that before its connection is given up.
    pub grpc_keepalive_timeout: Duration,
    /// `--quota-backend-bytes`: largest database; 0 for etcd's 2 GiB, negative for no limit.
    pub quota_backend_bytes: i64,
    /// `--watch-progress-notify-interval`.
    pub watch_progress_notify_interval: Duration,
    /// `--auth-token`: how users prove who they are once their password was right.
    pub auth_token: AuthToken,
    /// `--auth-token-ttl`: how long a simple token is good for after its last use.
    pub auth_token_ttl: Duration,
    /// `--bcrypt-cost`: what hashing a password costs, as a power of two.
    pub bcrypt_cost: u32,
    /// Largest size of a log segment in bytes; not a flag.
    pub wal_segment_bytes: u64,
    /// Longest time that applied changes wait for their durable commit to the database; not a flag.
    pub flush_interval: Duration,
    /// How often the leader keeps what is left of leases that live longer than that; not a flag.
    pub lease_checkpoint_interval: Duration,
}

/// Largest `--max-request-bytes`: a batch of such requests still fits a message between members.
const REQUEST_BYTES_LIMIT: usize = 64 << 20;

/// `--initial-cluster-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClusterState {
    /// All members start together.
    #[default]
    New,
    /// The cluster exists already.
    Existing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            listen_client_urls: vec!["http://localhost:2379".to_owned()],
            advertise_client_urls: vec!["http://localhost:2379".to_owned()],
            listen_peer_urls: vec!["http://localhost:2380".to_owned()],
            initial_advertise_peer_urls: vec!["http://localhost:2380".to_owned()],
            initial_cluster: String::new(),
            initial_cluster_state: ClusterState::New,
            initial_cluster_token: "etcd-cluster".to_owned(),
            heartbeat_interval_ms: 100,
            election_timeout_ms: 1000,
            snapshot_count: 10_000,
            snapshot_catchup_entries: 5_000,
            max_txn_ops: 128,
            max_request_bytes: 1_572_864,
            max_concurrent_streams: u32::MAX,
            grpc_keepalive_min_time: Duration::from_secs(5),
            grpc_keepalive_interval: Duration::from_secs(2 * 60 * 60),
            grpc_keepalive_timeout: Duration::from_secs(20),
            quota_backend_bytes: 0,
            watch_progress_notify_interval: Duration::from_secs(10 * 60),
            auth_token: AuthToken::Simple,
            auth_token_ttl: Duration::from_secs(300),
            bcrypt_cost: 10,
            wal_segment_bytes: 64 << 20,
            flush_interval: Duration::from_secs(1),
            lease_checkpoint_interval: Duration::from_secs(5 * 60),
        }
    }
}

impl Config {
    /// Longest that a request may take: etcd's 5 s plus two election timeouts (G18).
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(5) + 2 * self.election_timeout()
    }

    /// `--election-timeout` as a duration.
    pub fn election_timeout(&self) -> Duration {
        Duration::from_millis(self.election_timeout_ms)
    }

    /// Shortest TTL that is granted, in seconds: one and a half election timeouts, in whole heartbeats as
    /// etcd counts them (G54).
    pub fn lease_ttl_min(&self) -> i64 {
        let heartbeat = self.heartbeat_interval_ms.max(1);
        let ticks = 3 * (self.election_timeout_ms / heartbeat) / 2;
        i64::try_from((ticks * heartbeat).div_ceil(1000)).unwrap_or(i64::MAX)
    }

    /// The members that form the cluster, with this one among them.
    pub fn cluster(&self) -> Result<InitialCluster, String> {
        InitialCluster::new(self)
    }

    /// The peer URLs of each other member that the flags name, although they may not name this one; of nobody
    /// where they make no sense.
    pub fn others(&self) -> Vec<Vec<String>> {
        cluster::others(self)
    }

    /// Everything that is wrong, one line each; etcd's words where it has some. Who is in the cluster is of
    /// interest only to a member without data, and not looked at here (K2).
    pub fn validate(&self) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        let (heartbeat, election) = (self.heartbeat_interval_ms, self.election_timeout_ms);
        if heartbeat == 0 {
            problems.push(format!("--heartbeat-interval must be >0 (set to {heartbeat}ms)"));
        }
        if election < 5 * heartbeat {
            problems.push(format!(
                "--election-timeout[{election}ms] should be at least as 5 times as \
                 --heartbeat-interval[{heartbeat}ms]"
            ));
        }
        if election > 50_000 {
            problems.push(format!(
                "--election-timeout[{election}ms] is too long, and should be set less than 50000ms"
            ));
        }
        if self.max_request_bytes > REQUEST_BYTES_LIMIT {
            problems.push(format!("--max-request-bytes must be at most {REQUEST_BYTES_LIMIT}"));
        }
        if self.snapshot_count == 0 {
            problems.push("--snapshot-count must be >0".to_owned());
        }
        for (flag, urls) in [
            ("--listen-client-urls", &self.listen_client_urls),
            ("--advertise-client-urls", &self.advertise_client_urls),
            ("--listen-peer-urls", &self.listen_peer_urls),
            ("--initial-advertise-peer-urls", &self.initial_advertise_peer_urls),
        ] {
            if urls.is_empty() {
                problems.push(format!("{flag} must name at least one URL"));
            }
            problems.extend(
                urls.iter().filter_map(|url| {
                    Url::parse(url).err().map(|error| format!("{flag}: {error}"))
                }),
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
