//! Starting and stopping a member: the order in which its parts come to life.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use openraft_rt::WatchReceiver;
use tonic::service::Routes;

use crate::api;
use crate::auth::Tokens;
use crate::config::{Config, InitialCluster, Url};
use crate::grpc::{self, Listening, ServerOptions};
use crate::lease::{Deadlines, Lessor};
use crate::observer::{Observation, Observer};
use crate::raft::applier::Applier;
use crate::raft::local::Local;
use crate::raft::log_store::LogStore;
use crate::raft::network::Links;
use crate::raft::peers::{PEER_MESSAGE_BYTES_MAX, Peers};
use crate::raft::service::PeerService;
use crate::raft::{self, MemberNode, Raft, codec};
use crate::replica::Replica;
use crate::runtime::{Disk, Network, Runtime};
use crate::state::{State, StateHistory};
use crate::stop::Stop;
use crate::storage::{self, Storage};
use crate::wal;
use crate::watch::{self, Hub, WatchService};

/// The world that a member lives in.
#[derive(Clone)]
pub struct Environment {
    /// Reaches peers and clients.
    pub network: Arc<dyn Network>,
    /// Keeps its state.
    pub disk: Arc<dyn Disk>,
    /// Is told what happens.
    pub observer: Arc<dyn Observer>,
}

/// Why a member does not start. What it had acknowledged is untouched.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings contradict themselves or each other; one line for each problem.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    /// The log is damaged, or another member's.
    #[error("write-ahead log: {0}")]
    Log(#[from] wal::Error),
    /// The database is damaged, or another member's.
    #[error("database: {0}")]
    Storage(#[from] storage::Error),
    /// The log holds what this version cannot read.
    #[error("write-ahead log: {0}")]
    Decode(#[from] codec::DecodeError),
    /// The log says that the member has lived before, but its database is gone.
    #[error(
        "the database is missing although the log starts after index {purged}: it was removed or lost; \
         restore the data directory, or remove this member from the cluster and add it anew"
    )]
    DatabaseLost {
        /// The index up to which the log was given up.
        purged: u64,
    },
    /// The database covers entries that the log never had, or has no longer.
    #[error(
        "the write-ahead log ends at index {last}, but the database covers index {applied}: the log was \
         truncated or lost, and with it perhaps the member's vote; restore the data directory, or remove \
         this member from the cluster and add it anew"
    )]
    LogLost {
        /// The last index of the log; 0 for none.
        last: u64,
        /// The index that the database covers.
        applied: u64,
    },
    /// An address cannot be bound.
    #[error("listening on {url}: {source}")]
    Listen {
        /// The URL of the flag.
        url: String,
        /// What the network said.
        source: io::Error,
    },
    /// openraft did not start.
    #[error("raft: {0}")]
    Raft(String),
}

/// A running member.
pub struct Node<R: Runtime> {
    replica: Replica<R>,
    raft: Raft<R>,
    log: wal::Log<R>,
    storage: Storage<R>,
    stop: Stop,
    clients: Clients,
}

/// Starts a member: recovers its state, joins its cluster, serves its peers and clients.
///
/// It returns once clients are served; a leader may not be known yet.
pub fn start<R: Runtime>(
    config: Config,
    environment: Environment,
) -> BoxFuture<'static, Result<Node<R>, StartError>> {
    Box::pin(start_parts(config, environment))
}

