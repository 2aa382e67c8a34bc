//! Rows: a tag, the key, and for a value its metadata and the value. What a restart reads of every
//! row stands in front of the value.

use std::sync::Arc;

use bytes::Bytes;

use super::{DecodeError, Reader, put_bytes};
use crate::row::{KeyValue, Revision, Row};

const VALUE: u8 = 1;
const TOMBSTONE: u8 = 2;

/// What the index needs of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowHeader {
    /// The key.
    pub key: Bytes,
    /// What is known of the value; `None` for a tombstone.
    pub value: Option<ValueHeader>,
}

/// What the index needs of a value's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueHeader {
    /// Revision at which the key was last created.
    pub create_revision: i64,
    /// Revision of the change.
    pub mod_revision: i64,
    /// Changes since the creation.
    pub version: i64,
    /// The attached lease, or 0.
    pub lease: i64,
}

impl Row {
    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Value(kv) => {
                let mut out = Vec::with_capacity(41 + kv.key.len() + kv.value.len());
                out.push(VALUE);
                put_bytes(&mut out, &kv.key);
                for field in [kv.create_revision, kv.mod_revision, kv.version, kv.lease] {
                    out.extend_from_slice(&field.to_le_bytes());
                }
                put_bytes(&mut out, &kv.value);
                out
            }
            Self::Tombstone { key } => {
                let mut out = Vec::with_capacity(5 + key.len());
                out.push(TOMBSTONE);
                put_bytes(&mut out, key);
                out
            }
        }
    }

    /// The row that was stored as `bytes`; key and value share its memory.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = RowHeader::read(&mut reader, bytes)?;
        let Some(value_header) = header.value else {
            reader.end()?;
            return Ok(Self::Tombstone { key: header.key });
        };
        let value = bytes.slice_ref(reader.bytes()?);
        reader.end()?;
        let ValueHeader { create_revision, mod_revision, version, lease } = value_header;
        let key = header.key;
        Ok(Self::Value(Arc::new(KeyValue {
            key,
            value,
            create_revision,
            mod_revision,
            version,
            lease,
        })))
    }
}

impl RowHeader {
    /// The header of the row that was stored as `bytes`, which may be cut anywhere in the value.
    pub fn decode(bytes: &Bytes) -> Result<Self, DecodeError> {
        Self::read(&mut Reader::new(bytes), bytes)
    }

    /// The header of `row`.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        match row {
            Row::Value(kv) => Self {
                key: kv.key.clone(),
                value: Some(ValueHeader {
                    create_revision: kv.create_revision,
                    mod_revision: kv.mod_revision,
                    version: kv.version,
                    lease: kv.lease,
                }),
            },
            Row::Tombstone { key } => Self { key: key.clone(), value: None },
        }
    }

    fn read(reader: &mut Reader<'_>, whole: &Bytes) -> Result<Self, DecodeError> {
        let tag = reader.u8()?;
        if tag != VALUE && tag != TOMBSTONE {
            return Err(DecodeError::Tag { tag });
        }
        let key = whole.slice_ref(reader.bytes()?);
        if tag == TOMBSTONE {
            return Ok(Self { key, value: None });
        }
        let value = ValueHeader {
            create_revision: reader.i64()?,
            mod_revision: reader.i64()?,
            version: reader.i64()?,
            lease: reader.i64()?,
        };
        Ok(Self { key, value: Some(value) })
    }
}

impl Revision {
    /// 16 bytes whose order is the order of revisions.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        assert!(self.main >= 0, "main revision {} is negative", self.main);
        assert!(self.sub >= 0, "sub revision {} is negative", self.sub);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.main.to_be_bytes());
        bytes[8..].copy_from_slice(&self.sub.to_be_bytes());
        bytes
    }

    /// The revision that [`to_bytes`](Self::to_bytes) made `bytes` of.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let half = |from: usize| bytes[from..from + 8].try_into().expect("half of sixteen bytes");
        Self { main: i64::from_be_bytes(half(0)), sub: i64::from_be_bytes(half(8)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arbitrary_bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    }

    prop_compose! {
        fn arbitrary_row()(
            key in arbitrary_bytes(),
            value in proptest::option::of(arbitrary_bytes()),
            numbers in any::<[i64; 4]>(),
        ) -> Row {
            let Some(value) = value else { return Row::Tombstone { key } };
            let [create_revision, mod_revision, version, lease] = numbers;
            let kv = KeyValue { key, value, create_revision, mod_revision, version, lease };
            Row::Value(Arc::new(kv))
        }
    }

    proptest! {
        #[test]
        fn row_survives_its_encoding(row in arbitrary_row()) {
            let bytes = Bytes::from(row.encode());
            prop_assert_eq!(Row::decode(&bytes).unwrap(), row.clone());
            prop_assert_eq!(RowHeader::decode(&bytes).unwrap(), RowHeader::of(&row));
        }

        #[test]
        fn every_cut_and_every_longer_row_is_refused(row in arbitrary_row()) {
            let mut bytes = row.encode();
            for length in 0..bytes.len() {
                let cut = Bytes::copy_from_slice(&bytes[..length]);
                let is_short = matches!(Row::decode(&cut), Err(DecodeError::Short { .. }));
                prop_assert!(is_short, "cut to {} bytes", length);
            }
            let offset = bytes.len();
            bytes.push(0);
            prop_assert_eq!(Row::decode(&bytes.into()), Err(DecodeError::Long { offset }));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in arbitrary_bytes()) {
            let _ = Row::decode(&bytes);
        }

        #[test]
        fn bytes_of_revisions_are_ordered_as_revisions(
            a in (0i64.., 0i64..),
            b in (0i64.., 0i64..),
        ) {
            let a = Revision { main: a.0, sub: a.1 };
            let b = Revision { main: b.0, sub: b.1 };
            prop_assert_eq!(Revision::from_bytes(a.to_bytes()), a);
            prop_assert_eq!(a.to_bytes().cmp(&b.to_bytes()), a.cmp(&b));
        }
    }
}
