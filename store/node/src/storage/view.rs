//! One consistent reading of a database.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};
use redb::{ReadOnlyTable, ReadTransaction, TableError};

use super::codec;
use super::database::{
    ABOUT, Database, FORMAT, FORMAT_VERSION, HISTORY, IDENTITY, MARK, META, STORED, damaged,
};
use super::error::Error;
use super::mark::{Identity, Mark};

/// A read transaction with its tables open. It keeps the database open.
pub(super) struct View {
    history: ReadOnlyTable<&'static [u8; 16], &'static [u8]>,
    meta: ReadOnlyTable<&'static [u8], &'static [u8]>,
    about: ReadOnlyTable<&'static str, &'static [u8]>,
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
            about: open_table(database, &read, ABOUT)?,
            database: Arc::clone(database),
        })
    }

    /// Refuses a database of another format or owner.
    pub(super) fn verify(&self, identity: Identity) -> Result<(), Error> {
        let file = || self.database.name().to_owned();
        let format = self.about_required(FORMAT)?;
        let found = u32::from_le_bytes(self.fixed(&format, "format")?);
        if found > FORMAT_VERSION {
            return Err(Error::NewerFormat { file: file(), found, supported: FORMAT_VERSION });
        }
        let owner = Identity::decode(&self.about_required(IDENTITY)?)
            .ok_or_else(|| self.damaged("the identity does not decode"))?;
        if owner.cluster_id != identity.cluster_id {
            let (found, expected) = (owner.cluster_id, identity.cluster_id);
            return Err(Error::OtherCluster { file: file(), found, expected });
        }
        if owner.member_id != identity.member_id {
            let (found, expected) = (owner.member_id, identity.member_id);
            return Err(Error::OtherMember { file: file(), found, expected });
        }
        Ok(())
    }

    /// What the state covers; `None` before anything was applied.
    pub(super) fn mark(&self) -> Result<Option<Mark>, Error> {
        let Some(bytes) = self.about(MARK)? else { return Ok(None) };
        Mark::decode(&bytes).map(Some).ok_or_else(|| self.damaged("the mark does not decode"))
    }

    /// Bytes of keys and values.
    pub(super) fn stored(&self) -> Result<u64, Error> {
        let bytes = self.about_required(STORED)?;
        Ok(u64::from_le_bytes(self.fixed(&bytes, "count of stored bytes")?))
    }

    pub(super) fn row(&self, revision: Revision) -> Result<Option<Row>, Error> {
        let key = codec::revision_bytes(revision);
        let stored = self.history.get(&key).map_err(self.database.error("read a row"))?;
        stored.map(|stored| self.decode_row(&key, stored.value())).transpose()
    }

    /// Rows in order of revision.
    pub(super) fn rows(
        &self,
        from: Bound<Revision>,
        to: Bound<Revision>,
    ) -> Result<impl Iterator<Item = RowResult> + '_, Error> {
        let (from, to) = (from.map(codec::revision_bytes), to.map(codec::revision_bytes));
        let range = self
            .history
            .range::<&[u8; 16]>((from.as_ref(), to.as_ref()))
            .map_err(self.database.error("scan rows"))?;
        Ok(range.map(|entry| {
            let (key, stored) = entry.map_err(self.database.error("scan rows"))?;
            let row = self.decode_row(key.value(), stored.value())?;
            Ok((codec::revision_from(key.value()), row))
        }))
    }

    /// Named values after `from`, in order of their encoded names.
    pub(super) fn meta(
        &self,
    ) -> Result<impl Iterator<Item = Result<(MetaKey, Bytes), Error>> + '_, Error> {
        let range =
            self.meta.range::<&[u8]>(..).map_err(self.database.error("scan named values"))?;
        Ok(range.map(|entry| {
            let (key, stored) = entry.map_err(self.database.error("scan named values"))?;
            let value = codec::unseal(key.value(), stored.value());
            let value = value.ok_or_else(|| self.damaged("a named value has a wrong checksum"))?;
            let key = codec::meta_key_from(key.value())
                .ok_or_else(|| self.damaged("a name does not decode"))?;
            Ok((key, Bytes::copy_from_slice(value)))
        }))
    }

    fn decode_row(&self, key: &[u8; 16], stored: &[u8]) -> Result<Row, Error> {
        codec::unseal(key, stored).and_then(codec::row_from).ok_or_else(|| {
            let Revision { main, sub } = codec::revision_from(key);
            self.damaged(&format!("the row at revision {main}.{sub} does not decode"))
        })
    }

    fn about(&self, name: &'static str) -> Result<Option<Bytes>, Error> {
        let stored = self.about.get(name).map_err(self.database.error("read about the state"))?;
        let Some(stored) = stored else { return Ok(None) };
        let payload = codec::unseal(name.as_bytes(), stored.value())
            .ok_or_else(|| self.damaged(&format!("the {name} has a wrong checksum")))?;
        Ok(Some(Bytes::copy_from_slice(payload)))
    }

    fn about_required(&self, name: &'static str) -> Result<Bytes, Error> {
        self.about(name)?.ok_or_else(|| self.damaged(&format!("the {name} is missing")))
    }

    fn fixed<const N: usize>(&self, bytes: &[u8], what: &str) -> Result<[u8; N], Error> {
        bytes.try_into().map_err(|_| self.damaged(&format!("the {what} has a wrong length")))
    }

    fn damaged(&self, reason: &str) -> Error {
        damaged(self.database.name(), reason)
    }
}

fn open_table<K: redb::Key + 'static, V: redb::Value + 'static>(
    database: &Database,
    read: &ReadTransaction,
    table: redb::TableDefinition<'_, K, V>,
) -> Result<ReadOnlyTable<K, V>, Error> {
    read.open_table(table).map_err(|error| match error {
        TableError::Storage(_) => database.error("open a table")(error),
        error => damaged(database.name(), &error.to_string()),
    })
}
