//! Starting a member: the order in which its parts come to life, and how they end if one does not.

mod follow;
mod listen;
mod recover;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use openraft_rt::Select2;

use crate::auth::Tokens;
use crate::bootstrap::{self, BootstrapError, Origin};
use crate::config::{ClusterState, Config, InitialCluster};
use crate::lease::{Deadlines, Lessor};
use crate::node::{self, Environment, Node, StartError};
use crate::peer::Served;
use crate::raft::applier::{Applier, Removal};
use crate::raft::local::Local;
use crate::raft::log_store::LogStore;
use crate::raft::network::Links;
use crate::raft::peers::Peers;
use crate::raft::{self, MemberNode, Raft};
use crate::replica::Replica;
use crate::runtime::Runtime;
use crate::state::{State, StateHistory};
use crate::stop::Stop;
use crate::storage::Storage;
use crate::tasks::Tasks;
use crate::wal;
use crate::watch::{self, Hub};

use self::recover::Recovered;

/// How long what was begun may take to end when a member does not start.
const ABANDON_LIMIT: Duration = Duration::from_secs(1);

/// Starts a member: recovers its state, joins its cluster, serves its peers and clients.
///
/// It returns once clients are served; a leader may not be known yet.
pub fn start<R: Runtime>(
    config: Config,
    environment: Environment,
) -> BoxFuture<'static, Result<Node<R>, StartError>> {
    Box::pin(async move {
        let mut begun = Begun::<R>::default();
        let started = bring_up(config, environment, &mut begun).await;
        if started.is_err() {
            begun.abandon().await;
        }
        started
    })
}

/// What has been brought to life, so that a start which fails leaves nothing behind.
struct Begun<R: Runtime> {
    tasks: Tasks<R>,
    log: Option<wal::Log<R>>,
    storage: Option<Storage<R>>,
    raft: Option<Raft<R>>,
}

impl<R: Runtime> Default for Begun<R> {
    fn default() -> Self {
        Self { tasks: Tasks::default(), log: None, storage: None, raft: None }
    }
}

impl<R: Runtime> Begun<R> {
    async fn abandon(self) {
        self.tasks.stop().stop();
        if let Some(raft) = self.raft
            && let Err(error) = raft.shutdown().await
        {
            tracing::debug!(%error, "raft did not stop cleanly");
        }
        self.tasks.end(ABANDON_LIMIT).await;
        if let Some(storage) = self.storage {
            storage.stop().await;
        }
        if let Some(log) = self.log {
            log.stop().await;
        }
    }
}

