//! The storage as everybody else sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use detcd_machine::{Change, Revision, Row};
use openraft_rt::WatchReceiver;

use super::Options;
use super::codec::first_from;
use super::error::Error;
use super::flusher::Flusher;
use super::guard::blocking;
use super::install::SnapshotWriter;
use super::mark::{Identity, Mark};
use super::open::{self, Recovered};
use super::pinned::Pinned;
use super::rows::Lookup;
use super::scan::{Budget, scan};
use super::shared::{Receiver, Shared};
use super::snapshot::SnapshotReader;
use crate::runtime::{Disk, Runtime};

/// A handle to the durable state of a member; clones are handles to the same state.
pub struct Storage<R: Runtime> {
    pub(super) shared: Arc<Shared<R>>,
}

impl<R: Runtime> Clone for Storage<R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R: Runtime> fmt::Debug for Storage<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").field("identity", &self.shared.identity).finish_non_exhaustive()
    }
}

impl<R: Runtime> Storage<R> {
    /// Opens the state on `disk`, or starts an empty one.
    ///
    /// `log_durable` holds the index of the last entry that is durable in the member's own log, if any is;
    /// see the [module](super) for why no commit goes beyond it.
    pub async fn open(
        disk: Arc<dyn Disk>,
        identity: Identity,
        options: Options,
        log_durable: Receiver<R, Option<u64>>,
    ) -> Result<(Self, Recovered), Error> {
        let on_disk = Arc::clone(&disk);
        let opened =
            blocking::<R, _>(move || open::open(&*on_disk, identity, options.redb_cache_bytes))
                .await?;
        let open::Opened { database, size, recovered } = opened;
        let mark = recovered.mark.clone();
        let shared = Arc::new(Shared::new(disk, identity, options, database, size, mark));
        let flusher = Flusher::new(Arc::clone(&shared), log_durable);
        shared.state().flusher = Some(R::spawn(flusher.run()));
        Ok((Self { shared }, recovered))
    }

    /// Takes over what one or more applied entries changed, up to and including the entry of `mark`.
    ///
    /// The changes can be read when this returns, and become durable later, all together. Calls come in
    /// the order of application; an entry without changes is staged too, so that the mark moves on. What
    /// changes between two entries, as a step of compaction does, is staged under the mark of the first.
    pub fn stage(&self, mark: Mark, changes: Vec<Change>) {
        let options = &self.shared.options;
        let mut state = self.shared.state();
        let index = mark.position.index;
        if let Some(applied) = state.applied {
            assert!(applied <= index, "index {index} was staged after index {applied}");
        }
        state.applied = Some(index);
        let was_idle = state.queue.due_at().is_none();
        let was_urgent = state.queue.is_urgent(options);
        let sequence = state.queue.sequence() + 1;
        state.rows.stage(sequence, &changes);
        state.queue.push(mark, changes, options.flush_interval);
        if was_idle || (!was_urgent && state.queue.is_urgent(options)) {
            self.shared.wake.notify_one();
        }
    }

    /// Waits while too much is staged that is not durable. Returns as well when the storage has failed
    /// or stopped.
    pub async fn room(&self) {
        let mut progress = self.shared.progress();
        loop {
            // Seen before it is compared: what changes in between wakes us.
            let over = {
                let progress = progress.borrow_and_update();
                progress.failed.is_none() && !progress.stopped
            };
            let pending_bytes = self.shared.state().queue.pending_bytes();
            if !over || pending_bytes <= self.shared.options.pending_bytes_max {
                return;
            }
            if progress.changed().await.is_err() {
                return;
            }
        }
    }

    /// The row at `revision` if it is in memory. Never touches the disk.
    pub fn cached(&self, revision: Revision) -> Option<Row> {
        match self.shared.state().rows.lookup(revision) {
            Lookup::Row(row) => Some(row),
            Lookup::Removed | Lookup::Unknown => None,
        }
    }

    /// The rows at `revisions`; one that does not exist is left out.
    pub async fn fetch(&self, revisions: Vec<Revision>) -> Result<BTreeMap<Revision, Row>, Error> {
        self.shared.check()?;
        let (mut found, missing, epoch) = self.lookup(revisions);
        if missing.is_empty() {
            return Ok(found);
        }
        let storage = self.clone();
        let mut rest = R::blocking(move || storage.read_all(missing, epoch)).await?;
        found.append(&mut rest);
        Ok(found)
    }

    /// The row at `revision`. Blocks: for use inside [`Runtime::blocking`].
    pub fn read(&self, revision: Revision) -> Result<Option<Row>, Error> {
        self.shared.check()?;
        let (mut found, missing, epoch) = self.lookup(vec![revision]);
        if !missing.is_empty() {
            found = self.read_all(missing, epoch)?;
        }
        Ok(found.remove(&revision))
    }

