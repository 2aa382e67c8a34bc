//! The bytes of a snapshot on its way from one member to another.
//!
//! A sequence of frames, each a kind (1 byte), the lengths of a key and a value (4 bytes each, little
//! endian), the key and the value: one `HEADER`, one `MARK`, any number of `META`, any number of `ROW` in
//! order of revision, one `END`. The header names the format and the cluster. The end holds the counts of
//! the rows and of the named values, and a CRC32C of every byte before it. Chunks may cut the stream
//! anywhere.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::error::SnapshotError;

pub(super) const HEADER: u8 = 0;
pub(super) const MARK: u8 = 1;
pub(super) const META: u8 = 2;
pub(super) const ROW: u8 = 3;
pub(super) const END: u8 = 4;

const FORMAT_VERSION: u32 = 1;
const MAGIC: &[u8] = b"detcd snapshot";
const PREFIX_BYTES: usize = 9;
const CRC_BYTES: usize = 4;
/// No frame is longer; a request of that size is refused long before it becomes a row.
const FRAME_BYTES_MAX: u64 = 1 << 30;

/// How much a snapshot holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) meta: u64,
}

/// Writes frames into a buffer, of which chunks are cut.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    buffer: BytesMut,
    crc: u32,
    counts: Counts,
}

impl Encoder {
    pub(super) fn new(cluster_id: u64) -> Self {
        let mut encoder = Self::default();
        let mut value = Vec::with_capacity(12);
        value.put_u32_le(FORMAT_VERSION);
        value.put_u64_le(cluster_id);
        encoder.put(HEADER, MAGIC, &value);
        encoder
    }

    /// Adds a frame.
    pub(super) fn put(&mut self, kind: u8, key: &[u8], value: &[u8]) {
        self.counts.rows += u64::from(kind == ROW);
        self.counts.meta += u64::from(kind == META);
        let start = self.buffer.len();
        put_prefix(&mut self.buffer, kind, key.len(), value.len());
        self.buffer.put_slice(key);
        self.buffer.put_slice(value);
        self.crc = crc32c::crc32c_append(self.crc, &self.buffer[start..]);
    }

    /// Adds the end frame.
    pub(super) fn end(&mut self) {
        let start = self.buffer.len();
        put_prefix(&mut self.buffer, END, 0, 16 + CRC_BYTES);
        self.buffer.put_u64_le(self.counts.rows);
        self.buffer.put_u64_le(self.counts.meta);
        self.crc = crc32c::crc32c_append(self.crc, &self.buffer[start..]);
        self.buffer.put_u32_le(self.crc);
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.counts.rows
    }

    /// Bytes that wait to be cut off.
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Cuts off a chunk of at most `bytes_max`; `None` when there is nothing to cut.
    pub(super) fn chunk(&mut self, bytes_max: usize) -> Option<Bytes> {
        let len = self.buffer.len().min(bytes_max);
        (len > 0).then(|| self.buffer.split_to(len).freeze())
    }
}

fn put_prefix(out: &mut BytesMut, kind: u8, key_len: usize, value_len: usize) {
    out.put_u8(kind);
    out.put_u32_le(u32::try_from(key_len).expect("the database limits keys to 3 GiB"));
    out.put_u32_le(u32::try_from(value_len).expect("the database limits values to 3 GiB"));
}

/// A frame after the header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    /// Where the frame starts in the stream.
    pub(super) offset: u64,
}

impl Frame {
    /// The error of a frame whose content makes no sense.
    pub(super) fn content_error(&self) -> SnapshotError {
        SnapshotError::Content { kind: self.kind, offset: self.offset }
    }
}

/// Reads frames out of chunks and verifies all that can be verified without knowing what they hold.
#[derive(Debug)]
pub(super) struct Decoder {
    cluster_id: u64,
    buffer: BytesMut,
    /// Bytes consumed.
    offset: u64,
    crc: u32,
    counts: Counts,
    /// The kind of the last frame.
    last: Option<u8>,
}

impl Decoder {
    pub(super) fn new(cluster_id: u64) -> Self {
        Self {
            cluster_id,
            buffer: BytesMut::new(),
            offset: 0,
            crc: 0,
            counts: Counts::default(),
            last: None,
        }
    }