async fn bring_up<R: Runtime>(
    config: Config,
    environment: Environment,
    begun: &mut Begun<R>,
) -> Result<Node<R>, StartError> {
    config.validate().map_err(StartError::Config)?;
    let known = wal::Log::<R>::identify(environment.disk.clone()).await?;
    let origin = match known {
        Some(wal::Identity { cluster_id, member_id }) => {
            Origin { cluster_id, member_id, founders: None }
        }
        None => bootstrap::without_data::<R>(&config, &environment.network).await?,
    };
    let ids = (origin.cluster_id, origin.member_id);
    let tasks = begun.tasks.clone();
    let served: Arc<OnceLock<Served<R>>> = Arc::default();
    let is_founding = origin.founders.is_some();
    listen::to_peers::<R>(&config, &environment, ids, is_founding, served.clone(), &tasks).await?;
    let reached = match &origin.founders {
        // Before anything is written: whoever may not begin leaves an empty directory.
        Some(founders) => {
            bootstrap::confirm_new::<R>(&config, founders, &environment.network).await?
        }
        None => 0,
    };
    // Raft's own way to begin is an election in the first term. Who may have voted in it already takes another.
    let late = origin.founders.as_ref().filter(|_| reached > 0);
    let late = late.map(|founders| (nodes(founders), reached));
    let parts = assemble(&config, &environment, ids, late, begun).await?;
    let Parts { raft, memberships, local, lessor, state, hub, tokens, peers, removed } = parts;

    let replica = Replica::new(
        raft.clone(),
        lessor.clone(),
        peers.clone(),
        state.clone(),
        tokens,
        ids,
        config.clone(),
    );
    raft.run();
    // Not from the metrics: until the core has reported for the first time, they tell of no membership.
    let noting = raft.with_raft_state(move |state| {
        let known = &state.membership_state;
        memberships.begin_with((**known.committed()).clone(), (**known.effective()).clone());
    });
    noting.await.map_err(|fatal| StartError::Raft(fatal.to_string()))?;
    trim(&raft, config.snapshot_catchup_entries).await?;
    let initialized = raft.is_initialized().await;
    let is_initialized = initialized.map_err(|fatal| StartError::Raft(fatal.to_string()))?;
    let is_new = !is_initialized || origin.founders.is_some();
    if let Some(founders) = origin.founders.as_ref().filter(|_| reached == 0) {
        // Before anybody can ask for its vote.
        initialize(&raft, founders).await?;
    }
    let member =
        Served { raft: raft.clone(), local, replica: replica.clone(), lessor: lessor.clone() };
    assert!(served.set(member).is_ok(), "a member starts once");
    let known = async {
        if is_new && origin.founders.is_none() {
            resume_founding(&raft, &config, &environment, &origin).await?;
        }
        follow::spawn(&tasks, &replica, &raft, &environment, peers, removed.clone());
        // Whoever serves clients is known to have been there, should it lose its disk.
        let is_known = || replica.is_founded() && (!is_new || replica.is_published());
        follow::until::<R>(is_known, &removed).await.map_err(StartError::from)
    };
    // Without its log or its Raft a member would wait for ever.
    match R::select2(Box::pin(known), Box::pin(node::failure(&raft, state.storage()))).await {
        Select2::First(known) => known?,
        Select2::Second(reason) => return Err(StartError::Failed(reason)),
    }
    let clients = listen::to_clients::<R>(&config, &environment, &replica, &hub, &tasks).await?;
    tasks.until_stop(async move { state.compact().await });
    let leader = raft.clone();
    tasks.until_stop(async move { lessor.run(leader).await });
    let (Some(log), Some(storage)) = (begun.log.take(), begun.storage.take()) else {
        unreachable!("a member that was assembled has both");
    };
    Ok(Node { replica, raft, log, storage, tasks, clients, hub, removed })
}

/// Cuts off what the database covers, but for what followers that lag may still want. openraft does so only when it has
/// made a snapshot: whoever is started again more often than that would keep its whole log.
async fn trim<R: Runtime>(raft: &Raft<R>, catchup_entries: u64) -> Result<(), StartError> {
    let fatal = |fatal: openraft::errors::Fatal<_>| StartError::Raft(fatal.to_string());
    let covered = raft.with_raft_state(|state| state.snapshot_meta.last_log_id).await;
    let covered = covered.map_err(fatal)?.map_or(0, |last| last.index);
    match covered.checked_sub(catchup_entries) {
        None | Some(0) => Ok(()),
        Some(upto) => raft.trigger().purge_log(upto).await.map_err(fatal),
    }
}

struct Parts<R: Runtime> {
    raft: Raft<R>,
    memberships: LogStore<R>,
    local: Local<R>,
    lessor: Lessor<R>,
    state: Arc<State<R>>,
    hub: Hub,
    tokens: Tokens<R>,
    peers: Peers<R>,
    removed: Stop,
}

