//! redb on the simulated disk: an engine that promises to survive crashes, as a judge of the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic;
use std::sync::Arc;

use detcd_node::runtime::{Disk, File};
use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageBackend,
    StorageError, TableDefinition,
};
use sim::disk::{SimDisk, Times};
use sim::random::Source;
use sim::{Stream, Streams, Trace};

const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// A file as a storage backend of redb.
#[derive(Debug)]
struct Backend(Arc<dyn File>);

impl StorageBackend for Backend {
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

    fn close(&self) -> io::Result<()> {
        Ok(())
    }
}

fn open(disk: &SimDisk) -> Result<Database, DatabaseError> {
    let file = disk.mount().open("db", true).map_err(StorageError::Io)?;
    Database::builder().set_cache_size(1 << 20).create_with_backend(Backend(file))
}

type State = BTreeMap<u64, u64>;

/// What the database may contain after a crash.
struct Ledger {
    source: Source,
    /// The state after each commit that was begun.
    states: BTreeMap<u64, State>,
    /// The last durable commit that was acknowledged.
    acknowledged: u64,
}

impl Ledger {
    /// Commits until power is lost.
    fn work(&mut self, database: &Database, from: u64) -> Result<(), redb::Error> {
        let mut state = self.states[&from].clone();
        for commit in from + 1..from + 60 {
            let durable = self.source.draw().below(4) == 0;
            let mut write = database.begin_write()?;
            if !durable {
                write.set_durability(Durability::None)?;
            }
            let mut rows = write.open_table(ROWS)?;
            for _ in 0..self.source.draw().below(40) {
                let key = self.source.draw().below(3000);
                if self.source.draw().below(3) == 0 {
                    rows.remove(&key)?;
                    state.remove(&key);
                } else {
                    let value = self.source.draw().bits();
                    rows.insert(&key, value.to_le_bytes().repeat(40).as_slice())?;
                    state.insert(key, value);
                }
            }
            drop(rows);
            write.open_table(META)?.insert("commit", commit)?;
            self.states.insert(commit, state.clone());
            write.commit()?;
            if durable {
                self.acknowledged = commit;
            }
        }
        Ok(())
    }

    /// Compares what a database recovered with what it may have; which commit it is at.
    fn check(&mut self, database: &mut Database) -> Result<u64, String> {
        let sound = database.check_integrity().map_err(|error| error.to_string())?;
        if !sound {
            return Err("it needed repair after it was opened".to_owned());
        }
        let (commit, found) = contents(database).map_err(|error| error.to_string())?;
        if commit < self.acknowledged {
            return Err(format!("commit {} was acknowledged, found {commit}", self.acknowledged));
        }
        if self.states.get(&commit) != Some(&found) {
            return Err(format!("the state at commit {commit} differs"));
        }
        self.states.retain(|number, _| *number <= commit);
        self.acknowledged = commit;
        Ok(commit)
    }
}

fn contents(database: &Database) -> Result<(u64, State), redb::Error> {
    let read = database.begin_read()?;
    let commit = read.open_table(META)?.get("commit")?.map_or(0, |commit| commit.value());
    let mut state = State::new();
    for row in read.open_table(ROWS)?.iter()? {
        let (key, value) = row?;
        let value = value.value()[..8].try_into().expect("eight bytes");
        state.insert(key.value(), u64::from_le_bytes(value));
    }
    Ok((commit, state))
}

/// A few lives of a database, each ended by a loss of power in the middle of some operation.
fn lives(seed: u64, lies: Times) -> Result<(), String> {
    let streams = Streams::new(seed);
    let disk = SimDisk::new("redb", streams, Trace::default());
    let source = streams.source(Stream::Workload, "redb");
    let states = BTreeMap::from([(0, State::new())]);
    let mut ledger = Ledger { source, states, acknowledged: 0 };
    let mut database = open(&disk).map_err(|error| error.to_string())?;
    let write = database.begin_write().expect("power is on");
    write.open_table(ROWS).expect("power is on");
    write.open_table(META).expect("power is on");
    write.commit().expect("power is on");
    disk.mount().sync_dir().expect("power is on");
    disk.set_faults(|faults| faults.sync_lies = lies);
    let mut commit = 0;
    for life in 0..4 {
        disk.power_loss_at(1 + ledger.source.draw().below(900));
        _ = ledger.work(&database, commit);
        disk.power_loss();
        // Its destructor meets a disk that has forgotten it.
        drop(database);
        if life % 2 == 1 {
            disk.power_loss_at(1 + ledger.source.draw().below(60));
            drop(open(&disk));
            disk.power_loss();
        }
        database = open(&disk).map_err(|error| error.to_string())?;
        commit = ledger.check(&mut database).map_err(|error| format!("life {life}: {error}"))?;
    }
    Ok(())
}

#[test]
fn redb_recovers_a_committed_state_from_any_crash() {
    for seed in 0..40 {
        lives(seed, Times::Never).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn a_disk_that_lies_about_syncs_is_found_out() {
    // It may also panic deep inside; that is finding out, too.
    let caught: BTreeSet<u64> = (0..20)
        .filter(|seed| {
            let lived = panic::catch_unwind(|| lives(*seed, Times::Always));
            !matches!(lived, Ok(Ok(())))
        })
        .collect();
    assert!(caught.len() >= 15, "only {caught:?}");
}
