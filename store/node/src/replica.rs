//! A stand-in for the member's core, with its interface: one member, no log, no disk. To be replaced.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use detcd_machine::{
    Change, Chunk, Command, KeyValue, Machine, Outcome, Range, RangeOutcome, RangeReader,
    Rejection, Revision, Row, Rows, Txn,
};

use crate::runtime::Runtime;

/// The member's core, as the services see it.
#[derive(Debug, Clone)]
pub struct Replica<R: Runtime> {
    store: Arc<Mutex<Store>>,
    runtime: PhantomData<R>,
}

#[derive(Debug, Default)]
struct Store {
    machine: Machine,
    rows: History,
}

#[derive(Debug, Default)]
struct History(BTreeMap<Revision, Row>);

impl Rows for History {
    fn row(&self, revision: Revision) -> Option<Row> {
        self.0.get(&revision).cloned()
    }
}

/// The ids of etcd's default single member (G64).
const CLUSTER_ID: u64 = 0xcdf8_1819_4e3a_8c32;
const MEMBER_ID: u64 = 0x8e9e_05c5_2164_694d;

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

impl Store {
    fn apply(&mut self, command: &Command) -> Answer {
        let applied = self.machine.apply(command, &self.rows);
        self.keep(applied.changes);
        Answer { revision: applied.revision, outcome: applied.outcome }
    }

    fn keep(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put { revision, row } => drop(self.rows.0.insert(revision, row)),
                Change::Remove { revision } => drop(self.rows.0.remove(&revision)),
                Change::SetMeta { .. } => {}
            }
        }
    }

    fn range(&self, range: &Range) -> Result<RangeAnswer, Rejection> {
        let mut reader = RangeReader::new(&self.machine, range)?;
        loop {
            match reader.next(&self.machine, 100)? {
                Chunk::Rows(wanted) => {
                    reader.accept(wanted.iter().map(|at| self.value(at)).collect())
                }
                Chunk::Again => {}
                Chunk::Done => break,
            }
        }
        Ok(RangeAnswer { revision: self.machine.revision(), outcome: reader.finish() })
    }

    fn value(&self, at: &Revision) -> Arc<KeyValue> {
        match self.rows.0.get(at) {
            Some(Row::Value(kv)) => kv.clone(),
            other => panic!("no value at {at:?}: {other:?}"),
        }
    }
}

impl<R: Runtime> Replica<R> {
    /// An empty store.
    pub fn alone() -> Self {
        Self { store: Arc::default(), runtime: PhantomData }
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets a command applied.
    pub async fn propose(&self, command: Command) -> Result<Answer, Unavailable> {
        Ok(self.store().apply(&command))
    }

    /// Afterwards the local state is fresh enough for a linearizable read.
    pub async fn read_barrier(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    /// Reads the local state.
    pub async fn range(&self, range: Range) -> Result<RangeAnswer, RangeError> {
        Ok(self.store().range(&range)?)
    }

    /// Carries out a transaction without writes on the local state.
    pub async fn read_txn(&self, txn: Txn) -> Result<Answer, Unavailable> {
        Ok(self.store().apply(&Command::Txn(txn)))
    }

    /// Waits until the rows of a compaction are gone.
    pub async fn compact_physically(&self, _revision: i64) -> Result<(), Unavailable> {
        let mut store = self.store();
        while store.machine.compaction_pending() {
            let changes = store.machine.compact_step(100, None);
            store.keep(changes);
        }
        Ok(())
    }

    /// What every answer tells.
    pub fn header(&self) -> Header {
        let revision = self.store().machine.revision();
        Header { cluster_id: CLUSTER_ID, member_id: MEMBER_ID, revision, raft_term: 2 }
    }

    /// The members.
    pub fn members(&self) -> Vec<Member> {
        vec![Member {
            id: MEMBER_ID,
            name: "default".to_owned(),
            peer_urls: vec!["http://localhost:2380".to_owned()],
            client_urls: vec!["http://localhost:2379".to_owned()],
            is_learner: false,
        }]
    }

    /// How the member is.
    pub fn status(&self) -> MemberStatus {
        MemberStatus {
            leader: MEMBER_ID,
            raft_index: 9,
            raft_applied_index: 9,
            raft_term: 2,
            is_learner: false,
            db_size: 20480,
            db_size_in_use: 16384,
            db_size_quota: 2 << 30,
        }
    }
}
