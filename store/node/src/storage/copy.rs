//! A copy of a database that changes meanwhile.

use std::io::ErrorKind;
use std::ops::Bound;
use std::sync::Arc;

use detcd_machine::Revision;
use tokio::sync::OwnedMutexGuard;

use super::cache::row_size;
use super::database::{Database, Delta};
use super::error::Error;
use super::mark::Mark;
use super::open::{self, new_name};
use super::shared::Shared;
use super::sum::Sum;
use crate::runtime::Runtime;

/// Rows copied at once.
const CHUNK_ROWS_MAX: usize = 1000;
/// Bytes of rows after which a chunk ends.
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// The copy is synced so often that no sync keeps the disk from the log for long.
const UNSYNCED_BYTES_MAX: usize = 8 << 20;
/// Bytes of pages of the copy kept in memory.
const CACHE_BYTES_MAX: usize = 16 << 20;

/// Whether rows were left behind a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// There may be more.
    More,
    /// The chunk reached the end of the history.
    Nothing,
}

/// The right to make a copy, under a name of its own: as long as it exists, removals are noted for it.
/// Whoever works on the copy has it, so that work which nobody waits for any more ends before another
/// copy begins.
pub(super) struct Ticket<R: Runtime> {
    shared: Arc<Shared<R>>,
    number: u64,
    name: String,
    _turn: OwnedMutexGuard<()>,
}

impl<R: Runtime> Ticket<R> {
    pub(super) fn new(shared: Arc<Shared<R>>, turn: OwnedMutexGuard<()>) -> Self {
        let mut state = shared.state();
        state.installs += 1;
        let name = new_name(state.installs);
        state.installing.insert(name.clone());
        state.defragments.begun += 1;
        state.defragments.removed = Some(Vec::new());
        let number = state.defragments.begun;
        drop(state);
        Self { shared, number, name, _turn: turn }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Counts copies.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl<R: Runtime> Drop for Ticket<R> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.installing.remove(&self.name);
        state.defragments.removed = None;
    }
}

/// A copy in the making.
pub(super) struct Copy<R: Runtime> {
    source: Arc<Database>,
    target: Database,
    /// The last row that was copied.
    last: Option<Revision>,
    unsynced_bytes: usize,
    // Last, so that the copy is closed before another begins.
    ticket: Ticket<R>,
}

impl<R: Runtime> Copy<R> {
    /// Begins a copy of the present database. Blocks, as everything here does.
    pub(super) fn create(ticket: Ticket<R>) -> Result<Self, Error> {
        let shared = &ticket.shared;
        let disk = &*shared.disk;
        let installing = shared.state().installing.clone();
        open::remove_unfinished(disk, |name| installing.contains(name))?;
        let source = shared.state().database.clone().ok_or(Error::Stopped)?;
        let cache = shared.options.redb_cache_bytes.min(CACHE_BYTES_MAX);
        let target = full_is_harmless(Database::create(disk, &ticket.name, cache))?;
        full_is_harmless(target.initialize(shared.identity))?;
        Ok(Self { source, target, last: None, unsynced_bytes: 0, ticket })
    }

    /// Copies the next rows, and removes those that were removed meanwhile.
    pub(super) fn advance(&mut self) -> Result<Left, Error> {
        // What is noted has been committed, so the view does not have it; what is removed after this is
        // noted for the next time.
        let removed = self.removed()?;
        let view = self.source.view()?;
        let mut delta = Delta::default();
        let last = self.last;
        let copied = removed.into_iter().filter(|revision| Some(*revision) <= last);
        delta.rows.extend(copied.map(|revision| (revision, None)));

        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let (mut rows, mut bytes, mut left) = (0, 0, Left::Nothing);
        for entry in view.rows(from, Bound::Unbounded)? {
            let (revision, row) = entry?;
            rows += 1;
            bytes += row_size(&row);
            self.last = Some(revision);
            delta.rows.insert(revision, Some(row));
            if rows == CHUNK_ROWS_MAX || bytes >= CHUNK_BYTES_MAX {
                left = Left::More;
                break;
            }
        }
        self.write(&delta, bytes)?;
        Ok(left)
    }

    /// Makes what was copied so far durable.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        self.unsynced_bytes = 0;
        full_is_harmless(self.target.sync())
    }

    /// Copies the rest, and makes the copy durable; nobody may write to the source meanwhile. What the
    /// copy covers.
    pub(super) fn finish(mut self) -> Result<(Ticket<R>, Mark), Error> {
        while self.advance()? == Left::More {}
        let view = self.source.view()?;
        let mark = view.mark()?.ok_or(Error::Empty)?;
        let received = view.received()?;
        let mut delta = Delta::default();
        for entry in view.meta()? {
            let (key, value) = entry?;
            delta.meta.insert(key, Some(value));
        }
        let (rows, sum) = full_is_harmless(complete(self.target, received, &delta, &mark))?;
        view.verify_count(rows)?;
        view.verify_sum(sum)?;
        Ok((self.ticket, mark))
    }

    fn removed(&self) -> Result<Vec<Revision>, Error> {
        let shared = &self.ticket.shared;
        shared.check()?;
        let mut state = shared.state();
        let current = state.database.as_ref().ok_or(Error::Stopped)?;
        if !Arc::ptr_eq(current, &self.source) {
            return Err(Error::Replaced);
        }
        let removed = state.defragments.removed.as_mut();
        Ok(std::mem::take(removed.expect("removals are noted as long as a copy is made")))
    }

    fn write(&mut self, delta: &Delta, bytes: usize) -> Result<(), Error> {
        if delta.rows.is_empty() {
            return Ok(());
        }
        full_is_harmless(self.target.write(delta))?;
        self.unsynced_bytes += bytes;
        if self.unsynced_bytes >= UNSYNCED_BYTES_MAX {
            self.sync()?;
        }
        Ok(())
    }
}

/// Adds what is not a row, makes everything durable and closes the copy; its rows, and what it comes to.
fn complete(
    target: Database,
    received: Option<u64>,
    delta: &Delta,
    mark: &Mark,
) -> Result<(u64, Sum), Error> {
    if let Some(index) = received {
        target.note_received(index)?;
    }
    target.commit(delta, mark)?;
    let rows = target.count_rows()?;
    let sum = target.sum()?;
    target.close()?;
    Ok((rows, sum))
}

/// Tells a disk that is full from one that fails: nothing depends on the copy before it is complete.
fn full_is_harmless<T>(result: Result<T, Error>) -> Result<T, Error> {
    let kind = match &result {
        Err(Error::Io { source, .. }) => source.kind(),
        Err(Error::Database { source, .. }) => match &**source {
            redb::Error::Io(source) => source.kind(),
            _ => return result,
        },
        Ok(_) | Err(_) => return result,
    };
    match result {
        Err(Error::Io { file, .. } | Error::Database { file, .. })
            if matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
        {
            Err(Error::Full { file })
        }
        result => result,
    }
}
