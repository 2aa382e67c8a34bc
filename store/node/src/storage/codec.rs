//! Stored values under a checksum of their own.
//!
//! The database does not verify what it reads back from the disk, so every value carries a CRC32C of its
//! key and itself: a page that rotted is noticed when it is read, not when members disagree.

use bytes::{Buf, BufMut, Bytes};
use detcd_machine::{DecodeError, Revision, Row};

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

/// The row that was stored as `payload`, in memory of its own.
pub(super) fn decode_row(payload: &[u8]) -> Result<Row, DecodeError> {
    Row::decode(&Bytes::copy_from_slice(payload))
}

/// The first revision from `revision` on that a row can have.
pub(super) fn first_from(revision: Revision) -> Revision {
    match revision.main {
        0.. => Revision { main: revision.main, sub: revision.sub.max(0) },
        _ => Revision::default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sealed_payload_comes_back_under_its_key_alone(
            key: Vec<u8>, payload: Vec<u8>, flip: usize, bit in 0..8u32,
        ) {
            let mut stored = seal(&key, &payload);
            prop_assert_eq!(unseal(&key, &stored), Some(&payload[..]));
            let other = [&key[..], b"x"].concat();
            prop_assert_eq!(unseal(&other, &stored), None);
            let at = flip % stored.len();
            stored[at] ^= 1 << bit;
            prop_assert_eq!(unseal(&key, &stored), None);
        }
    }
}