async fn start_parts<R: Runtime>(
    config: Config,
    environment: Environment,
) -> Result<Node<R>, StartError> {
    config.validate().map_err(StartError::Config)?;
    let cluster = config.cluster().map_err(|problem| StartError::Config(vec![problem]))?;
    let recovered = recover::<R>(&config, &cluster, &environment).await?;
    let Recovered { log, log_store, storage } = recovered;

    let state = State::<R>::restore(storage.clone()).await?;
    let hub = Hub::new(Arc::new(StateHistory::new(state.clone())), watch::Limits::default());
    let tokens = Tokens::<R>::new(&config);
    let observer = environment.observer.clone();
    let deadlines = Deadlines::<R>::new(config.lease_checkpoint_interval);
    let told = (tokens.clone(), deadlines.clone());
    let applier = Applier::new(state.clone(), hub.clone(), told, observer);
    let peers = Peers::<R>::new(environment.network.clone(), cluster.id, config.election_timeout());
    let links = Links::new(peers.clone(), log.clone(), config.election_timeout());
    let raft_config = raft::config(&config)
        .validate()
        .map_err(|problem| StartError::Config(vec![problem.to_string()]))?;
    let raft: Raft<R> =
        openraft::Raft::build(cluster.local, Arc::new(raft_config), links, log_store, applier)
            .await
            .map_err(|fatal| StartError::Raft(fatal.to_string()))?;

    let stop = Stop::default();
    let local = Local::start(raft.clone(), stop.clone());
    let election_timeout = config.election_timeout();
    let lessor = Lessor::new(deadlines, state.clone(), local.clone(), election_timeout);
    let replica = Replica::new(
        raft.clone(),
        local.clone(),
        lessor.clone(),
        peers,
        state.clone(),
        tokens,
        (cluster.id, cluster.local),
        config.clone(),
    );
    let ids = (cluster.id, cluster.local);
    let service = PeerService::new(raft.clone(), local, state.clone(), lessor.clone(), ids);
    listen_to_peers::<R>(&config, &environment, service, &stop).await?;
    raft.run();
    initialize(&raft, &cluster).await?;
    let clients = listen_to_clients::<R>(&config, &environment, &replica, &hub, &stop).await?;

    let node = Node { replica, raft, log, storage, stop, clients };
    node.spawn_followers(state, lessor, environment.observer);
    Ok(node)
}

struct Recovered<R: Runtime> {
    log: wal::Log<R>,
    log_store: LogStore<R>,
    storage: Storage<R>,
}

/// Opens log and database, and makes sure that they belong together.
async fn recover<R: Runtime>(
    config: &Config,
    cluster: &InitialCluster,
    environment: &Environment,
) -> Result<Recovered<R>, StartError> {
    let identity = wal::Identity { cluster_id: cluster.id, member_id: cluster.local };
    let options =
        wal::Options { segment_bytes_max: config.wal_segment_bytes, ..wal::Options::default() };
    let (log, found) = wal::Log::<R>::open(environment.disk.clone(), identity, options).await?;
    let identity = storage::Identity { cluster_id: cluster.id, member_id: cluster.local };
    let options =
        storage::Options { flush_interval: config.flush_interval, ..storage::Options::default() };
    let (storage, state) =
        Storage::<R>::open(environment.disk.clone(), identity, options, log.watch_durable())
            .await?;
    let applied = state.mark.as_ref().map_or(0, |mark| mark.position.index);
    if let Some(purged) = found.purged.filter(|purged| purged.index > applied) {
        return Err(StartError::DatabaseLost { purged: purged.index });
    }
    if let Some(mark) =
        state.mark.filter(|mark| log.last().is_none_or(|last| last.index < mark.position.index))
    {
        // No commit covers what the log has not. Only a received snapshot is put into place before the
        // log begins anew behind it, and the member may have lost power between the two.
        if state.received != Some(mark.position.index) || found.vote.is_none() {
            let last = log.last().map_or(0, |last| last.index);
            return Err(StartError::LogLost { last, applied });
        }
        log.install(mark.position).await?;
    }
    environment.observer.observe(Observation::Started {
        applied,
        last_log: log.last().map_or(0, |last| last.index),
        torn_tail_bytes: found.torn_tail_bytes,
    });
    let log_store = LogStore::new(log.clone(), &found, environment.observer.clone())?;
    Ok(Recovered { log, log_store, storage })
}