/// Opens what the member keeps, and builds its Raft over it.
async fn assemble<R: Runtime>(
    config: &Config,
    environment: &Environment,
    ids: (u64, u64),
    late: Option<(BTreeMap<u64, MemberNode>, u64)>,
    begun: &mut Begun<R>,
) -> Result<Parts<R>, StartError> {
    let (cluster_id, member_id) = ids;
    let Recovered { log, mut log_store, storage } =
        recover::recover::<R>(config, ids, environment, begun).await?;
    if let Some((founders, reached)) = late {
        let begun = log_store.begin_late(founders, reached).await;
        begun.map_err(|error| StartError::Raft(error.to_string()))?;
    }
    let state = State::<R>::restore(storage).await?;
    recover::tell_restored(&state, &*environment.observer);
    if state.with_machine(|machine| machine.removed_members().contains(&member_id)) {
        return Err(BootstrapError::Removed.into());
    }
    let hub = Hub::new(Arc::new(StateHistory::new(state.clone())), watch::Limits::default());
    let removed = Stop::default();
    let tokens =
        Tokens::<R>::new(config).map_err(|error| StartError::Config(vec![error.to_string()]))?;
    let deadlines = Deadlines::<R>::new(config.lease_checkpoint_interval);
    let applier = Applier::new(
        state.clone(),
        hub.clone(),
        (tokens.clone(), deadlines.clone()),
        environment.observer.clone(),
        log_store.clone(),
        Removal { member_id, noticed: removed.clone() },
    );
    let patience = config.election_timeout();
    let peers = Peers::<R>::new(environment.network.clone(), cluster_id, patience);
    let links = Links::new(peers.clone(), log, patience);
    let raft_config = raft::config(config)
        .validate()
        .map_err(|problem| StartError::Config(vec![problem.to_string()]))?;
    let raft_config = Arc::new(raft_config);
    let memberships = log_store.clone();
    let raft: Raft<R> =
        openraft::Raft::build(member_id, raft_config, links.clone(), log_store, applier)
            .await
            .map_err(|fatal| StartError::Raft(fatal.to_string()))?;
    begun.raft = Some(raft.clone());
    // What was committed and not yet in the database is applied by now, the removal perhaps with it.
    if removed.is_stopped() {
        return Err(BootstrapError::Removed.into());
    }
    let observer = environment.observer.clone();
    let local = Local::start(raft.clone(), links, member_id, patience, observer, &begun.tasks);
    let lessor = Lessor::new(deadlines, state.clone(), local.clone(), patience);
    Ok(Parts { raft, memberships, local, lessor, state, hub, tokens, peers, removed })
}

/// Founds the cluster with a member that was interrupted before it had, unless it joins one. It still has
/// its disk, and knows whom it voted for.
async fn resume_founding<R: Runtime>(
    raft: &Raft<R>,
    config: &Config,
    environment: &Environment,
    origin: &Origin,
) -> Result<(), StartError> {
    if config.initial_cluster_state == ClusterState::Existing {
        return Ok(());
    }
    let flags = config.cluster().map_err(BootstrapError::Flags)?;
    if (flags.id, flags.local) != (origin.cluster_id, origin.member_id) {
        let text = format!(
            "the data directory was begun for member {:x} of cluster {:x}, which was never founded, \
             and the flags describe member {:x} of cluster {:x}: correct the flags, or remove the \
             data directory",
            origin.member_id, origin.cluster_id, flags.local, flags.id
        );
        return Err(StartError::Config(vec![text]));
    }
    bootstrap::confirm_new::<R>(config, &flags, &environment.network).await?;
    initialize(raft, &flags).await
}

/// Every member of a new cluster writes the same first entry, whoever comes first.
async fn initialize<R: Runtime>(
    raft: &Raft<R>,
    founders: &InitialCluster,
) -> Result<(), StartError> {
    match raft.initialize(nodes(founders)).await {
        Ok(()) => Ok(()),
        // A peer was quicker and has replicated its first entry already.
        Err(openraft::errors::RaftError::APIError(
            openraft::errors::InitializeError::NotAllowed(_),
        )) => Ok(()),
        Err(error) => Err(StartError::Raft(error.to_string())),
    }
}

/// Who founds the cluster, as the first entry has it.
fn nodes(founders: &InitialCluster) -> BTreeMap<u64, MemberNode> {
    let node =
        |peer_urls: &Vec<String>| MemberNode { peer_urls: peer_urls.clone(), awaits_vote: false };
    founders.members.values().map(|member| (member.id, node(&member.peer_urls))).collect()
}
