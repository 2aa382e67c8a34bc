//! Rows of the `key` bucket.

use std::sync::Arc;

use detcd_api::mvccpb;
use detcd_machine::{Revision, Row};
use prost::Message;

use crate::wire;

const REVISION_BYTES: usize = 17;
const TOMBSTONE_MARK: u8 = b't';

/// The key of a row: 8 bytes main revision, `_`, 8 bytes sub revision, and `t` behind a tombstone's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKey {
    /// The row's place.
    pub revision: Revision,
    /// Whether the row is a tombstone.
    pub is_tombstone: bool,
}

impl RowKey {
    /// The key of `row`.
    pub fn of(revision: Revision, row: &Row) -> Self {
        Self { revision, is_tombstone: matches!(row, Row::Tombstone { .. }) }
    }

    /// Appends the key's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.revision.main.to_be_bytes());
        out.push(b'_');
        out.extend_from_slice(&self.revision.sub.to_be_bytes());
        if self.is_tombstone {
            out.push(TOMBSTONE_MARK);
        }
    }

    /// The inverse; `None` for bytes that no row is stored under.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (revision, mark) = bytes.split_at_checked(REVISION_BYTES)?;
        let (main, rest) = revision.split_first_chunk()?;
        let sub = rest.strip_prefix(b"_")?.try_into().ok()?;
        let revision = Revision { main: i64::from_be_bytes(*main), sub: i64::from_be_bytes(sub) };
        let is_tombstone = match mark {
            [] => false,
            [TOMBSTONE_MARK] => true,
            _ => return None,
        };
        (revision.main >= 0 && revision.sub >= 0).then_some(Self { revision, is_tombstone })
    }
}

/// Appends the row's value: a `mvccpb.KeyValue`, of a tombstone with the key alone.
pub fn encode_row(row: &Row, out: &mut Vec<u8>) {
    let message = match row {
        Row::Value(kv) => wire::key_value(kv),
        Row::Tombstone { key } => mvccpb::KeyValue { key: key.clone(), ..Default::default() },
    };
    message.encode(out).expect("a vector grows");
}

/// A row of a file; nothing for one without a key, which only marks its revision.
pub fn decode_row(key: RowKey, value: &[u8]) -> Result<Option<Row>, prost::DecodeError> {
    let kv = mvccpb::KeyValue::decode(value)?;
    if kv.key.is_empty() {
        return Ok(None);
    }
    Ok(Some(if key.is_tombstone {
        Row::Tombstone { key: kv.key }
    } else {
        Row::Value(Arc::new(wire::key_value_from(kv)))
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_key_of_a_row_survives_its_encoding(
            main in 0..i64::MAX, sub in 0..i64::MAX, is_tombstone: bool,
        ) {
            let key = RowKey { revision: Revision { main, sub }, is_tombstone };
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            prop_assert_eq!(RowKey::decode(&bytes), Some(key));
            for length in 0..REVISION_BYTES {
                prop_assert_eq!(RowKey::decode(&bytes[..length]), None);
            }
            bytes.push(b'x');
            prop_assert_eq!(RowKey::decode(&bytes), None);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = RowKey::decode(&bytes);
        }
    }
}
