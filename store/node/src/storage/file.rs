//! The database's view of a file of ours.

use std::io;
use std::sync::Arc;

use crate::runtime::File;

/// One of our files as the storage of a redb database. Locking is left out: the member has its data
/// directory to itself.
#[derive(Debug)]
pub(super) struct RedbFile(pub(super) Arc<dyn File>);

impl redb::StorageBackend for RedbFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }
}