/// Every member of a new cluster writes the same first entry, whoever comes first.
async fn initialize<R: Runtime>(
    raft: &Raft<R>,
    cluster: &InitialCluster,
) -> Result<(), StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Raft(error.to_string());
    if raft.is_initialized().await.map_err(|fatal| failed(&fatal))? {
        return Ok(());
    }
    let nodes: BTreeMap<u64, MemberNode> = cluster
        .members
        .values()
        .map(|member| (member.id, MemberNode { peer_urls: member.peer_urls.clone() }))
        .collect();
    match raft.initialize(nodes).await {
        Ok(()) => Ok(()),
        // A peer was quicker and has replicated its first entry already.
        Err(openraft::errors::RaftError::APIError(
            openraft::errors::InitializeError::NotAllowed(_),
        )) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

async fn listen<R: Runtime>(
    environment: &Environment,
    urls: &[String],
    router: axum::Router,
    options: ServerOptions,
    stop: &Stop,
) -> Result<Vec<Listening>, StartError> {
    let mut listening = Vec::new();
    for url in urls {
        let address =
            Url::parse(url).map_err(|error| StartError::Config(vec![error.to_string()]))?;
        let bound = grpc::serve::<R>(
            environment.network.clone(),
            &address.address(),
            router.clone(),
            options,
            stop.clone(),
        )
        .await;
        listening.push(bound.map_err(|source| {
            // What is bound already must not keep serving a member that does not start.
            stop.stop();
            StartError::Listen { url: url.clone(), source }
        })?);
    }
    Ok(listening)
}

async fn listen_to_peers<R: Runtime>(
    config: &Config,
    environment: &Environment,
    service: PeerService<R>,
    stop: &Stop,
) -> Result<(), StartError> {
    let service = detcd_api::peer::peer_server::PeerServer::new(service)
        .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX);
    let router = Routes::new(service).into_axum_router();
    let options = ServerOptions {
        // A peer that vanished must not hold what it began, such as a half-sent snapshot.
        keep_alive_interval: 2 * config.election_timeout(),
        keep_alive_timeout: 2 * config.election_timeout(),
        ..ServerOptions::default()
    };
    listen::<R>(environment, &config.listen_peer_urls, router, options, stop).await?;
    Ok(())
}

/// What clients are served with.
struct Clients {
    router: axum::Router,
    addresses: Vec<String>,
}

async fn listen_to_clients<R: Runtime>(
    config: &Config,
    environment: &Environment,
    replica: &Replica<R>,
    hub: &Hub,
    stop: &Stop,
) -> Result<Clients, StartError> {
    let limits = api::Limits {
        max_txn_ops: config.max_txn_ops,
        max_request_bytes: config.max_request_bytes,
    };
    let watching = watch::Options {
        max_request_bytes: config.max_request_bytes,
        progress_notify_interval: config.watch_progress_notify_interval,
    };
    let watch =
        WatchService::<R>::new(hub.clone(), Arc::new(replica.clone()), watching, stop.clone());
    let router = api::router(replica.clone(), watch, limits);
    let options = ServerOptions {
        concurrent_streams_max: config.max_concurrent_streams,
        ..ServerOptions::default()
    };
    let urls = &config.listen_client_urls;
    let listening = listen::<R>(environment, urls, router.clone(), options, stop).await?;
    let addresses = listening.into_iter().map(|listening| listening.address).collect();
    Ok(Clients { router, addresses })
}

impl<R: Runtime> Node<R> {
    /// The member's API.
    pub fn replica(&self) -> &Replica<R> {
        &self.replica
    }

    /// The addresses at which clients are served, with their real ports.
    pub fn client_addresses(&self) -> &[String] {
        &self.clients.addresses
    }

    /// What the client addresses serve, for whoever brings connections of another kind.
    pub fn router(&self) -> axum::Router {
        self.clients.router.clone()
    }

