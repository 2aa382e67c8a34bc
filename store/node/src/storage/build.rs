//! Making a whole state at once, where there is none.

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};

use super::cache::row_size;
use super::database::{Database, Delta, damaged};
use super::error::Error;
use super::mark::{Identity, Mark};
use super::open::{STATE_FILE, new_name, publish};
use crate::runtime::Disk;

/// The database remembers every page written since the last sync.
const UNSYNCED_BYTES_MAX: usize = 32 << 20;
/// Bytes of its cache.
const CACHE_BYTES: usize = 64 << 20;

/// A state being made. It looks as if it had been received from another member: a log that is empty begins
/// behind it. Nothing has the name of a state before [`finish`](Self::finish).
pub struct StateBuilder<'a> {
    disk: &'a dyn Disk,
    database: Database,
    delta: Delta,
    bytes: usize,
}

impl<'a> StateBuilder<'a> {
    /// Begins the state of `identity`. Blocks, as everything here does.
    pub fn new(disk: &'a dyn Disk, identity: Identity) -> Result<Self, Error> {
        let names = disk.list().map_err(super::database::io_error(STATE_FILE, "list"))?;
        if names.iter().any(|name| name == STATE_FILE) {
            return Err(damaged(STATE_FILE, "there is a state already"));
        }
        let database = Database::create(disk, &new_name(0), CACHE_BYTES)?;
        database.initialize(identity)?;
        Ok(Self { disk, database, delta: Delta::default(), bytes: 0 })
    }

    /// Adds named values.
    pub fn meta(&mut self, meta: impl IntoIterator<Item = (MetaKey, Bytes)>) {
        self.delta.meta.extend(meta.into_iter().map(|(key, value)| (key, Some(value))));
    }

    /// Adds the next row in order of revision.
    pub fn row(&mut self, revision: Revision, row: Row) -> Result<(), Error> {
        self.bytes += row_size(&row);
        self.delta.rows.insert(revision, Some(row));
        if self.bytes >= UNSYNCED_BYTES_MAX {
            self.database.write(&std::mem::take(&mut self.delta))?;
            self.database.sync()?;
            self.bytes = 0;
        }
        Ok(())
    }

    /// Makes it durable, as covering what `mark` says, and gives it its name.
    pub fn finish(self, mark: &Mark) -> Result<(), Error> {
        self.database.note_received(mark.position.index)?;
        self.database.commit(&self.delta, mark)?;
        self.database.close()?;
        publish(self.disk, &new_name(0))
    }
}
