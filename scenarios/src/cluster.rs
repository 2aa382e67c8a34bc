//! The simulated cluster as scenarios use it: members counted from 0, clients that can be cut off.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use detcd_node::config::Config;
use detcd_node::grpc::Channel;
use detcd_node::observer::Observation;
use openraft_rt::AsyncRuntime;
use sim::cluster::{ConnectError, Record};
use sim::network::HostId;
use sim::{SimRuntime, World};

/// Longest time that a client waits for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Log segments are small, so that runs cross their borders.
const WAL_SEGMENT_BYTES: u64 = 64 << 10;

/// What a cluster is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// How many members.
    pub members: usize,
    /// Applied entries between two snapshots.
    pub snapshot_count: u64,
    /// etcd's `--election-timeout`.
    pub election_timeout: Duration,
    /// etcd's `--heartbeat-interval`.
    pub heartbeat: Duration,
}

impl ClusterConfig {
    fn member(&self) -> Config {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Config {
            snapshot_count: self.snapshot_count,
            // Few entries are kept, so that a member that lags needs a snapshot.
            snapshot_catchup_entries: self.snapshot_count / 2,
            election_timeout_ms: millis(self.election_timeout),
            heartbeat_interval_ms: millis(self.heartbeat),
            wal_segment_bytes: WAL_SEGMENT_BYTES,
            ..Config::default()
        }
    }
}

/// Something that a member told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// True simulated time since the start of the run.
    pub at: Duration,
    /// Who, from 0.
    pub member: usize,
    /// How often it had been started, this time included.
    pub incarnation: u64,
    /// What.
    pub observation: Observation,
}

impl From<Record> for Observed {
    fn from(record: Record) -> Self {
        Self {
            at: record.time,
            member: record.member - 1,
            incarnation: record.incarnation,
            observation: record.observation,
        }
    }
}

/// The members, numbered from 0, and the clients' machines.
#[derive(Debug, Clone)]
pub struct Cluster {
    world: World,
    cluster: sim::Cluster,
    clients: Arc<Mutex<Vec<HostId>>>,
}

impl Cluster {
    /// Starts all members on empty disks.
    pub async fn boot(world: &World, config: ClusterConfig) -> Self {
        let settings = sim::ClusterConfig {
            members: config.members,
            member: config.member(),
            ..sim::ClusterConfig::default()
        };
        let cluster = sim::Cluster::boot(world, &settings);
        Self { world: world.clone(), cluster, clients: Arc::default() }
    }

    /// The process dies, its disk keeps what was written.
    pub fn kill(&self, member: usize) {
        self.cluster.kill(member + 1);
    }

    /// The machine loses power and what was not synced.
    pub fn power_loss(&self, member: usize) {
        self.cluster.power_loss(member + 1);
    }

    /// The process starts again, unless it runs.
    pub fn restart(&self, member: usize) {
        self.cluster.restart(member + 1);
    }

    /// The process stands still.
    pub fn pause(&self, member: usize) {
        self.cluster.host(member + 1).pause();
    }

    /// The process goes on.
    pub fn resume(&self, member: usize) {
        self.cluster.host(member + 1).resume();
    }

    /// Nothing passes from one member to the other.
    pub fn cut(&self, from: usize, to: usize) {
        self.cluster.cut(from + 1, to + 1);
    }

    /// Everything passes from one member to the other.
    pub fn heal(&self, from: usize, to: usize) {
        self.cluster.heal(from + 1, to + 1);
    }

    /// All links work, those of clients too.
    pub fn heal_all(&self) {
        self.cluster.heal_all();
    }

    /// Nothing passes between clients and this member.
    pub fn cut_clients(&self, member: usize) {
        let member = self.cluster.host(member + 1).id();
        for client in self.clients.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.world.network().cut(*client, member);
            self.world.network().cut(member, *client);
        }
    }

    /// Connections between the two break.
    pub fn reset_connections(&self, one: usize, other: usize) {
        self.cluster.reset_connections(one + 1, other + 1);
    }

    /// Syncs of files whose names start with `files` (of all, if empty) take that long for a while.
    pub fn stall_disk(&self, member: usize, files: &str, lasting: Duration) {
        let disk = self.cluster.host(member + 1).disk().clone();
        disk.set_faults(|faults| {
            faults.only = files.to_owned();
            faults.sync_stalls = lasting;
        });
        drop(SimRuntime::spawn(async move {
            SimRuntime::sleep(lasting).await;
            disk.set_faults(|faults| {
                faults.only.clear();
                faults.sync_stalls = Duration::ZERO;
            });
        }));
    }

    /// Whether the process runs, paused or not.
    pub fn is_up(&self, member: usize) -> bool {
        self.cluster.is_up(member + 1)
    }

    /// The member that leads, as far as it can be told.
    pub fn leader(&self) -> Option<usize> {
        self.cluster.leader().map(|member| member - 1)
    }

    /// What members told, but for the first so many things.
    pub fn observations(&self, skip: usize) -> Vec<Observed> {
        self.cluster.observed().records_from(skip).into_iter().map(Observed::from).collect()
    }

    /// A machine for clients.
    pub fn client(&self, name: &str) -> ClientHost {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let host = self.cluster.client(name, clients.len() + 1);
        clients.push(host.host().id());
        ClientHost { host }
    }
}

/// The machine of a client.
#[derive(Debug, Clone)]
pub struct ClientHost {
    host: sim::ClientHost,
}

impl ClientHost {
    /// Connects to a member.
    pub async fn connect(&self, member: usize) -> Result<Channel, ConnectError> {
        self.host.connect(member + 1, CONNECT_LIMIT).await
    }
}
