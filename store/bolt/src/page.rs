//! Bytes of pages.

/// Bytes of a page in files written here.
pub(crate) const WRITTEN_BYTES: usize = 4096;

/// Bytes in front of what a page holds: id (8), flags (2), count (2), further pages (4).
pub(crate) const HEADER_BYTES: usize = 16;
/// Bytes of an element of a branch or leaf page besides its key and value.
pub(crate) const ELEMENT_BYTES: usize = 16;
/// Bytes of the meta data behind a page's header.
pub(crate) const META_BYTES: usize = 64;

pub(crate) const BRANCH: u16 = 0x01;
pub(crate) const LEAF: u16 = 0x02;
pub(crate) const META: u16 = 0x04;
pub(crate) const FREE_LIST: u16 = 0x10;

/// The flag of a leaf's element that names a bucket.
pub(crate) const BUCKET: u32 = 0x01;
/// Bytes of a bucket's value in front of its inline page: root (8) and sequence (8).
pub(crate) const BUCKET_BYTES: usize = 16;

pub(crate) const MAGIC: u32 = 0xED0C_DAED;
pub(crate) const VERSION: u32 = 2;

/// Bytes of a meta that its checksum covers.
const SUMMED_BYTES: usize = 56;

/// A page's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: u64,
    pub(crate) flags: u16,
    pub(crate) count: u16,
    /// Pages that belong to it besides the first.
    pub(crate) overflow: u32,
}

impl Header {
    pub(crate) fn encode(self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&self.id.to_le_bytes());
        out[8..10].copy_from_slice(&self.flags.to_le_bytes());
        out[10..12].copy_from_slice(&self.count.to_le_bytes());
        out[12..].copy_from_slice(&self.overflow.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            id: u64_at(bytes, 0)?,
            flags: u16_at(bytes, 8)?,
            count: u16_at(bytes, 10)?,
            overflow: u32_at(bytes, 12)?,
        })
    }
}

/// What a meta page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) page_bytes: u32,
    /// Where the tree of top-level buckets begins.
    pub(crate) root: u64,
    pub(crate) free_list: u64,
    /// The first page that was never used.
    pub(crate) end: u64,
    pub(crate) transaction: u64,
}

/// Why bytes are no meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMeta {
    /// Another kind of file, or damaged.
    Foreign,
    /// Another version.
    Version(u32),
}

impl Meta {
    /// The bytes behind the page's header.
    pub(crate) fn encode(self) -> [u8; META_BYTES] {
        let mut out = [0; META_BYTES];
        out[..4].copy_from_slice(&MAGIC.to_le_bytes());
        out[4..8].copy_from_slice(&VERSION.to_le_bytes());
        out[8..12].copy_from_slice(&self.page_bytes.to_le_bytes());
        out[16..24].copy_from_slice(&self.root.to_le_bytes());
        out[32..40].copy_from_slice(&self.free_list.to_le_bytes());
        out[40..48].copy_from_slice(&self.end.to_le_bytes());
        out[48..56].copy_from_slice(&self.transaction.to_le_bytes());
        let sum = fnv_64a(&out[..SUMMED_BYTES]);
        out[SUMMED_BYTES..].copy_from_slice(&sum.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NoMeta> {
        let decoded = || {
            let sum = u64_at(bytes, SUMMED_BYTES)?;
            let is_whole = u32_at(bytes, 0)? == MAGIC && sum == fnv_64a(bytes.get(..SUMMED_BYTES)?);
            let version = u32_at(bytes, 4)?;
            let meta = Self {
                page_bytes: u32_at(bytes, 8)?,
                root: u64_at(bytes, 16)?,
                free_list: u64_at(bytes, 32)?,
                end: u64_at(bytes, 40)?,
                transaction: u64_at(bytes, 48)?,
            };
            is_whole.then_some((version, meta))
        };
        match decoded() {
            Some((VERSION, meta)) => Ok(meta),
            Some((version, _)) => Err(NoMeta::Version(version)),
            None => Err(NoMeta::Foreign),
        }
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn fnv_64a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_fnv_64a() {
        assert_eq!(fnv_64a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_64a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_64a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_meta_survives_its_encoding_and_no_flipped_bit() {
        let meta = Meta { page_bytes: 4096, root: 7, free_list: 2, end: 9, transaction: 3 };
        let bytes = meta.encode();
        assert_eq!(Meta::decode(&bytes), Ok(meta));
        for at in 0..bytes.len() {
            let mut damaged = bytes;
            damaged[at] ^= 1;
            assert_eq!(Meta::decode(&damaged), Err(NoMeta::Foreign));
            assert_eq!(Meta::decode(&bytes[..at]), Err(NoMeta::Foreign));
        }
    }
}
