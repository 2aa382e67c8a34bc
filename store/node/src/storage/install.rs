//! Receiving a state from another member.

use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};

use super::codec;
use super::database::{Database, Delta, io_error};
use super::error::{Error, SnapshotError};
use super::mark::Mark;
use super::open::{self, new_name};
use super::shared::Shared;
use super::stream::{self, Decoder, Frame};
use crate::runtime::Runtime;

/// The database remembers every page written since the last sync.
const UNSYNCED_BYTES_MAX: usize = 64 << 20;

/// A snapshot being received into a database of its own.
///
/// Nothing of the present state changes before [`finish`](Self::finish). One that is refused, or dropped
/// unfinished, leaves its file behind until the next one begins or the member starts.
pub struct SnapshotWriter<R: Runtime> {
    shared: Arc<Shared<R>>,
    name: String,
    /// Away while a chunk is being written.
    target: Option<Target>,
}

struct Target {
    database: Database,
    decoder: Decoder,
    mark: Option<Mark>,
    last_row: Option<Revision>,
    unsynced_bytes: usize,
}

impl<R: Runtime> SnapshotWriter<R> {
    pub(super) async fn begin(shared: Arc<Shared<R>>) -> Result<Self, Error> {
        shared.check()?;
        let name = {
            let mut state = shared.state();
            state.installs += 1;
            let name = new_name(state.installs);
            state.installing.insert(name.clone());
            name
        };
        let (inner, file) = (Arc::clone(&shared), name.clone());
        let mut writer = Self { shared, name, target: None };
        let created = R::blocking(move || inner.guard(|| Target::create(&inner, &file))).await;
        writer.target = Some(created?);
        Ok(writer)
    }

    /// Takes the next chunk, in the order in which the reader gave them.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.shared.check()?;
        let mut target = self.target.take().ok_or(Error::Interrupted)?;
        let shared = Arc::clone(&self.shared);
        let target = R::blocking(move || {
            shared.guard(|| {
                target.write(&chunk)?;
                Ok(target)
            })
        })
        .await?;
        self.target = Some(target);
        Ok(())
    }

    /// Verifies that the snapshot is complete, makes it durable, and puts it into the place of the state.
    /// Returns what the state covers now.
    ///
    /// The applier must not stage anything meanwhile.
    ///
    /// When this returns an error other than [`Error::Snapshot`], a restart finds either state.
    pub async fn finish(mut self) -> Result<Mark, Error> {
        self.shared.check()?;
        let target = self.target.take().ok_or(Error::Interrupted)?;
        let shared = Arc::clone(&self.shared);
        let mark = R::blocking(move || shared.guard(|| target.close())).await?;
        // No commit may become durable in the old database once the new one has its name, even if the
        // caller does not wait for the end of this.
        let turn = Arc::clone(&self.shared.turn).lock_owned().await;
        self.shared.check()?;
        self.shared.check_not_behind(&mark)?;
        let (shared, name) = (Arc::clone(&self.shared), self.name.clone());
        R::blocking(move || {
            let _turn = turn;
            shared.guard(|| swap(&shared, &name, mark))
        })
        .await
    }

    /// Gives up and removes the file.
    pub async fn abort(mut self) -> Result<(), Error> {
        let (shared, name, target) =
            (Arc::clone(&self.shared), self.name.clone(), self.target.take());
        R::blocking(move || {
            shared.guard(|| {
                drop(target);
                shared.disk.remove(&name).map_err(io_error(&name, "remove the file"))
            })
        })
        .await
    }
}

impl<R: Runtime> Drop for SnapshotWriter<R> {
    fn drop(&mut self) {
        self.shared.state().installing.remove(&self.name);
    }
}

/// Replaces the state by the finished one. The rest happens without a point to be cancelled at.
fn swap<R: Runtime>(shared: &Shared<R>, name: &str, mark: Mark) -> Result<Mark, Error> {
    let disk = &*shared.disk;
    open::publish(disk, name)?;
    let cache = shared.options.redb_cache_bytes;
    let (database, size, found) = open::open_existing(disk, shared.identity, cache)?;
    assert_eq!(found.as_ref(), Some(&mark), "the mark that was received is the mark that is read");
    // The old database is closed by its last reader, or here.
    drop(shared.replace(database, mark.clone(), size));
    Ok(mark)
}

impl Target {
    fn create<R: Runtime>(shared: &Shared<R>, name: &str) -> Result<Self, Error> {
        let disk = &*shared.disk;
        let installing = shared.state().installing.clone();
        open::remove_unfinished(disk, |name| installing.contains(name))?;
        let database = Database::create(disk, name, shared.options.redb_cache_bytes)?;
        database.initialize(shared.identity)?;
        let decoder = Decoder::new(shared.identity.cluster_id);
        Ok(Self { database, decoder, mark: None, last_row: None, unsynced_bytes: 0 })
    }

    fn write(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.decoder.push(chunk);
        let mut delta = Delta::default();
        while let Some(frame) = self.decoder.next()? {
            self.take(&frame, &mut delta)?;
        }
        if delta.rows.is_empty() && delta.meta.is_empty() {
            return Ok(());
        }
        self.database.write(&delta)?;
        self.unsynced_bytes += chunk.len();
        if self.unsynced_bytes >= UNSYNCED_BYTES_MAX {
            self.database.sync()?;
            self.unsynced_bytes = 0;
        }
        Ok(())
    }

    /// Puts one frame into the delta.
    fn take(&mut self, frame: &Frame, delta: &mut Delta) -> Result<(), SnapshotError> {
        let undecodable = || frame.content_error();
        match frame.kind {
            stream::MARK => {
                self.mark = Some(Mark::decode(&frame.value).ok_or_else(undecodable)?);
            }
            stream::META => {
                let key = MetaKey::decode(&frame.key).map_err(|_| undecodable())?;
                delta.meta.insert(key, Some(frame.value.clone()));
            }
            _ => {
                let key = frame.key[..].try_into().map_err(|_| undecodable())?;
                let revision = Revision::from_bytes(key);
                let row = Row::decode(&frame.value).map_err(|_| undecodable())?;
                if revision != codec::first_from(revision)
                    || self.last_row.is_some_and(|last| last >= revision)
                {
                    return Err(undecodable());
                }
                self.last_row = Some(revision);
                delta.rows.insert(revision, Some(row));
            }
        }
        Ok(())
    }

    /// Makes a complete snapshot durable and closes its database.
    fn close(self) -> Result<Mark, Error> {
        self.decoder.finish()?;
        let torn = SnapshotError::Torn { bytes: 0 };
        let mark = self.mark.ok_or(torn)?;
        self.database.note_received(mark.position.index)?;
        self.database.commit(&Delta::default(), &mark)?;
        self.database.close()?;
        Ok(mark)
    }
}
