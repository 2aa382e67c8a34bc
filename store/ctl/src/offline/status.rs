//! `snapshot status` (C53).

use std::collections::BTreeSet;

use detcd_machine::Row;
use detcd_node::etcd_format::SnapshotContent;

use super::file::{SnapshotPath, damaged};
use super::print::Status;
use crate::failure::Failure;

pub(super) fn status(path: &str) -> Result<Status, Failure> {
    let file = SnapshotPath::open(path)?;
    let content = SnapshotContent::open(&file).map_err(damaged)?;
    let mut hash = 0;
    let hashed = content.everything(|name, entry| match entry {
        None => hash = crc32c::crc32c_append(hash, name),
        Some((key, value)) => {
            hash = crc32c::crc32c_append(crc32c::crc32c_append(hash, key), value);
        }
    });
    hashed.map_err(damaged)?;
    // etcd counts the keys that live.
    let mut keys = BTreeSet::new();
    let revision = content.rows(|_, row| {
        match row {
            Row::Value(kv) => keys.insert(kv.key.clone()),
            Row::Tombstone { key } => keys.remove(&key),
        };
        Ok(())
    });
    Ok(Status {
        hash,
        revision: revision.map_err(damaged)?,
        total_key: keys.len(),
        total_size: content.size(),
        version: content.version().map_err(damaged)?,
    })
}
