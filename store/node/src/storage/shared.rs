//! What the handle, the flusher and the snapshot transfers share.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use detcd_machine::Revision;
use openraft_rt::{AsyncRuntime, Watch, WatchReceiver, WatchSender};
use tokio::sync::Notify;

use super::Options;
use super::database::{Database, Delta, Size};
use super::error::{Error, SnapshotError};
use super::guard::guarded;
use super::mark::{Identity, Mark};
use super::queue::Queue;
use super::rows::Rows;
use super::view::View;
use crate::runtime::{Disk, Runtime};

/// The receiving end of the runtime's watch channel.
pub(super) type Receiver<R, T> = <<R as AsyncRuntime>::Watch as Watch>::Receiver<T>;
type Sender<R, T> = <<R as AsyncRuntime>::Watch as Watch>::Sender<T>;

/// How far the storage has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    /// The last durable batch.
    pub(super) sequence: u64,
    /// What the durable state covers.
    pub(super) mark: Option<Mark>,
    /// The first failure.
    pub(super) failed: Option<Arc<str>>,
    /// Nothing will become durable any more.
    pub(super) stopped: bool,
}

pub(super) struct Shared<R: Runtime> {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) identity: Identity,
    pub(super) options: Options,
    state: Mutex<State<R>>,
    /// Tells the flusher to look at the queue again.
    pub(super) wake: Notify,
    /// Held while the database is written to or replaced.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// Held while the database is copied.
    pub(super) copying: Arc<tokio::sync::Mutex<()>>,
    progress: Receiver<R, Progress>,
}

pub(super) struct State<R: Runtime> {
    /// `None` once stopped.
    pub(super) database: Option<Arc<Database>>,
    pub(super) rows: Rows,
    pub(super) queue: Queue<R::Instant>,
    pub(super) size: Size,
    pub(super) stopping: bool,
    pub(super) flusher: Option<R::JoinHandle<()>>,
    /// Snapshots that began to be received: each has a file name of its own.
    pub(super) installs: u64,
    /// Those of them that are being received now.
    pub(super) installing: BTreeSet<String>,
    pub(super) defragments: Defragments,
    /// The last applied index ever staged or installed.
    pub(super) applied: Option<u64>,
    progress: Sender<R, Progress>,
}

/// Copies made to give back space.
#[derive(Debug, Default)]
pub(super) struct Defragments {
    /// How many have begun.
    pub(super) begun: u64,
    /// The number of the last that took the place of the state.
    pub(super) done: u64,
    /// While one is made: revisions that commits have removed since it last looked.
    pub(super) removed: Option<Vec<Revision>>,
}

impl<R: Runtime> Shared<R> {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        identity: Identity,
        options: Options,
        database: Arc<Database>,
        size: Size,
        mark: Option<Mark>,
    ) -> Self {
        let applied = mark.as_ref().map(|mark| mark.position.index);
        let (sender, progress) = R::Watch::channel(Progress { mark, ..Progress::default() });
        let state = State {
            database: Some(database),
            rows: Rows::new(options.cache_bytes_max),
            queue: Queue::new(),
            size,
            stopping: false,
            flusher: None,
            installs: 0,
            installing: BTreeSet::new(),
            defragments: Defragments::default(),
            applied,
            progress: sender,
        };
        let (wake, turn, copying) = (Notify::new(), Arc::default(), Arc::default());
        Self { disk, identity, options, state: Mutex::new(state), wake, turn, copying, progress }
    }

    /// The state, for a short time and without waiting for anything meanwhile.
    pub(super) fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().expect("nobody panics while changing the state")
    }

    pub(super) fn progress(&self) -> Receiver<R, Progress> {
        self.progress.clone()
    }

    /// The latest progress.
    pub(super) fn now(&self) -> Progress {
        self.progress.borrow_watched().clone()
    }

    /// Refuses to go on after a failure or a stop.
    pub(super) fn check(&self) -> Result<(), Error> {
        let progress = self.progress.borrow_watched();
        match &progress.failed {
            Some(reason) => Err(Error::Failed(Arc::clone(reason))),
            None if progress.stopped => Err(Error::Stopped),
            None => Ok(()),
        }
    }

    /// A consistent view of the durable state. Blocks.
    pub(super) fn view(&self) -> Result<View, Error> {
        self.check()?;
        let database = self.state().database.clone();
        database.ok_or(Error::Stopped)?.view()
    }

    /// Does blocking work on the open database, and takes note of an error.
    pub(super) fn guard<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.note(guarded(work))
    }

    /// Passes a result on, having taken note of an error: whatever goes wrong with the open database
    /// ends this storage.
    pub(super) fn note<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error @ (Error::Io { .. } | Error::Database { .. } | Error::Damaged { .. })) =
            &result
        {
            self.fail(error);
        }
        result
    }

    /// Ends this storage.
    pub(super) fn fail(&self, error: &Error) {
        let reason: Arc<str> = error.to_string().into();
        let state = self.state();
        if let Some(database) = &state.database {
            database.doom();
        }
        let first = state.progress.send_if_modified(|progress| {
            let first = progress.failed.is_none();
            progress.failed.get_or_insert(Arc::clone(&reason));
            first
        });
        drop(state);
        if first {
            tracing::error!(%reason, "storage failed");
            self.wake.notify_one();
        }
    }

    /// Batches up to `sequence` are durable, and with them `mark`.
    pub(super) fn settle(&self, sequence: u64, mark: Mark, delta: Delta, size: Size) {
        let mut state = self.state();
        if let Some(removed) = &mut state.defragments.removed {
            let rows = delta.rows.iter().filter(|(_, row)| row.is_none());
            removed.extend(rows.map(|(revision, _)| *revision));
        }
        state.rows.settle(sequence, delta);
        state.queue.settle();
        state.size = size;
        state.advance(sequence, mark);
    }

    /// Puts another database in the place of the present one, which is handed back for its readers.
    /// Everything staged is dropped: the new one covers it.
    pub(super) fn replace(
        &self,
        database: Arc<Database>,
        mark: Mark,
        size: Size,
    ) -> Option<Arc<Database>> {
        let mut state = self.state();
        let old = state.database.replace(database);
        state.rows.clear();
        state.queue.clear();
        state.size = size;
        state.applied = Some(mark.position.index);
        let sequence = state.queue.sequence();
        state.advance(sequence, mark);
        old
    }

    /// Puts the copy of that number in the place of the database that it was made of, which is handed
    /// back for its readers.
    pub(super) fn exchange(
        &self,
        database: Arc<Database>,
        size: Size,
        number: u64,
    ) -> Option<Arc<Database>> {
        let mut state = self.state();
        state.size = size;
        state.defragments.done = number;
        state.database.replace(database)
    }

    /// Refuses a snapshot that is older than what was applied.
    pub(super) fn check_not_behind(&self, mark: &Mark) -> Result<(), Error> {
        let found = mark.position.index;
        match self.state().applied {
            Some(applied) if found < applied => {
                Err(SnapshotError::Behind { found, applied }.into())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Nothing will become durable any more. Hands back the database, to be closed.
    pub(super) fn finish(&self) -> Option<Arc<Database>> {
        let mut state = self.state();
        state.progress.send_if_modified(|progress| {
            progress.stopped = true;
            true
        });
        state.database.take()
    }
}

impl<R: Runtime> State<R> {
    fn advance(&mut self, sequence: u64, mark: Mark) {
        self.progress.send_if_modified(|progress| {
            progress.sequence = sequence;
            progress.mark = Some(mark);
            true
        });
    }
}
