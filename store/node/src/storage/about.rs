//! What the storage keeps about a state: whose it is, and what it covers.

use std::sync::Arc;

use bytes::Bytes;
use redb::{ReadOnlyTable, ReadTransaction};

use super::codec;
use super::database::{
    ABOUT, Database, FORMAT, FORMAT_VERSION, IDENTITY, MARK, RECEIVED, STORED, SUM, damaged,
};
use super::error::Error;
use super::mark::{Identity, Mark};
use super::sum::Sum;
use super::view::open_table;

/// The `about` table within a read transaction.
pub(super) struct About {
    table: ReadOnlyTable<&'static str, &'static [u8]>,
    // Last, so that the table is dropped while the database is open.
    database: Arc<Database>,
}

impl About {
    pub(super) fn open(database: &Arc<Database>, read: &ReadTransaction) -> Result<Self, Error> {
        let table = open_table(database, read, ABOUT)?;
        Ok(Self { table, database: Arc::clone(database) })
    }

    /// Refuses a database of another format or owner.
    pub(super) fn verify(&self, identity: Identity) -> Result<(), Error> {
        let file = self.database.name().to_owned();
        let found = u32::from_le_bytes(self.fixed(FORMAT)?);
        if found > FORMAT_VERSION {
            return Err(Error::NewerFormat { file, found, supported: FORMAT_VERSION });
        }
        let owner = Identity::decode(&self.fixed::<16>(IDENTITY)?);
        if owner.cluster_id != identity.cluster_id {
            let (found, expected) = (owner.cluster_id, identity.cluster_id);
            return Err(Error::OtherCluster { file, found, expected });
        }
        if owner.member_id != identity.member_id {
            let (found, expected) = (owner.member_id, identity.member_id);
            return Err(Error::OtherMember { file, found, expected });
        }
        Ok(())
    }

    /// What the state covers; `None` before anything was applied.
    pub(super) fn mark(&self) -> Result<Option<Mark>, Error> {
        let Some(bytes) = self.get(MARK)? else { return Ok(None) };
        Mark::decode(&bytes).map(Some).ok_or_else(|| self.damaged("the mark does not decode"))
    }

    /// The last index of the snapshot that the state was received as, if it was.
    pub(super) fn received(&self) -> Result<Option<u64>, Error> {
        let Some(bytes) = self.get(RECEIVED)? else { return Ok(None) };
        let index = bytes[..].try_into().map(u64::from_le_bytes);
        index.map(Some).map_err(|_| self.damaged("the received index does not decode"))
    }

    /// Bytes of keys and values.
    pub(super) fn stored(&self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.fixed(STORED)?))
    }

    /// What all rows and named values come to; nothing in files of the first format.
    pub(super) fn sum(&self) -> Result<Option<Sum>, Error> {
        if u32::from_le_bytes(self.fixed(FORMAT)?) == 1 {
            return Ok(None);
        }
        Ok(Some(Sum::from_bytes(self.fixed(SUM)?)))
    }

    fn get(&self, name: &'static str) -> Result<Option<Bytes>, Error> {
        let stored = self.table.get(name).map_err(self.database.error("read about the state"))?;
        let Some(stored) = stored else { return Ok(None) };
        let payload = codec::unseal(name.as_bytes(), stored.value())
            .ok_or_else(|| self.damaged(&format!("the {name} has a wrong checksum")))?;
        Ok(Some(Bytes::copy_from_slice(payload)))
    }

    fn fixed<const N: usize>(&self, name: &'static str) -> Result<[u8; N], Error> {
        let bytes =
            self.get(name)?.ok_or_else(|| self.damaged(&format!("the {name} is missing")))?;
        bytes[..].try_into().map_err(|_| self.damaged(&format!("the {name} has a wrong length")))
    }

    fn damaged(&self, reason: &str) -> Error {
        damaged(self.database.name(), reason)
    }
}
