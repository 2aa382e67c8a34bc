//! A member as its API sees it: propose a command, read, know who is who.
//!
//! Any member does anything: what only the leader can do is asked of the leader on the way.
//! Must never know: gRPC's client messages, error texts.

mod applied_membership;
mod contact;
mod forward;
mod identity;
mod leaderless;
mod leadership;
mod lease;
mod maintenance;
mod membership;
mod read;
mod read_rounds;
mod snapshot_file;
mod versions;
mod watching;
mod write;

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use openraft_rt::WatchReceiver;
use tokio::sync::Semaphore;

use crate::auth::Tokens;
use crate::config::Config;
use crate::lease::Lessor;
use crate::raft::local::Local;
use crate::raft::peers::Peers;
use crate::raft::readers::Readers;
use crate::raft::{MemberNode, Presence, Raft, leader_of};
use crate::reconfigure::Reconfigurer;
use crate::runtime::Runtime;
use crate::state::State;

use self::applied_membership::AppliedMembership;
use self::leaderless::Leaderless;

pub use crate::state::{Answer, RangeAnswer};
pub use identity::InvalidToken;
pub use leadership::MoveError;
pub use membership::{Member, MembershipError};
pub use read::RangeError;
pub use snapshot_file::{Piece, SnapshotFile};

/// A handle to the member. Clones share it.
pub struct Replica<R: Runtime> {
    inner: Arc<Inner<R>>,
}

struct Inner<R: Runtime> {
    raft: Raft<R>,
    local: Local<R>,
    lessor: Lessor<R>,
    peers: Peers<R>,
    state: Arc<State<R>>,
    tokens: Tokens<R>,
    member_id: u64,
    cluster_id: u64,
    config: Config,
    reconfigurer: Reconfigurer<R>,
    presence: Presence<R>,
    leaderless: Leaderless,
    /// Who waits for the leader's word, while another member leads.
    readers: Arc<Readers<Option<u64>>>,
    membership: AppliedMembership,
    /// Rights to send a snapshot file.
    snapshots: Arc<Semaphore>,
}

impl<R: Runtime> Clone for Replica<R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<R: Runtime> fmt::Debug for Replica<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("member_id", &self.inner.member_id).finish_non_exhaustive()
    }
}

/// Why a request could not be carried out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// No leader is known.
    #[error("no leader")]
    NoLeader,
    /// Leadership changed on the way: a write may or may not be done.
    #[error("leader changed")]
    LeaderChanged,
    /// It took too long: a write may or may not be done.
    #[error("timed out")]
    Timeout,
    /// It took too long, and nobody leads any more: a write may or may not be done.
    #[error("timed out, connection lost")]
    ConnectionLost,
    /// The member is stopping.
    #[error("stopped")]
    Stopped,
    /// Too much is waiting already.
    #[error("too many requests")]
    TooManyRequests,
    /// Only the leader can do it.
    #[error("not the leader")]
    NotLeader,
}

/// What every response says of the member that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Header {
    /// The cluster.
    pub cluster_id: u64,
    /// The member.
    pub member_id: u64,
    /// The store's revision on this member.
    pub revision: i64,
    /// The member's Raft term.
    pub raft_term: u64,
}

/// The member's part in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemberStatus {
    /// The leader's id, or 0.
    pub leader: u64,
    /// The last committed index.
    pub raft_index: u64,
    /// The last applied index.
    pub raft_applied_index: u64,
    /// The term.
    pub raft_term: u64,
    /// Whether the member has no vote.
    pub is_learner: bool,
    /// Bytes of the database on disk.
    pub db_size: i64,
    /// Bytes of it in use.
    pub db_size_in_use: i64,
    /// Largest size that is accepted.
    pub db_size_quota: i64,
}

impl<R: Runtime> Replica<R> {
    /// A handle over the parts of a started member.
    pub fn new(
        raft: Raft<R>,
        lessor: Lessor<R>,
        peers: Peers<R>,
        state: Arc<State<R>>,
        tokens: Tokens<R>,
        ids: (u64, u64),
        config: Config,
    ) -> Self {
        let (cluster_id, member_id) = ids;
        let local = lessor.local().clone();
        let reconfigurer = Reconfigurer::new(raft.clone(), local.clone(), state.clone(), &config);
        let inner = Inner {
            raft,
            local,
            lessor,
            peers,
            state,
            tokens,
            member_id,
            cluster_id,
            config,
            reconfigurer,
            presence: Presence::default(),
            leaderless: Leaderless::default(),
            readers: Arc::default(),
            membership: AppliedMembership::default(),
            snapshots: Arc::new(Semaphore::new(snapshot_file::STREAMS_MAX)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes changes of the membership, where this member leads.
    pub fn reconfigurer(&self) -> &Reconfigurer<R> {
        &self.inner.reconfigurer
    }

    /// This member.
    pub fn member_id(&self) -> u64 {
        self.inner.member_id
    }

    /// Is told when the leader speaks.
    pub fn presence(&self) -> &Presence<R> {
        &self.inner.presence
    }

    /// The settings of the member.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The applied state.
    pub fn state(&self) -> &Arc<State<R>> {
        &self.inner.state
    }

    /// What every response says of this member.
    pub fn header(&self) -> Header {
        let revision = self.inner.state.with_machine(|machine| machine.revision());
        let raft_term = self.inner.raft.server_metrics().borrow_watched().vote.leader_id.term;
        Header {
            cluster_id: self.inner.cluster_id,
            member_id: self.inner.member_id,
            revision,
            raft_term,
        }
    }

    /// The leader that this member follows, or itself when it leads.
    pub fn leader(&self) -> Option<u64> {
        leader_of(&self.inner.raft.server_metrics().borrow_watched())
    }

    /// The member's part in the cluster.
    pub fn status(&self) -> MemberStatus {
        let leader = self.present_leader();
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let (db_size, db_size_in_use) = self.inner.state.storage().size();
        let applied = self.inner.state.progress().index;
        MemberStatus {
            leader: leader.unwrap_or(0),
            raft_index: metrics.local_committed.map_or(applied, |id| id.index).max(applied),
            raft_applied_index: applied,
            raft_term: metrics.current_term,
            is_learner: self.is_learner(),
            db_size: i64::try_from(db_size).unwrap_or(i64::MAX),
            db_size_in_use: i64::try_from(db_size_in_use).unwrap_or(i64::MAX),
            db_size_quota: self.quota(),
        }
    }

    /// How to reach a member.
    fn node(&self, id: u64) -> Option<MemberNode> {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.membership().get_node(&id).cloned()
    }

    /// Waits until the entry at `index` is applied here.
    async fn applied(&self, index: u64) -> Result<(), Unavailable> {
        self.inner
            .state
            .wait(|progress| progress.index >= index)
            .await
            .map_err(|_stopped: io::Error| Unavailable::Stopped)
    }

    /// Bounds a request by the request timeout (G18).
    async fn bounded<T>(
        &self,
        request: impl Future<Output = Result<T, Unavailable>> + Send,
    ) -> Result<T, Unavailable> {
        let limit: Duration = self.inner.config.request_timeout();
        R::timeout(limit, request).await.unwrap_or_else(|_elapsed| Err(self.too_late()))
    }
}
