//! The stable bytes of rows and metadata.
//!
//! Integers are little-endian and of a fixed width, except in keys, where they are big-endian so
//! that the order of the bytes is the order of the values. Every length is checked: stored bytes
//! may be damaged, and then decoding is an error and never a panic. A format is never changed, only
//! added to under a new tag.

mod meta;
mod row;

pub(crate) use meta::{decode_digest, decode_member, encode_digest, encode_member};
pub(crate) use meta::{decode_revision, encode_revision};
pub use row::{RowHeader, ValueHeader};

/// Stored bytes that mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("{missing} bytes are missing at offset {offset}")]
    Short {
        /// Where bytes were expected.
        offset: usize,
        /// How many more there should be.
        missing: usize,
    },
    /// More bytes follow than belong to it.
    #[error("unexpected bytes from offset {offset} on")]
    Long {
        /// Where the encoding ends.
        offset: usize,
    },
    /// The tag is none of ours.
    #[error("unknown tag {tag}")]
    Tag {
        /// The first byte.
        tag: u8,
    },
    /// A text is not UTF-8.
    #[error("text at offset {offset} is not UTF-8")]
    Text {
        /// Where the text begins.
        offset: usize,
    },
}

/// Takes values off the front of encoded bytes.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let left = self.bytes.len() - self.offset;
        if length > left {
            return Err(DecodeError::Short { offset: self.offset, missing: length - left });
        }
        let taken = &self.bytes[self.offset..self.offset + length];
        self.offset += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(self.take(N)?.try_into().expect("as many bytes as were asked for"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Bytes behind their length.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u32()?;
        self.take(usize::try_from(length).expect("32 bits fit"))
    }

    pub(crate) fn text(&mut self) -> Result<String, DecodeError> {
        let offset = self.offset;
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Text { offset })?;
        Ok(text.to_owned())
    }

    /// Everything that is left, as a text.
    fn rest_as_text(&mut self) -> Result<String, DecodeError> {
        let offset = self.offset;
        let rest = self.take(self.bytes.len() - offset)?;
        let text = std::str::from_utf8(rest).map_err(|_| DecodeError::Text { offset })?;
        Ok(text.to_owned())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.offset == self.bytes.len()
    }

    /// Makes sure that nothing follows.
    pub(crate) fn end(self) -> Result<(), DecodeError> {
        if self.offset == self.bytes.len() {
            Ok(())
        } else {
            Err(DecodeError::Long { offset: self.offset })
        }
    }
}

/// Appends bytes behind their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("requests are far smaller than 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}
