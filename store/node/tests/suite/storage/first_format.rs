//! Files of other formats: the first has no sum of what it holds, and is read and written as it is.

use std::io;
use std::sync::Arc;

use detcd_node::storage::Error;
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableTable, StorageBackend, Table, TableDefinition};

use super::model::{Model, history, stage};
use super::world::open;
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

const FILE: &str = "state.redb";
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");
const FORMAT: &str = "format";
const SUM: &str = "sum";

/// A file in memory, which outlives the database that is open on it.
#[derive(Debug, Clone)]
struct Memory(Arc<InMemoryBackend>);

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

/// The file with other values in its `about` table.
fn changed(file: &[u8], change: impl FnOnce(&mut Table<'_, &str, &[u8]>)) -> Vec<u8> {
    let memory = Memory(Arc::new(InMemoryBackend::new()));
    memory.set_len(file.len() as u64).unwrap();
    memory.write(0, file).unwrap();
    let database = Database::builder().create_with_backend(memory.clone()).unwrap();
    let write = database.begin_write().unwrap();
    change(&mut write.open_table(ABOUT).unwrap());
    write.commit().unwrap();
    drop(database);
    let mut changed = vec![0; usize::try_from(memory.len().unwrap()).unwrap()];
    memory.read(0, &mut changed).unwrap();
    changed
}

fn set_format(about: &mut Table<'_, &str, &[u8]>, format: u32) {
    let format = format.to_le_bytes();
    let crc = crc32c::crc32c_append(crc32c::crc32c(FORMAT.as_bytes()), &format);
    about.insert(FORMAT, [crc.to_le_bytes(), format].concat().as_slice()).unwrap();
}

fn as_first(file: &[u8]) -> Vec<u8> {
    changed(file, |about| {
        set_format(about, 1);
        about.remove(SUM).unwrap().expect("what is written has a sum");
    })
}

/// The number of the format, and whether there is a sum.
fn format_of(file: &[u8]) -> (u32, bool) {
    let mut found = (0, false);
    changed(file, |about| {
        let format = about.get(FORMAT).unwrap().unwrap();
        found.0 = u32::from_le_bytes(format.value()[4..].try_into().unwrap());
        found.1 = about.get(SUM).unwrap().is_some();
    });
    found
}

#[test]
fn a_file_of_the_first_format_goes_on_and_has_a_sum_once_it_is_written_anew() {
    run(async {
        let history = history(&mut Rng(70), 40);
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        stage(&member.storage, &history[..20]);
        member.storage.flush().await.unwrap();
        member.storage.stop().await;
        disk.put(FILE, &as_first(&disk.bytes(FILE)));

        let member = open(&disk).await.unwrap();
        assert_eq!(member.recovered.mark.as_ref(), Some(&history[19].mark));
        assert_eq!(Model::of(&member.storage).await, history[19].after);
        stage(&member.storage, &history[20..]);
        member.storage.flush().await.unwrap();
        member.storage.stop().await;
        assert_eq!(format_of(&disk.bytes(FILE)), (1, false));

        let member = open(&disk).await.unwrap();
        assert_eq!(Model::of(&member.storage).await, history[39].after);
        member.storage.defragment().await.unwrap();
        member.storage.stop().await;
        assert_eq!(format_of(&disk.bytes(FILE)), (2, true));

        let member = open(&disk).await.unwrap();
        assert_eq!(Model::of(&member.storage).await, history[39].after);
    });
}

#[test]
fn a_format_that_is_not_known_yet_is_refused() {
    run(async {
        let disk = TestDisk::new();
        open(&disk).await.unwrap().storage.stop().await;
        disk.put(FILE, &changed(&disk.bytes(FILE), |about| set_format(about, 3)));
        let refused = open(&disk).await.err();
        assert!(matches!(refused, Some(Error::NewerFormat { .. })), "{refused:?}");
        assert_eq!(format_of(&disk.bytes(FILE)), (3, true));
    });
}
