//! Opening a file and finding buckets.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::page::{
    BRANCH, BUCKET_BYTES, HEADER_BYTES, Header, LEAF, META_BYTES, Meta, NoMeta, u64_at,
};
use crate::walk::Entries;

/// Bytes that can be read anywhere.
pub trait ReadAt: Sync {
    /// How many there are.
    fn size(&self) -> std::io::Result<u64>;

    /// Fills `buffer` with what lies from `offset` on.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()>;
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> std::io::Result<u64> {
        self.as_slice().size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.as_slice().read_at(offset, buffer)
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> std::io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = self.get(offset..).and_then(|rest| rest.get(..buffer.len()));
        buffer.copy_from_slice(found.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Largest page, with all that belongs to it: nothing that etcd stores is nearly as large, and a
/// damaged length must not take all memory.
const PAGE_BYTES_MAX: u64 = 1 << 30;
/// Sizes of pages that there are.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 512..=65_536;

/// An open file.
pub struct Database<'a> {
    source: &'a dyn ReadAt,
    meta: Meta,
    len: u64,
}

impl std::fmt::Debug for Database<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("meta", &self.meta).field("len", &self.len).finish()
    }
}

/// Where a bucket's tree begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    pub(crate) root: Root,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// At a page.
    Page(u64),
    /// This is the page.
    Inline(Vec<u8>),
}

impl<'a> Database<'a> {
    /// Looks for a valid meta page.
    pub fn open(source: &'a dyn ReadAt) -> Result<Self, Error> {
        let len = source.size()?;
        let first = read_meta(source, 0)?;
        let second_at = match &first {
            Ok(meta) => Some(u64::from(meta.page_bytes)),
            // The size of a page is written on it.
            Err(_) => (9..=16).map(|bits| 1 << bits).find(|at| {
                matches!(read_meta(source, *at), Ok(Ok(meta)) if u64::from(meta.page_bytes) == *at)
            }),
        };
        let second = match second_at {
            Some(at) => read_meta(source, at)?,
            None => Err(NoMeta::Foreign),
        };
        let meta = match (first, second) {
            (Ok(first), Ok(second)) if second.transaction > first.transaction => second,
            (Ok(meta), _) | (Err(_), Ok(meta)) => meta,
            (Err(NoMeta::Version(found)), _) | (_, Err(NoMeta::Version(found))) => {
                return Err(Error::Version { found });
            }
            (Err(NoMeta::Foreign), Err(NoMeta::Foreign)) => return Err(Error::NotABoltFile),
        };
        if !PAGE_SIZES.contains(&meta.page_bytes) || !meta.page_bytes.is_power_of_two() {
            return Err(Error::NotABoltFile);
        }
        Ok(Self { source, meta, len })
    }

    /// Bytes of the pages that were ever used: the size of the file as its owner sees it.
    pub fn size(&self) -> u64 {
        self.meta.end.saturating_mul(u64::from(self.meta.page_bytes))
    }

    /// The top-level buckets by name.
    pub fn buckets(&self) -> Result<BTreeMap<Vec<u8>, Bucket>, Error> {
        let root = Bucket { root: Root::Page(self.meta.root) };
        let mut buckets = BTreeMap::new();
        let mut entries = Entries::of_buckets(self, &root)?;
        while let Some((name, value)) = entries.next()? {
            let bucket = bucket(value).ok_or(Error::Page {
                page: self.meta.root,
                reason: "a bucket's value is too short",
            })?;
            buckets.insert(name.to_vec(), bucket);
        }
        Ok(buckets)
    }

    /// The keys and values of a bucket in order of the keys.
    pub fn entries<'b>(&'b self, bucket: &Bucket) -> Result<Entries<'b>, Error> {
        Entries::new(self, bucket)
    }

    /// How many pages there are: no tree visits more.
    pub(crate) fn pages(&self) -> u64 {
        self.meta.end.min(self.len / u64::from(self.meta.page_bytes))
    }

    /// The bytes of a branch or leaf page, with all pages that belong to it.
    pub(crate) fn page(&self, id: u64) -> Result<Vec<u8>, Error> {
        let page_bytes = u64::from(self.meta.page_bytes);
        if id < 2 || id >= self.pages() {
            return Err(Error::Short { page: id });
        }
        let at = id * page_bytes;
        let mut header = [0; HEADER_BYTES];
        self.source.read_at(at, &mut header)?;
        let broken = |reason| Error::Page { page: id, reason };
        let header = Header::decode(&header).ok_or(broken("no header"))?;
        if header.id != id {
            return Err(broken("it says that it is another page"));
        }
        if header.flags & (BRANCH | LEAF) == 0 {
            return Err(broken("neither a branch nor a leaf"));
        }
        let len = (u64::from(header.overflow) + 1) * page_bytes;
        if len > PAGE_BYTES_MAX || at + len > self.len {
            return Err(Error::Short { page: id });
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| broken("too large"))?];
        self.source.read_at(at, &mut bytes)?;
        Ok(bytes)
    }
}

fn read_meta(source: &dyn ReadAt, at: u64) -> Result<Result<Meta, NoMeta>, Error> {
    let mut bytes = [0; HEADER_BYTES + META_BYTES];
    match source.read_at(at, &mut bytes) {
        Ok(()) => Ok(Meta::decode(&bytes[HEADER_BYTES..])),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(Err(NoMeta::Foreign)),
        Err(error) => Err(error.into()),
    }
}

fn bucket(value: &[u8]) -> Option<Bucket> {
    let root = match u64_at(value, 0)? {
        0 => Root::Inline(value.get(BUCKET_BYTES..)?.to_vec()),
        page => Root::Page(page),
    };
    Some(Bucket { root })
}
