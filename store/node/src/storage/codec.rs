//! Stored bytes of the machine's types, each value under a checksum of its own.
//!
//! The database does not verify what it reads back from the disk, so every value carries a CRC32C of
//! itself and its key: a page that rotted is noticed when it is read, not when members disagree.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use detcd_machine::{KeyValue, MetaKey, Revision, Row};

const CRC_BYTES: usize = 4;

/// `payload` as it is stored under `key`.
pub(super) fn seal(key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(CRC_BYTES + payload.len());
    out.put_u32_le(checksum(key, payload));
    out.put_slice(payload);
    out
}

/// The payload of a stored value; `None` when it is not what was stored under `key`.
pub(super) fn unseal<'a>(key: &[u8], mut stored: &'a [u8]) -> Option<&'a [u8]> {
    let crc = stored.try_get_u32_le().ok()?;
    (crc == checksum(key, stored)).then_some(stored)
}

fn checksum(key: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), payload)
}

pub(super) fn revision_bytes(revision: Revision) -> [u8; 16] {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&revision.main.to_be_bytes());
    out[8..].copy_from_slice(&revision.sub.to_be_bytes());
    out
}

pub(super) fn revision_from(bytes: &[u8; 16]) -> Revision {
    let mut bytes = &bytes[..];
    Revision { main: bytes.get_i64(), sub: bytes.get_i64() }
}

pub(super) fn row_bytes(row: &Row) -> Vec<u8> {
    let mut out = Vec::new();
    match row {
        Row::Tombstone { key } => {
            out.put_u8(0);
            out.put_slice(key);
        }
        Row::Value(kv) => {
            out.put_u8(1);
            out.put_i64_le(kv.create_revision);
            out.put_i64_le(kv.mod_revision);
            out.put_i64_le(kv.version);
            out.put_i64_le(kv.lease);
            out.put_u32_le(kv.key.len() as u32);
            out.put_slice(&kv.key);
            out.put_slice(&kv.value);
        }
    }
    out
}

pub(super) fn row_from(mut bytes: &[u8]) -> Option<Row> {
    match bytes.try_get_u8().ok()? {
        0 => Some(Row::Tombstone { key: Bytes::copy_from_slice(bytes) }),
        1 => {
            let create_revision = bytes.try_get_i64_le().ok()?;
            let mod_revision = bytes.try_get_i64_le().ok()?;
            let version = bytes.try_get_i64_le().ok()?;
            let lease = bytes.try_get_i64_le().ok()?;
            let key_len = bytes.try_get_u32_le().ok()? as usize;
            let (key, value) = bytes.split_at_checked(key_len)?;
            Some(Row::Value(Arc::new(KeyValue {
                key: Bytes::copy_from_slice(key),
                value: Bytes::copy_from_slice(value),
                create_revision,
                mod_revision,
                version,
                lease,
            })))
        }
        _ => None,
    }
}

pub(super) fn meta_key_bytes(key: MetaKey) -> Vec<u8> {
    match key {
        MetaKey::Revision => vec![1],
        MetaKey::Compacted => vec![2],
        MetaKey::CompactionDone => vec![3],
        MetaKey::Digest => vec![4],
        MetaKey::Member(id) => [&[5][..], &id.to_be_bytes()].concat(),
    }
}

pub(super) fn meta_key_from(mut bytes: &[u8]) -> Option<MetaKey> {
    let key = match bytes.try_get_u8().ok()? {
        1 => MetaKey::Revision,
        2 => MetaKey::Compacted,
        3 => MetaKey::CompactionDone,
        4 => MetaKey::Digest,
        5 => MetaKey::Member(bytes.try_get_u64().ok()?),
        _ => return None,
    };
    bytes.is_empty().then_some(key)
}
