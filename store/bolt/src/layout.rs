//! The first pass: where everything comes to lie.

use crate::tree::{PageBuilder, Sink, Tree};

/// Pages in front of the trees: two metas and an empty list of free pages.
pub(crate) const PAGES_FIRST: u64 = 3;

/// Takes everything that is going to be written, and finds out where it comes to lie.
///
/// Buckets come in the order of their names, and keys in their order within a bucket.
#[derive(Debug)]
pub struct Layout {
    pages: PageCount,
    bucket: Option<(Vec<u8>, Tree)>,
    roots: Vec<(Vec<u8>, u64)>,
}

/// What the writer has to know before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) root: u64,
    pub(crate) end: u64,
}

#[derive(Debug)]
struct PageCount(u64);

impl Sink for PageCount {
    fn next_page(&self) -> u64 {
        self.0
    }

    fn take(&mut self, page: &PageBuilder) {
        self.0 += page.pages();
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::new()
    }
}

impl Layout {
    /// Of an empty file.
    pub fn new() -> Self {
        Self { pages: PageCount(PAGES_FIRST), bucket: None, roots: Vec::new() }
    }

    /// Begins the next bucket.
    ///
    /// # Panics
    ///
    /// If its name does not come after that of the one before.
    pub fn bucket(&mut self, name: &[u8]) {
        self.end_bucket();
        let last = self.roots.last().map(|(name, _)| name.as_slice());
        assert!(last.is_none_or(|last| last < name), "the bucket {name:?} comes too late");
        self.bucket = Some((name.to_vec(), Tree::new()));
    }

    /// Adds the next key of the bucket.
    ///
    /// # Panics
    ///
    /// If no bucket was begun.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        let (_, tree) = self.bucket.as_mut().expect("a bucket was begun");
        tree.put(&mut self.pages, key, value);
    }

    fn end_bucket(&mut self) {
        if let Some((name, tree)) = self.bucket.take() {
            let root = tree.finish(&mut self.pages);
            self.roots.push((name, root));
        }
    }

    pub(crate) fn finish(mut self) -> Plan {
        self.end_bucket();
        let mut top = Tree::new();
        for (name, root) in &self.roots {
            top.put_bucket(&mut self.pages, name, *root);
        }
        let root = top.finish(&mut self.pages);
        Plan { root, end: self.pages.0 }
    }
}
