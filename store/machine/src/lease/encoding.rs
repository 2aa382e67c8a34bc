//! How a lease is kept. Its id is in its name, its keys are in their rows.

use bytes::Bytes;

use super::Lease;
use crate::encoding::{DecodeError, Reader};

pub(crate) fn encode_lease(lease: &Lease) -> Bytes {
    let mut out = Vec::with_capacity(16);
    out.extend_from_slice(&lease.ttl.to_le_bytes());
    out.extend_from_slice(&lease.remaining_ttl.to_le_bytes());
    out.into()
}

pub(crate) fn decode_lease(bytes: &[u8]) -> Result<Lease, DecodeError> {
    let mut reader = Reader::new(bytes);
    let lease = Lease::new(reader.i64()?, reader.i64()?);
    reader.end()?;
    Ok(lease)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lease_survives_its_encoding(ttl in any::<i64>(), remaining_ttl in any::<i64>()) {
            let lease = Lease::new(ttl, remaining_ttl);
            prop_assert_eq!(decode_lease(&encode_lease(&lease)), Ok(lease));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let decoded = decode_lease(&bytes);
            prop_assert_eq!(decoded.is_ok(), bytes.len() == 16);
        }
    }
}
