//! One consistent reading of a database.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};
use redb::{ReadOnlyTable, ReadTransaction, ReadableTableMetadata, TableError};

use super::about::About;
use super::codec;
use super::database::{Database, HISTORY, META, damaged};
use super::error::Error;
use super::mark::Mark;
use super::sum::Sum;

/// A read transaction with its tables open. It keeps the database open.
pub(super) struct View {
    history: ReadOnlyTable<&'static [u8; 16], &'static [u8]>,
    meta: ReadOnlyTable<&'static [u8], &'static [u8]>,
    about: About,
    // Last, so that the tables are dropped while the database is open.
    database: Arc<Database>,
}

/// A range of rows that gives up at the first damaged one.
pub(super) type RowResult = Result<(Revision, Row), Error>;

impl View {
    pub(super) fn open(database: &Arc<Database>) -> Result<Self, Error> {
        let read = database.begin_read()?;
        Ok(Self {
            history: open_table(database, &read, HISTORY)?,
            meta: open_table(database, &read, META)?,
            about: About::open(database, &read)?,
            database: Arc::clone(database),
        })
    }

    /// What the state covers; `None` before anything was applied.
    pub(super) fn mark(&self) -> Result<Option<Mark>, Error> {
        self.about.mark()
    }

    /// The last index of the snapshot that the state was received as, if it was.
    pub(super) fn received(&self) -> Result<Option<u64>, Error> {
        self.about.received()
    }

    /// Bytes of keys and values.
    pub(super) fn stored(&self) -> Result<u64, Error> {
        self.about.stored()
    }

    pub(super) fn row(&self, revision: Revision) -> Result<Option<Row>, Error> {
        let key = revision.to_bytes();
        let stored = self.history.get(&key).map_err(self.database.error("read a row"))?;
        stored.map(|stored| self.decode_row(&key, stored.value())).transpose()
    }

    /// Rows in order of revision.
    pub(super) fn rows(
        &self,
        from: Bound<Revision>,
        to: Bound<Revision>,
    ) -> Result<impl Iterator<Item = RowResult> + '_, Error> {
        let rows = self.rows_summed(from, to)?;
        Ok(rows.map(|entry| entry.map(|(revision, row, _)| (revision, row))))
    }

    /// The same, each with what it adds to the sum of all.
    pub(super) fn rows_summed(
        &self,
        from: Bound<Revision>,
        to: Bound<Revision>,
    ) -> Result<impl Iterator<Item = Result<(Revision, Row, Sum), Error>> + '_, Error> {
        let (from, to) = (from.map(Revision::to_bytes), to.map(Revision::to_bytes));
        let range = self
            .history
            .range::<&[u8; 16]>((from.as_ref(), to.as_ref()))
            .map_err(self.database.error("scan rows"))?;
        Ok(range.map(|entry| {
            let (key, stored) = entry.map_err(self.database.error("scan rows"))?;
            let row = self.decode_row(key.value(), stored.value())?;
            Ok((Revision::from_bytes(*key.value()), row, Sum::of(stored.value())))
        }))
    }

    /// Named values in order of their encoded names.
    pub(super) fn meta(
        &self,
    ) -> Result<impl Iterator<Item = Result<(MetaKey, Bytes), Error>> + '_, Error> {
        let range =
            self.meta.range::<&[u8]>(..).map_err(self.database.error("scan named values"))?;
        Ok(range.map(|entry| {
            let (key, stored) = entry.map_err(self.database.error("scan named values"))?;
            let value = codec::unseal(key.value(), stored.value());
            let value = value.ok_or_else(|| self.damaged("a named value has a wrong checksum"))?;
            let key = MetaKey::decode(key.value())
                .map_err(|error| self.damaged(&format!("a name does not decode: {error}")))?;
            Ok((key, Bytes::copy_from_slice(value)))
        }))
    }

    /// Refuses a table that says it has another number of rows than were found in it.
    pub(super) fn verify_count(&self, found: u64) -> Result<(), Error> {
        let expected = self.history.len().map_err(self.database.error("count rows"))?;
        if found != expected {
            return Err(self.damaged(&format!("{found} rows are left of {expected}")));
        }
        Ok(())
    }

    /// What a named value adds to the sum of all.
    pub(super) fn sum_of_meta(key: &MetaKey, value: &[u8]) -> Sum {
        Sum::of(&codec::seal(&key.encode(), value))
    }

    /// Refuses a state of which something is missing, or older than the rest.
    pub(super) fn verify_sum(&self, found: Sum) -> Result<(), Error> {
        match self.about.sum()? {
            Some(expected) if found != expected => {
                Err(self.damaged("its values do not come to what was written last"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn decode_row(&self, key: &[u8; 16], stored: &[u8]) -> Result<Row, Error> {
        let broken = |what: &str| {
            let Revision { main, sub } = Revision::from_bytes(*key);
            self.damaged(&format!("the row at revision {main}.{sub} {what}"))
        };
        let payload = codec::unseal(key, stored).ok_or_else(|| broken("has a wrong checksum"))?;
        codec::decode_row(payload).map_err(|error| broken(&format!("does not decode: {error}")))
    }

    /// The error of a part of this database that makes no sense.
    pub(super) fn damaged(&self, reason: &str) -> Error {
        damaged(self.database.name(), reason)
    }
}

pub(super) fn open_table<K: redb::Key + 'static, V: redb::Value + 'static>(
    database: &Database,
    read: &ReadTransaction,
    table: redb::TableDefinition<'_, K, V>,
) -> Result<ReadOnlyTable<K, V>, Error> {
    read.open_table(table).map_err(|error| match error {
        TableError::Storage(_) => database.error("open a table")(error),
        error => damaged(database.name(), &error.to_string()),
    })
}
