//! One file of the log: its name, its header, and how it comes to be.

use std::sync::Arc;

use bytes::{Buf, BufMut};

use super::error::failed;
use super::frame::{self, Checkpoint, Place, Record};
use super::{Damage, Error, Identity};
use crate::runtime::{Disk, File};

/// A sector of its own, so that no later write ever touches it.
pub(super) const HEADER_BYTES: usize = 512;
/// Magic, version and checksum keep their places in every version to come.
const MAGIC: [u8; 8] = *b"detcdwal";
const VERSION: u32 = 1;
const CRC_OFFSET: usize = HEADER_BYTES - 4;
const SUFFIX: &str = ".log";
/// What a segment's file is called until it is whole.
const UNFINISHED: &str = ".log.tmp";

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub identity: Identity,
    pub sequence: u64,
    /// The index that was next when the segment began.
    pub first_index: u64,
    /// Checksum of the last frame of the segment before.
    pub previous: u32,
    /// Makes the frames of two segments differ, and cannot be guessed by whoever writes payloads.
    pub salt: u64,
}

/// A segment that can be read.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub name: Arc<str>,
    pub sequence: u64,
    /// Seeds the checksums of its frames.
    pub seed: u32,
    pub file: Arc<dyn File>,
}

/// Where a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Where the next frame goes.
    pub offset: u32,
    /// Checksum of the last frame.
    pub chain: u32,
}

impl Header {
    /// The name of the segment's file.
    pub(super) fn name(&self) -> Arc<str> {
        format!("wal-{:016x}-{:016x}{SUFFIX}", self.sequence, self.first_index).into()
    }

    /// The header's bytes, and the seed that follows from them.
    pub(super) fn encode(&self) -> ([u8; HEADER_BYTES], u32) {
        let mut bytes = [0; HEADER_BYTES];
        let mut fields = &mut bytes[..];
        fields.put_slice(&MAGIC);
        fields.put_u32_le(VERSION);
        fields.put_u32_le(self.previous);
        fields.put_u64_le(self.identity.cluster_id);
        fields.put_u64_le(self.identity.member_id);
        fields.put_u64_le(self.sequence);
        fields.put_u64_le(self.first_index);
        fields.put_u64_le(self.salt);
        let seed = crc32c::crc32c(&bytes[..CRC_OFFSET]);
        bytes[CRC_OFFSET..].copy_from_slice(&seed.to_le_bytes());
        (bytes, seed)
    }

    /// Reads the header of the file called `name`, and checks that it is one of `identity`'s.
    pub(super) fn decode(
        bytes: &[u8],
        name: &str,
        identity: Identity,
    ) -> Result<(Self, u32), Error> {
        let (header, seed) = Self::read(bytes, name)?;
        if header.identity != identity {
            let (segment, found) = (name.to_owned(), header.identity);
            return Err(Error::Identity { segment, found, expected: identity });
        }
        Ok((header, seed))
    }

    /// Reads the header of the file called `name`, whoever's it is.
    pub(super) fn read(bytes: &[u8], name: &str) -> Result<(Self, u32), Error> {
        let corrupt = |damage| Error::Corrupt { segment: name.to_owned(), offset: 0, damage };
        let mut fields = bytes.get(..HEADER_BYTES).ok_or_else(|| corrupt(Damage::Header))?;
        let seed = crc32c::crc32c(&fields[..CRC_OFFSET]);
        if fields[CRC_OFFSET..] != seed.to_le_bytes() || fields[..MAGIC.len()] != MAGIC {
            return Err(corrupt(Damage::Header));
        }
        fields.advance(MAGIC.len());
        let found = fields.get_u32_le();
        if found != VERSION {
            return Err(Error::Version { segment: name.to_owned(), found, supported: VERSION });
        }
        let previous = fields.get_u32_le();
        let identity = Identity { cluster_id: fields.get_u64_le(), member_id: fields.get_u64_le() };
        let sequence = fields.get_u64_le();
        let first_index = fields.get_u64_le();
        let salt = fields.get_u64_le();
        let header = Self { identity, sequence, first_index, previous, salt };
        if *header.name() != *name {
            return Err(corrupt(Damage::Name));
        }
        Ok((header, seed))
    }
}

/// The sequence number in the name of a segment's file; none for a file that is no segment.
pub(super) fn sequence_of(name: &str) -> Option<u64> {
    sequence_before(name, SUFFIX)
}

/// Whether this is the file of a segment that was never finished, and so never held anything.
pub(super) fn is_unfinished(name: &str) -> bool {
    sequence_before(name, UNFINISHED).is_some()
}

fn sequence_before(name: &str, suffix: &str) -> Option<u64> {
    let (sequence, first_index) =
        name.strip_prefix("wal-")?.strip_suffix(suffix)?.split_once('-')?;
    let number = |digits: &str| {
        let plain = digits.len() == 16 && !digits.starts_with('+');
        plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
    };
    number(first_index)?;
    number(sequence)
}

/// Creates a segment, durable under its name, with nothing in it but its checkpoint.
pub(super) fn create(
    disk: &dyn Disk,
    header: &Header,
    checkpoint: &Checkpoint<'_>,
) -> Result<(Segment, End), Error> {
    let name = header.name();
    let unfinished = format!("{}{UNFINISHED}", name.trim_end_matches(SUFFIX));
    let (bytes, seed) = header.encode();
    let mut buffer = bytes.to_vec();
    let offset = u32::try_from(HEADER_BYTES).expect("a header is small");
    let place = Place { seed, offset, batch: offset, previous: seed };
    let chain = frame::encode(&mut buffer, place, &Record::Checkpoint(checkpoint.clone()));

    let file = disk.open(&unfinished, true).map_err(failed("create", &unfinished))?;
    file.write_at(0, &buffer).map_err(failed("write", &unfinished))?;
    file.sync().map_err(failed("sync", &unfinished))?;
    disk.rename(&unfinished, &name).map_err(failed("rename", &unfinished))?;
    disk.sync_dir().map_err(failed("sync the directory of", &name))?;

    let end = u32::try_from(buffer.len()).expect("a vote is small");
    let segment = Segment { name, sequence: header.sequence, seed, file };
    Ok((segment, End { offset: end, chain }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_segments() {
        let name = "wal-0000000000000001-00000000000000ff.log";
        assert_eq!(sequence_of(name), Some(1));
        assert_eq!(sequence_of(&format!("{name}.bak")), None);
        assert_eq!(sequence_of("wal-1-ff.log"), None);
        assert_eq!(sequence_of("wal-+000000000000001-00000000000000ff.log"), None);
        assert!(is_unfinished(&format!("{name}.tmp")));
        assert!(!is_unfinished(name));
    }
}
