//! A stand-in for the simulated cluster, with its interface: every member serves one shared store that
//! never fails and keeps nothing. To be replaced.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use detcd_api::etcdserverpb::watch_server::Watch;
use detcd_api::etcdserverpb::{WatchRequest, WatchResponse};
use detcd_node::api::{Limits, router};
use detcd_node::grpc::{self, Channel, ChannelError, KeepAlive, ServerOptions};
use detcd_node::observer::Observation;
use detcd_node::replica::Replica;
use detcd_node::stop::Stop;
use sim::network::{HostId, HostNetwork};
use sim::{Host, SimRuntime, World};
use tonic::{Request, Response, Status, Streaming};

const KEEP_ALIVE: KeepAlive =
    KeepAlive { interval: Duration::from_secs(1), timeout: Duration::from_secs(1) };

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

/// Something that a member told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// True simulated time since the start of the run.
    pub at: Duration,
    /// Who, from 0.
    pub member: usize,
    /// What.
    pub observation: Observation,
}

/// The members, numbered from 0, and the clients' machines.
#[derive(Debug, Clone)]
pub struct Cluster {
    world: World,
    hosts: Vec<Host>,
    clients: Arc<Mutex<Vec<HostId>>>,
}

impl Cluster {
    /// Starts all members on empty disks.
    pub async fn boot(world: &World, config: ClusterConfig) -> Self {
        let store = Replica::<SimRuntime>::alone();
        let hosts: Vec<Host> = (0..config.members)
            .map(|index| world.host(&format!("n{}", index + 1), &format!("10.0.0.{}", index + 1)))
            .collect();
        for host in &hosts {
            let store = store.clone();
            host.start(move |around| {
                let router = router(store.clone(), NoWatch, Limits::default());
                async move {
                    let network = Arc::new(around.network);
                    let options = ServerOptions::default();
                    let stop = Stop::default();
                    let serving = grpc::serve::<SimRuntime>(
                        network,
                        "0.0.0.0:2379",
                        router,
                        options,
                        stop.clone(),
                    );
                    drop(serving.await);
                    std::future::pending::<()>().await;
                }
            });
        }
        Self { world: world.clone(), hosts, clients: Arc::default() }
    }

    /// The process dies, its disk keeps what was written.
    pub fn kill(&self, member: usize) {
        self.hosts[member].kill(sim::network::Farewell::Closed);
    }

    /// The machine loses power and what was not synced.
    pub fn power_loss(&self, member: usize) {
        self.hosts[member].power_loss();
    }

    /// The process starts again.
    pub fn restart(&self, member: usize) {
        self.hosts[member].restart();
    }

    /// The process stands still.
    pub fn pause(&self, member: usize) {
        self.hosts[member].pause();
    }

    /// The process goes on.
    pub fn resume(&self, member: usize) {
        self.hosts[member].resume();
    }

    /// Nothing passes from one member to the other.
    pub fn cut(&self, from: usize, to: usize) {
        self.world.network().cut(self.hosts[from].id(), self.hosts[to].id());
    }

    /// Everything passes from one member to the other.
    pub fn heal(&self, from: usize, to: usize) {
        self.world.network().heal(self.hosts[from].id(), self.hosts[to].id());
    }

    /// All links work, those of clients too.
    pub fn heal_all(&self) {
        self.world.network().heal_all();
    }

    /// Nothing passes between clients and this member.
    pub fn cut_clients(&self, member: usize) {
        let member = self.hosts[member].id();
        for client in self.clients.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.world.network().cut(*client, member);
            self.world.network().cut(member, *client);
        }
    }

    /// Connections between the two break.
    pub fn reset_connections(&self, one: usize, other: usize) {
        self.world.network().reset_connections(self.hosts[one].id(), self.hosts[other].id());
    }

    /// Syncs of files whose names start with `files` (of all, if empty) take that long for a while.
    pub fn stall_disk(&self, member: usize, files: &str, lasting: Duration) {
        let disk = self.hosts[member].disk().clone();
        disk.set_faults(|faults| {
            faults.only = files.to_owned();
            faults.sync_stalls = lasting;
        });
        drop(<SimRuntime as openraft_rt::AsyncRuntime>::spawn(async move {
            <SimRuntime as openraft_rt::AsyncRuntime>::sleep(lasting).await;
            disk.set_faults(|faults| {
                faults.only.clear();
                faults.sync_stalls = Duration::ZERO;
            });
        }));
    }

    /// Whether the process runs, paused or not.
    pub fn is_up(&self, member: usize) -> bool {
        self.hosts[member].is_running()
    }

    /// The member that leads, as far as it can be told.
    pub fn leader(&self) -> Option<usize> {
        (0..self.hosts.len()).find(|member| self.is_up(*member))
    }

    /// What members told, but for the first so many things.
    pub fn observations(&self, _skip: usize) -> Vec<Observed> {
        Vec::new()
    }

    /// A machine for clients.
    pub fn client(&self, name: &str) -> ClientHost {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let host = self.world.host(name, &format!("10.0.1.{}", clients.len() + 1));
        clients.push(host.id());
        ClientHost { network: host.network() }
    }
}

/// The machine of a client.
#[derive(Debug, Clone)]
pub struct ClientHost {
    network: HostNetwork,
}

impl ClientHost {
    /// Connects to a member.
    pub async fn connect(&self, member: usize) -> Result<Channel, ChannelError> {
        let address = format!("n{}:2379", member + 1);
        grpc::connect::<SimRuntime>(&self.network, &address, KEEP_ALIVE).await
    }
}

#[derive(Debug, Clone)]
struct NoWatch;

#[tonic::async_trait]
impl Watch for NoWatch {
    type WatchStream = tokio_stream::Pending<Result<WatchResponse, Status>>;

    async fn watch(
        &self,
        _request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("the stand-in has no watch"))
    }
}
