//! A running member, and how it ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft_rt::{Select2, WatchReceiver};

use crate::bootstrap::BootstrapError;
use crate::observer::Observer;
use crate::raft::{Raft, codec, leads};
use crate::replica::Replica;
use crate::runtime::{Disk, Network, Runtime};
use crate::stop::Stop;
use crate::storage::{self, Storage};
use crate::tasks::Tasks;
use crate::wal;
use crate::watch::Hub;
use crate::window::Window;

pub use crate::start::start;

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
    /// Something broke after Raft had begun and before clients could be served.
    #[error("the member failed while it was starting: {0}")]
    Failed(String),
    /// A member without data found neither its place nor peers to begin with.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
}

impl StartError {
    /// Whether the member was removed from its cluster, which is no failure.
    pub fn is_removal(&self) -> bool {
        matches!(self, Self::Bootstrap(BootstrapError::Removed))
    }
}

/// A running member.
pub struct Node<R: Runtime> {
    pub(crate) replica: Replica<R>,
    pub(crate) raft: Raft<R>,
    pub(crate) log: wal::Log<R>,
    pub(crate) storage: Storage<R>,
    pub(crate) tasks: Tasks<R>,
    pub(crate) clients: Clients,
    pub(crate) hub: Hub,
    /// Given when the cluster has removed the member.
    pub(crate) removed: Stop,
}

/// What clients are served with.
pub(crate) struct Clients {
    pub(crate) router: axum::Router,
    pub(crate) addresses: Vec<String>,
}

/// Why a member does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Its cluster has removed it: nothing is wrong.
    Removed,
    /// Something broke.
    Failed(String),
}

/// How long a removed member goes on, so that others hear what it has still to say (as etcd does).
const REMOVED_GRACE: Duration = Duration::from_secs(1);
/// How long the tasks of a member may take to end.
const TASKS_LIMIT: Duration = Duration::from_secs(1);

impl<R: Runtime> Node<R> {
    /// The member's API.
    pub fn replica(&self) -> &Replica<R> {
        &self.replica
    }

    /// A look into it, as long as it runs.
    pub fn window(&self) -> Window<R> {
        let state = self.replica.state().clone();
        Window { raft: self.raft.clone(), log: self.log.clone(), state, hub: self.hub.clone() }
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
    pub async fn ended(&self) -> Ending {
        let removed = async {
            self.removed.stopped().await;
            R::sleep(REMOVED_GRACE).await;
        };
        match R::select2(Box::pin(failure(&self.raft, &self.storage)), Box::pin(removed)).await {
            Select2::First(reason) => Ending::Failed(reason),
            Select2::Second(()) => Ending::Removed,
        }
    }

    /// Stops the member: hands over leadership, ends what is served, makes everything durable.
    pub async fn stop(self) {
        self.hand_over().await;
        self.tasks.stop().stop();
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "raft did not stop cleanly");
        }
        self.tasks.end(TASKS_LIMIT).await;
        self.storage.stop().await;
        self.log.stop().await;
    }

    /// A leader that stops first sees to a successor, so that clients wait for no election (K10, K43).
    async fn hand_over(&self) {
        let mut metrics = self.raft.server_metrics();
        let (is_leader, id, voters) = {
            let now = metrics.borrow_watched();
            let voters: Vec<u64> = now.membership_config.voter_ids().collect();
            (leads(&now), now.id, voters)
        };
        let matched = |target: &u64| {
            let metrics = self.raft.metrics();
            let metrics = metrics.borrow_watched();
            let replication = metrics.replication.as_ref()?;
            replication.get(target).cloned().flatten().map(|log_id| log_id.index)
        };
        let successor = voters.into_iter().filter(|voter| *voter != id).max_by_key(matched);
        let (true, Some(successor)) = (is_leader, successor) else { return };
        if self.raft.trigger().transfer_leader(successor).await.is_err() {
            return;
        }
        let handed_over = async {
            while leads(&metrics.borrow_and_update()) {
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
}

/// Waits until the log, Raft or the database has failed, and tells why.
pub(crate) async fn failure<R: Runtime>(raft: &Raft<R>, storage: &Storage<R>) -> String {
    // What is told at every turn of Raft would wake this for every request: here Raft is only asked once nobody is left
    // to tell more.
    let mut told = raft.server_metrics();
    let raft = async {
        while told.changed().await.is_ok() {}
        match &raft.metrics().borrow_watched().running_state {
            Err(fatal) => fatal.to_string(),
            Ok(()) => "raft stopped".to_owned(),
        }
    };
    let storage = async { storage.failed().await.to_string() };
    match R::select2(Box::pin(storage), Box::pin(raft)).await {
        Select2::First(reason) | Select2::Second(reason) => reason,
    }
}