    /// The history from revision `from` on and before `to`, in order, durable or not: at most `rows_max`
    /// rows, and no more once `bytes_max` is reached. Empty only when the range holds nothing.
    pub async fn scan(
        &self,
        from: Revision,
        to: Revision,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Revision, Row)>, Error> {
        let shared = Arc::clone(&self.shared);
        let budget = Budget { rows: rows_max, bytes: bytes_max };
        R::blocking(move || shared.guard(|| scan(&shared, from, to, budget))).await
    }

    /// Makes everything staged so far durable, and says what the durable state covers then: exactly that,
    /// be it more than what was staged when this was called.
    pub async fn flush(&self) -> Result<Mark, Error> {
        let wanted = self.shared.state().queue.want();
        self.shared.wake.notify_one();
        let mut progress = self.shared.progress();
        loop {
            self.shared.check()?;
            {
                let progress = progress.borrow_and_update();
                if progress.sequence >= wanted {
                    return progress.mark.clone().ok_or(Error::Empty);
                }
            }
            progress.changed().await.map_err(|_| Error::Stopped)?;
        }
    }

    /// What the durable state covers.
    pub fn durable(&self) -> Option<Mark> {
        self.shared.now().mark
    }

    /// Makes everything staged so far durable, then opens one consistent reading of the durable state.
    pub async fn snapshot(&self) -> Result<SnapshotReader<R>, Error> {
        self.flush().await?;
        SnapshotReader::open(Arc::clone(&self.shared)).await
    }

    /// Makes everything staged so far durable, then opens one consistent reading of it.
    pub async fn pinned(&self) -> Result<Pinned<R>, Error> {
        self.flush().await?;
        Pinned::open(Arc::clone(&self.shared)).await
    }

    /// Begins to receive a snapshot, which replaces the state once it is complete.
    pub async fn install(&self) -> Result<SnapshotWriter<R>, Error> {
        SnapshotWriter::begin(Arc::clone(&self.shared)).await
    }

    /// Bytes of the database file as of the last commit, and bytes of it in use: those of keys and
    /// values, also of what is about to be written.
    pub fn size(&self) -> (u64, u64) {
        let total = self.shared.state().size.total;
        (total, self.used_bytes().min(total))
    }

    /// Bytes of keys and values, those that are not durable yet included.
    pub fn used_bytes(&self) -> u64 {
        let state = self.shared.state();
        state.size.stored.saturating_add(state.queue.pending_bytes() as u64)
    }

    /// Waits for the storage to fail; for ever if it never does.
    pub async fn failed(&self) -> Error {
        let mut progress = self.shared.progress();
        loop {
            if let Some(reason) = &progress.borrow_and_update().failed {
                return Error::Failed(Arc::clone(reason));
            }
            if progress.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Writes what is staged and covered by the log, ends the flusher and closes the database.
    pub async fn stop(&self) {
        let flusher = {
            let mut state = self.shared.state();
            state.stopping = true;
            state.flusher.take()
        };
        self.shared.wake.notify_one();
        if let Some(flusher) = flusher {
            if let Err(error) = flusher.await {
                tracing::error!(%error, "the flusher ended badly");
            }
            let _turn = self.shared.turn.lock().await;
            let database = self.shared.finish();
            // Closing writes, unless a reader still holds on to the database: then its last reader does.
            R::blocking(move || drop(database)).await;
        }
    }

    /// Splits `revisions` into the rows in memory and the revisions to ask the database for; the last is
    /// the epoch of memory that this was true in.
    fn lookup(&self, revisions: Vec<Revision>) -> (BTreeMap<Revision, Row>, Vec<Revision>, u64) {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        let mut state = self.shared.state();
        for revision in revisions {
            match state.rows.lookup(revision) {
                Lookup::Row(row) => {
                    found.insert(revision, row);
                }
                Lookup::Unknown if revision == first_from(revision) => missing.push(revision),
                Lookup::Removed | Lookup::Unknown => {}
            }
        }
        (found, missing, state.rows.epoch())
    }

    /// Asks the database, having looked into memory before: a row that moved from there to the database
    /// meanwhile is found here.
    fn read_all(
        &self,
        revisions: Vec<Revision>,
        epoch: u64,
    ) -> Result<BTreeMap<Revision, Row>, Error> {
        let found = self.shared.guard(|| {
            let view = self.shared.view()?;
            let mut found = BTreeMap::new();
            for revision in revisions {
                if let Some(row) = view.row(revision)? {
                    found.insert(revision, row);
                }
            }
            Ok(found)
        })?;
        let rows = found.iter().map(|(revision, row)| (*revision, row.clone()));
        self.shared.state().rows.keep(epoch, rows);
        Ok(found)
    }
}
