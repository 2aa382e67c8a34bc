//! A stand-in for the member's core, with its interface: to be replaced.

use std::marker::PhantomData;

use detcd_machine::{Command, Outcome, Range, RangeOutcome, Rejection, Txn};

use crate::runtime::Runtime;

/// The member's core, as the services see it.
#[derive(Debug, Clone)]
pub struct Replica<R: Runtime> {
    runtime: PhantomData<R>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The store's revision afterwards.
    pub revision: i64,
    /// What the machine said.
    pub outcome: Result<Outcome, Rejection>,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Nobody leads.
    #[error("no leader")]
    NoLeader,
    /// Leadership was lost on the way.
    #[error("leader changed")]
    LeaderChanged,
    /// It took too long.
    #[error("timeout")]
    Timeout,
    /// The member is going down.
    #[error("stopped")]
    Stopped,
    /// Too much is waiting already.
    #[error("too many requests")]
    TooManyRequests,
    /// Somebody else leads.
    #[error("not leader")]
    NotLeader,
}

/// Why a read has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The machine refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The member cannot say.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeAnswer {
    /// The store's revision when it was answered.
    pub revision: i64,
    /// The result.
    pub outcome: RangeOutcome,
}

/// What every answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The cluster.
    pub cluster_id: u64,
    /// The answering member.
    pub member_id: u64,
    /// The store's revision.
    pub revision: i64,
    /// Raft's term.
    pub raft_term: u64,
}

/// A member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where peers reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it only learns.
    pub is_learner: bool,
}

/// How the member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberStatus {
    /// Who leads; 0 for nobody.
    pub leader: u64,
    /// The last committed entry.
    pub raft_index: u64,
    /// The last applied entry.
    pub raft_applied_index: u64,
    /// Raft's term.
    pub raft_term: u64,
    /// Whether this member only learns.
    pub is_learner: bool,
    /// Bytes of the database.
    pub db_size: i64,
    /// Bytes of the database that hold data.
    pub db_size_in_use: i64,
    /// Bytes beyond which writes are refused.
    pub db_size_quota: i64,
}

impl<R: Runtime> Replica<R> {
    /// Gets a command applied.
    pub async fn propose(&self, _command: Command) -> Result<Answer, Unavailable> {
        Err(Unavailable::Stopped)
    }

    /// Afterwards the local state is fresh enough for a linearizable read.
    pub async fn read_barrier(&self) -> Result<(), Unavailable> {
        Err(Unavailable::Stopped)
    }

    /// Reads the local state.
    pub async fn range(&self, _range: Range) -> Result<RangeAnswer, RangeError> {
        Err(Unavailable::Stopped.into())
    }

    /// Carries out a transaction without writes on the local state.
    pub async fn read_txn(&self, _txn: Txn) -> Result<Answer, Unavailable> {
        Err(Unavailable::Stopped)
    }

    /// Waits until the rows of a compaction are gone.
    pub async fn compact_physically(&self, _revision: i64) -> Result<(), Unavailable> {
        Err(Unavailable::Stopped)
    }

    /// What every answer tells.
    pub fn header(&self) -> Header {
        Header { cluster_id: 0, member_id: 0, revision: 1, raft_term: 0 }
    }

    /// The members, in the order of their ids.
    pub fn members(&self) -> Vec<Member> {
        Vec::new()
    }

    /// How the member is.
    pub fn status(&self) -> MemberStatus {
        MemberStatus {
            leader: 0,
            raft_index: 0,
            raft_applied_index: 0,
            raft_term: 0,
            is_learner: false,
            db_size: 0,
            db_size_in_use: 0,
            db_size_quota: 0,
        }
    }
}