    /// Adds a chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next mark, named value or row; `None` when more bytes are needed, or the end was reached.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, SnapshotError> {
        while let Some((frame, crc_before)) = self.split()? {
            self.check_order(&frame)?;
            self.last = Some(frame.kind);
            match frame.kind {
                HEADER => self.check_header(&frame)?,
                END => self.check_end(&frame, crc_before)?,
                _ => {
                    self.counts.rows += u64::from(frame.kind == ROW);
                    self.counts.meta += u64::from(frame.kind == META);
                    return Ok(Some(frame));
                }
            }
        }
        Ok(None)
    }

    /// Whether the stream was read to its end, and nothing follows.
    pub(super) fn finish(&self) -> Result<(), SnapshotError> {
        let bytes = self.offset + self.buffer.len() as u64;
        if self.last != Some(END) || !self.buffer.is_empty() {
            return Err(SnapshotError::Torn { bytes });
        }
        Ok(())
    }

    /// Splits off a whole frame, with the checksum of everything before its last 4 bytes.
    fn split(&mut self) -> Result<Option<(Frame, u32)>, SnapshotError> {
        let offset = self.offset;
        let Some(mut prefix) = self.buffer.get(..PREFIX_BYTES) else { return Ok(None) };
        let kind = prefix.get_u8();
        let (key_len, value_len) = (prefix.get_u32_le(), prefix.get_u32_le());
        let len = PREFIX_BYTES as u64 + u64::from(key_len) + u64::from(value_len);
        if self.last.is_none() && kind != HEADER {
            return Err(SnapshotError::Foreign);
        }
        if len > FRAME_BYTES_MAX {
            return Err(SnapshotError::TooLong { len, offset, max: FRAME_BYTES_MAX });
        }
        let len = len as usize;
        if self.buffer.len() < len {
            return Ok(None);
        }
        let mut bytes = self.buffer.split_to(len).freeze();
        self.offset += len as u64;
        let crc_before = crc32c::crc32c_append(self.crc, &bytes[..len.saturating_sub(CRC_BYTES)]);
        self.crc = crc32c::crc32c_append(self.crc, &bytes);
        bytes.advance(PREFIX_BYTES);
        let key = bytes.split_to(key_len as usize);
        Ok(Some((Frame { kind, key, value: bytes, offset }, crc_before)))
    }

    fn check_order(&self, frame: &Frame) -> Result<(), SnapshotError> {
        let in_order = match (self.last, frame.kind) {
            (None, HEADER) | (Some(HEADER), MARK) => true,
            (Some(MARK | META), META | ROW | END) => true,
            (Some(ROW), ROW | END) => true,
            (Some(_) | None, _) => false,
        };
        if in_order {
            return Ok(());
        }
        Err(SnapshotError::Frame { kind: frame.kind, offset: frame.offset })
    }

    fn check_header(&self, frame: &Frame) -> Result<(), SnapshotError> {
        let mut value = &frame.value[..];
        if frame.key != MAGIC {
            return Err(SnapshotError::Foreign);
        }
        let found = value.try_get_u32_le().map_err(|_| SnapshotError::Foreign)?;
        if found != FORMAT_VERSION {
            return Err(SnapshotError::NewerFormat { found, supported: FORMAT_VERSION });
        }
        let (found, expected) =
            (value.try_get_u64_le().map_err(|_| SnapshotError::Foreign)?, self.cluster_id);
        if found != expected {
            return Err(SnapshotError::OtherCluster { found, expected });
        }
        Ok(())
    }

    fn check_end(&self, frame: &Frame, expected: u32) -> Result<(), SnapshotError> {
        let mut value = &frame.value[..];
        if !frame.key.is_empty() || value.len() != 16 + CRC_BYTES {
            return Err(frame.content_error());
        }
        let (rows_said, meta_said) = (value.get_u64_le(), value.get_u64_le());
        let found = value.get_u32_le();
        if found != expected {
            return Err(SnapshotError::Checksum { found, expected });
        }
        let Counts { rows, meta } = self.counts;
        if (rows, meta) != (rows_said, meta_said) {
            return Err(SnapshotError::Counts { rows, meta, rows_said, meta_said });
        }
        Ok(())
    }
}
