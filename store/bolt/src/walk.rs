//! Walking through a bucket in the order of its keys.

use crate::error::Error;
use crate::page::{BRANCH, BUCKET, ELEMENT_BYTES, HEADER_BYTES, Header, LEAF, u32_at, u64_at};
use crate::read::{Bucket, Database, Root};

/// Deepest tree that is believed: with two keys on a page it would be larger than any disk.
const DEPTH_MAX: usize = 64;

/// The entries of a bucket, one after the other. Keys must grow; buckets inside are passed over.
#[derive(Debug)]
pub struct Entries<'a> {
    database: &'a Database<'a>,
    /// The way from the root to the leaf, with the next element of each.
    path: Vec<Node>,
    /// Pages that may still be visited.
    pages_left: u64,
    last_key: Option<Vec<u8>>,
    wants_buckets: bool,
}

#[derive(Debug)]
struct Node {
    id: u64,
    bytes: Vec<u8>,
    is_leaf: bool,
    count: usize,
    next: usize,
}

/// A key and its value.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

/// An entry of a leaf: where key and value lie on its page.
struct Found {
    key: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(database: &'a Database<'a>, bucket: &Bucket) -> Result<Self, Error> {
        Self::open(database, bucket, false)
    }

    pub(crate) fn of_buckets(database: &'a Database<'a>, bucket: &Bucket) -> Result<Self, Error> {
        Self::open(database, bucket, true)
    }

    fn open(
        database: &'a Database<'a>,
        bucket: &Bucket,
        wants_buckets: bool,
    ) -> Result<Self, Error> {
        let pages_left = database.pages();
        let mut entries =
            Self { database, path: Vec::new(), pages_left, last_key: None, wants_buckets };
        match &bucket.root {
            Root::Page(id) => entries.descend(*id)?,
            Root::Inline(bytes) => {
                let node = Node::new(0, bytes.clone())?;
                if !node.is_leaf {
                    return Err(node.broken("an inline page is no leaf"));
                }
                entries.path.push(node);
            }
        }
        Ok(entries)
    }

    /// The next key and value.
    #[expect(clippy::should_implement_trait, reason = "it lends what it has read")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, Error> {
        let found = loop {
            let Some(node) = self.path.last_mut() else { return Ok(None) };
            if node.next == node.count {
                self.path.pop();
                continue;
            }
            let at = node.next;
            node.next += 1;
            if node.is_leaf {
                let (flags, found) = node.leaf_element(at)?;
                let is_bucket = flags & BUCKET != 0;
                if is_bucket == self.wants_buckets {
                    break found;
                }
            } else {
                let child = node.branch_element(at)?;
                self.descend(child)?;
            }
        };
        let Some(node) = self.path.last() else { return Ok(None) };
        let key = &node.bytes[found.key];
        if self.last_key.as_deref().is_some_and(|last| last >= key) {
            return Err(node.broken("its keys are not in order"));
        }
        let last = self.last_key.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        Ok(Some((key, &node.bytes[found.value])))
    }

    fn descend(&mut self, id: u64) -> Result<(), Error> {
        let broken = |reason| Error::Page { page: id, reason };
        self.pages_left = self.pages_left.checked_sub(1).ok_or(broken("it is its own ancestor"))?;
        if self.path.len() == DEPTH_MAX {
            return Err(broken("it lies too deep"));
        }
        self.path.push(Node::new(id, self.database.page(id)?)?);
        Ok(())
    }
}

impl Node {
    fn new(id: u64, bytes: Vec<u8>) -> Result<Self, Error> {
        let broken = |reason| Error::Page { page: id, reason };
        let header = Header::decode(&bytes).ok_or(broken("too short"))?;
        let is_leaf = header.flags & LEAF != 0;
        if is_leaf == (header.flags & BRANCH != 0) {
            return Err(broken("neither a branch nor a leaf"));
        }
        let count = usize::from(header.count);
        if HEADER_BYTES + count * ELEMENT_BYTES > bytes.len() {
            return Err(broken("it has no room for its elements"));
        }
        if !is_leaf && count == 0 {
            return Err(broken("a branch without children"));
        }
        Ok(Self { id, bytes, is_leaf, count, next: 0 })
    }

    fn broken(&self, reason: &'static str) -> Error {
        Error::Page { page: self.id, reason }
    }

    /// Flags, and where key and value lie.
    fn leaf_element(&self, at: usize) -> Result<(u32, Found), Error> {
        let element = HEADER_BYTES + at * ELEMENT_BYTES;
        let found = || {
            let field = |n: usize| u32_at(&self.bytes, element + 4 * n);
            let length = |n: usize| usize::try_from(field(n)?).ok();
            let key_at = element.checked_add(length(1)?)?;
            let value_at = key_at.checked_add(length(2)?)?;
            let end = value_at.checked_add(length(3)?)?;
            let found = Found { key: key_at..value_at, value: value_at..end };
            (end <= self.bytes.len()).then_some((field(0)?, found))
        };
        found().ok_or(self.broken("an element lies behind its end"))
    }

    /// The page below.
    fn branch_element(&self, at: usize) -> Result<u64, Error> {
        let element = HEADER_BYTES + at * ELEMENT_BYTES;
        u64_at(&self.bytes, element + 8).ok_or(self.broken("an element lies behind its end"))
    }
}
