//! A snapshot file, restored as `detcdutl` restores it, on a simulated disk.

use std::sync::Arc;

use detcd_machine::{Revision, Row};
use detcd_node::config::{Config, InitialCluster};
use detcd_node::etcd_format::SnapshotContent;
use detcd_node::restore;
use detcd_node::runtime::Disk;
use detcd_node::storage::{Identity, Options, Storage};
use jepsen_like::history::{KeyValue, MemberId, Micros, UpkeepLine, UpkeepRecord};
use openraft_rt::{AsyncRuntime, Watch};
use sha2::{Digest, Sha256};
use sim::disk::SimDisk;
use sim::{SimRuntime, World};

/// Bytes of the hash behind the database.
const HASH_BYTES: usize = 32;

/// A file as a member streamed it.
#[derive(Debug, Clone)]
pub struct SavedSnapshot {
    /// When it was asked for.
    pub called: Micros,
    /// When it was there.
    pub time: Micros,
    /// Whose it is.
    pub member: MemberId,
    /// Its bytes.
    pub file: Vec<u8>,
}

/// Restores a snapshot on a disk of its own, and tells what was found.
///
/// # Panics
///
/// If it is no snapshot, or damaged: the stream was read to its end, so it has to be whole.
pub async fn restore_saved(world: &World, saved: &SavedSnapshot) -> UpkeepLine {
    let SavedSnapshot { called, time, member, file } = saved;
    let name = format!("snapshot of {member} at {called}");
    let (revision, kvs) = restore(world, &name, file).await;
    let record = UpkeepRecord::Snapshot { revision, kvs };
    UpkeepLine { time: *time, called: *called, member: *member, record }
}

/// The revision of a file, and the keys that are live at it, in order.
async fn restore(world: &World, name: &str, file: &[u8]) -> (i64, Vec<KeyValue>) {
    let (database, hash) = file.split_at(file.len().saturating_sub(HASH_BYTES));
    assert_eq!(Sha256::digest(database)[..], *hash, "{name}: the hash is that of the bytes");
    let disk = SimDisk::new(name, world.streams(), world.trace().clone());
    let disk = Arc::new(disk.mount());
    let cluster = Config::default().cluster().expect("the defaults are valid");
    restore_state(&*disk, &cluster, database).unwrap_or_else(|error| panic!("{name}: {error}"));
    restore::restore_log::<SimRuntime>(disk.clone(), &cluster)
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));

    let identity = Identity { cluster_id: cluster.id, member_id: cluster.local };
    let (_log, durable) = <SimRuntime as AsyncRuntime>::Watch::channel(Some(u64::MAX));
    let opened = Storage::<SimRuntime>::open(disk, identity, Options::default(), durable).await;
    let (storage, _) = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
    let machine = storage.restore().await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let end = Revision { main: i64::MAX, sub: 0 };
    let rows = storage.scan(Revision::default(), end, usize::MAX, usize::MAX).await;
    let rows = rows.unwrap_or_else(|error| panic!("{name}: {error}"));
    storage.stop().await;
    (machine.revision(), live(rows))
}

fn restore_state(
    disk: &dyn Disk,
    cluster: &InitialCluster,
    database: &[u8],
) -> Result<(), restore::RestoreError> {
    let content = SnapshotContent::open(&database)?;
    let state = content.state()?;
    restore::restore_state(disk, cluster, &content, state)
}

/// What the newest row of each key says.
fn live(rows: Vec<(Revision, Row)>) -> Vec<KeyValue> {
    let mut keys = std::collections::BTreeMap::new();
    for (_, row) in rows {
        match row {
            Row::Value(kv) => drop(keys.insert(kv.key.clone(), kv)),
            Row::Tombstone { key } => drop(keys.remove(&key)),
        }
    }
    let told = keys.into_values().map(|kv| KeyValue {
        key: kv.key.to_vec().into(),
        value: kv.value.to_vec().into(),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    });
    told.collect()
}