    /// Waits until the member cannot go on, and tells why. It must be stopped then, and not restarted
    /// in this process: nobody knows what a disk that failed still holds.
    pub async fn failed(&self) -> String {
        let mut metrics = self.raft.metrics();
        let raft = async {
            loop {
                if let Err(fatal) = &metrics.borrow_and_update().running_state {
                    return fatal.to_string();
                }
                if metrics.changed().await.is_err() {
                    return "raft stopped".to_owned();
                }
            }
        };
        let storage = async { self.storage.failed().await.to_string() };
        match R::select2(Box::pin(storage), Box::pin(raft)).await {
            openraft_rt::Select2::First(reason) | openraft_rt::Select2::Second(reason) => reason,
        }
    }

    /// Stops the member: hands over leadership, ends what is served, makes everything durable.
    pub async fn stop(self) {
        self.hand_over().await;
        self.stop.stop();
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "raft did not stop cleanly");
        }
        self.storage.stop().await;
        self.log.stop().await;
    }

    /// A leader that stops first sees to a successor, so that clients wait for no election (K10, K43).
    async fn hand_over(&self) {
        let mut metrics = self.raft.server_metrics();
        let (id, leads, voters) = {
            let now = metrics.borrow_watched();
            let voters: Vec<u64> = now.membership_config.voter_ids().collect();
            (now.id, now.current_leader == Some(now.id), voters)
        };
        let matched = |target: &u64| {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            let replication = metrics.replication.as_ref()?;
            replication.get(target).cloned().flatten().map(|log_id| log_id.index)
        };
        let successor = voters.into_iter().filter(|voter| *voter != id).max_by_key(matched);
        let (true, Some(successor)) = (leads, successor) else { return };
        if self.raft.trigger().transfer_leader(successor).await.is_err() {
            return;
        }
        let handed_over = async {
            while metrics.borrow_and_update().current_leader == Some(id) {
                if metrics.changed().await.is_err() {
                    return;
                }
            }
        };
        let limit = self.replica.config().election_timeout();
        if R::timeout(limit, handed_over).await.is_err() {
            tracing::warn!(
                successor = format!("{successor:x}"),
                "leadership was not taken over in time"
            );
        }
    }

    /// The tasks that follow the member's life until it stops.
    fn spawn_followers(
        &self,
        state: Arc<State<R>>,
        lessor: Lessor<R>,
        observer: Arc<dyn Observer>,
    ) {
        let until_stop = |stop: Stop, task: BoxFuture<'static, ()>| {
            drop(R::spawn(async move {
                R::select2(Box::pin(stop.stopped()), task).await;
            }));
        };
        until_stop(self.stop.clone(), Box::pin(async move { state.compact().await }));
        let replica = self.replica.clone();
        until_stop(self.stop.clone(), Box::pin(publish(replica)));
        let raft = self.raft.clone();
        until_stop(self.stop.clone(), Box::pin(async move { lessor.run(raft).await }));
        let raft = self.raft.clone();
        until_stop(self.stop.clone(), Box::pin(follow_role(raft, observer)));
    }
}

async fn publish<R: Runtime>(replica: Replica<R>) {
    while let Err(error) = replica.publish().await {
        tracing::debug!(%error, "publishing name and client URLs failed");
        R::sleep(replica.config().election_timeout()).await;
    }
}

async fn follow_role<R: Runtime>(raft: Raft<R>, observer: Arc<dyn Observer>) {
    let mut metrics = raft.server_metrics();
    let mut last = None;
    loop {
        let now = {
            let now = metrics.borrow_and_update();
            (now.vote.leader_id.term, now.current_leader, now.current_leader == Some(now.id))
        };
        if last != Some(now) {
            last = Some(now);
            let (term, leader, is_leader) = now;
            if is_leader {
                tracing::info!(term, "became leader");
            } else {
                tracing::debug!(term, leader = leader.map(|id| format!("{id:x}")), "follows");
            }
            observer.observe(Observation::Role { term, leader, is_leader });
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}
