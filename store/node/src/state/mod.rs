//! A member's applied state: the machine's index in memory, its rows in storage, and who may read them.
//!
//! One owner writes (the applier); readers share it. A row is staged in storage before the lock that
//! makes it visible in the index is released, so whoever finds a revision also finds its row.
//! Must never know: Raft's messages, gRPC.

mod apply;
mod compaction;
mod hash;
mod history;
mod read;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;
use detcd_machine::{Applied, Machine, Outcome, Rejection};
use openraft_rt::{Watch, WatchReceiver, WatchSender};
use tokio::sync::Notify;

use crate::runtime::Runtime;
use crate::storage::{self, Mark, Storage};
use crate::wal::Position;

pub use hash::HashAnswer;
pub use history::StateHistory;
pub use read::{RangeAnswer, ReadError};

type Sender<R, T> = <<R as openraft_rt::AsyncRuntime>::Watch as Watch>::Sender<T>;
type Receiver<R, T> = <<R as openraft_rt::AsyncRuntime>::Watch as Watch>::Receiver<T>;

/// How often a reader looks whether a received snapshot is in place.
const REPLACING_POLL: Duration = Duration::from_millis(10);

/// How far the state has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The last applied index.
    pub index: u64,
    /// The store's revision.
    pub revision: i64,
    /// The revision up to which compaction has removed rows.
    pub compacted: i64,
}

/// The applied state of a member.
pub struct State<R: Runtime> {
    core: RwLock<Core>,
    storage: Storage<R>,
    /// Revisions that readers are reading at, with the number of readers.
    pins: Mutex<BTreeMap<i64, usize>>,
    progress: Mutex<Sender<R, Progress>>,
    compaction: Arc<Notify>,
}

/// What changes together.
struct Core {
    machine: Machine,
    /// What the state covers; every stage carries it.
    mark: Mark,
    /// Counts the states that a snapshot replaced, or began to.
    epoch: u64,
    /// Whether storage holds, or is about to hold, another state than the machine.
    replacing: bool,
}

impl<R: Runtime> State<R> {
    /// Restores the state that storage holds.
    pub async fn restore(storage: Storage<R>) -> Result<Arc<Self>, storage::Error> {
        let machine = storage.restore().await?;
        let mark = storage.durable().unwrap_or_default();
        let progress = Progress {
            index: mark.position.index,
            revision: machine.revision(),
            compacted: machine.compact_revision(),
        };
        let (progress, _) = <R::Watch as Watch>::channel(progress);
        Ok(Arc::new(Self {
            core: RwLock::new(Core { machine, mark, epoch: 0, replacing: false }),
            storage,
            pins: Mutex::default(),
            progress: Mutex::new(progress),
            compaction: Arc::new(Notify::new()),
        }))
    }

    /// The storage below.
    pub fn storage(&self) -> &Storage<R> {
        &self.storage
    }

    /// What the state covers.
    pub fn mark(&self) -> Mark {
        self.read_core().mark.clone()
    }

    /// Reads a fact of the machine.
    pub fn with_machine<T>(&self, read: impl FnOnce(&Machine) -> T) -> T {
        read(&self.read_core().machine)
    }

    /// Reads facts of the machine together with what it covers.
    pub fn with_mark<T>(&self, read: impl FnOnce(&Machine, &Mark) -> T) -> T {
        let core = self.read_core();
        read(&core.machine, &core.mark)
    }

    /// How far the state has come.
    pub fn progress(&self) -> Progress {
        *self.progress_sender().borrow_watched()
    }

    /// Waits until `reached` holds of the progress. An error means that the member has stopped.
    pub async fn wait(&self, reached: impl Fn(&Progress) -> bool) -> io::Result<()> {
        if reached(&self.progress()) {
            return Ok(());
        }
        let mut receiver: Receiver<R, Progress> = self.progress_sender().subscribe();
        loop {
            if reached(&receiver.borrow_and_update()) {
                return Ok(());
            }
            if receiver.changed().await.is_err() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }

    fn progress_sender(&self) -> std::sync::MutexGuard<'_, Sender<R, Progress>> {
        self.progress.lock().expect("no panic happens while the lock is held")
    }

    /// Waits until machine and storage are of one state, and tells which: whoever reads both asks
    /// afterwards whether it [still is](Self::is_still).
    async fn settled(&self) -> u64 {
        loop {
            {
                let core = self.read_core();
                if !core.replacing {
                    return core.epoch;
                }
            }
            R::sleep(REPLACING_POLL).await;
        }
    }

    fn is_still(&self, epoch: u64) -> bool {
        self.read_core().epoch == epoch
    }

    fn read_core(&self) -> std::sync::RwLockReadGuard<'_, Core> {
        self.core.read().expect("no panic happens while the lock is held")
    }

    fn write_core(&self) -> std::sync::RwLockWriteGuard<'_, Core> {
        self.core.write().expect("no panic happens while the lock is held")
    }
}

/// What an entry of the log is to the state.
pub enum Step<'a> {
    /// Opens a term, or is otherwise without content.
    Blank,
    /// Changes the membership.
    Membership(MembershipStep),
    /// A command, with who asks for it.
    Command(&'a detcd_machine::Requester, &'a detcd_machine::Command),
}

/// A change of the membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipStep {
    /// The new membership, in its encoded form.
    pub membership: Bytes,
    /// The members that it leaves out.
    pub removed: Vec<u64>,
}

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The store's revision after it.
    pub revision: i64,
    /// What it did.
    pub outcome: Result<Outcome, Rejection>,
}

/// What applying an entry did.
#[derive(Debug)]
pub struct Advanced {
    /// The entry's place.
    pub position: Position,
    /// The store's revision after it.
    pub revision: i64,
    /// The machine's digest after it.
    pub digest: u64,
    /// What the command did, if the entry was one.
    pub applied: Option<Applied>,
}
