//! A tree that grows at its end only: keys come in order, full pages go out.
//!
//! The same code decides where pages lie when they are only counted and when they are written: it asks a
//! [`Sink`] for the next page either way.

use crate::page::{
    BRANCH, BUCKET, BUCKET_BYTES, ELEMENT_BYTES, HEADER_BYTES, Header, LEAF, WRITTEN_BYTES,
};

/// Where full pages go.
pub(crate) trait Sink {
    /// The page that comes next.
    fn next_page(&self) -> u64;
    /// Takes the next page, with those that belong to it.
    fn take(&mut self, page: &PageBuilder);
}

/// Elements that are going to be a page.
#[derive(Debug)]
pub(crate) struct PageBuilder {
    is_leaf: bool,
    /// Flags of a leaf's element or the page below a branch's, with the lengths of key and value.
    elements: Vec<(u64, usize, usize)>,
    /// Keys and values one behind the other; lengths alone matter when nothing is written.
    data: Vec<u8>,
    data_len: usize,
    first_key: Vec<u8>,
}

impl PageBuilder {
    fn new(is_leaf: bool) -> Self {
        Self { is_leaf, elements: Vec::new(), data: Vec::new(), data_len: 0, first_key: Vec::new() }
    }

    fn bytes(&self) -> usize {
        HEADER_BYTES + self.elements.len() * ELEMENT_BYTES + self.data_len
    }

    fn has_room(&self, key: &[u8], value: &[u8]) -> bool {
        let more = ELEMENT_BYTES + key.len() + value.len();
        self.elements.is_empty() || self.bytes() + more <= WRITTEN_BYTES
    }

    fn push(&mut self, mark: u64, key: &[u8], value: &[u8]) {
        if self.elements.is_empty() {
            self.first_key.clear();
            self.first_key.extend_from_slice(key);
        }
        self.elements.push((mark, key.len(), value.len()));
        self.data.extend_from_slice(key);
        self.data.extend_from_slice(value);
        self.data_len += key.len() + value.len();
    }

    fn clear(&mut self) {
        self.elements.clear();
        self.data.clear();
        self.data_len = 0;
    }

    /// Pages that it takes.
    pub(crate) fn pages(&self) -> u64 {
        self.bytes().div_ceil(WRITTEN_BYTES) as u64
    }

    /// The bytes of the page and all that belong to it.
    pub(crate) fn encode(&self, id: u64) -> Vec<u8> {
        let pages = self.pages();
        let mut out = Vec::with_capacity(usize::try_from(pages).unwrap_or(1) * WRITTEN_BYTES);
        let header = Header {
            id,
            flags: if self.is_leaf { LEAF } else { BRANCH },
            count: u16::try_from(self.elements.len()).expect("an element takes 16 bytes of a page"),
            overflow: u32::try_from(pages - 1).expect("values are far smaller than 16 TiB"),
        };
        out.extend_from_slice(&header.encode());
        let short = |len: usize| u32::try_from(len).expect("values are smaller than 4 GiB");
        let mut behind = self.elements.len() * ELEMENT_BYTES;
        for (mark, key, value) in &self.elements {
            // Counted from the element itself.
            let position = short(behind).to_le_bytes();
            if self.is_leaf {
                let flags = u32::try_from(*mark).expect("a leaf's mark is a flag");
                out.extend_from_slice(&flags.to_le_bytes());
                out.extend_from_slice(&position);
                out.extend_from_slice(&short(*key).to_le_bytes());
                out.extend_from_slice(&short(*value).to_le_bytes());
            } else {
                out.extend_from_slice(&position);
                out.extend_from_slice(&short(*key).to_le_bytes());
                out.extend_from_slice(&mark.to_le_bytes());
            }
            behind = behind - ELEMENT_BYTES + key + value;
        }
        out.extend_from_slice(&self.data);
        out.resize(usize::try_from(pages).unwrap_or(1) * WRITTEN_BYTES, 0);
        out
    }
}

/// A tree on its way into a sink: one unfinished page for each level, leaves first.
#[derive(Debug)]
pub(crate) struct Tree {
    levels: Vec<PageBuilder>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { levels: vec![PageBuilder::new(true)] }
    }

    /// Adds the largest key so far.
    pub(crate) fn put(&mut self, sink: &mut impl Sink, key: &[u8], value: &[u8]) {
        self.add(sink, 0, key, value);
    }

    /// Adds the name of a bucket whose tree begins at `root`.
    pub(crate) fn put_bucket(&mut self, sink: &mut impl Sink, name: &[u8], root: u64) {
        let mut value = [0; BUCKET_BYTES];
        value[..8].copy_from_slice(&root.to_le_bytes());
        self.add(sink, u64::from(BUCKET), name, &value);
    }

    fn add(&mut self, sink: &mut impl Sink, flags: u64, key: &[u8], value: &[u8]) {
        if !self.levels[0].has_room(key, value) {
            self.emit(sink, 0);
        }
        self.levels[0].push(flags, key, value);
    }

    /// Hands the page of a level to the sink and names it one level up.
    fn emit(&mut self, sink: &mut impl Sink, level: usize) {
        let id = sink.next_page();
        sink.take(&self.levels[level]);
        let first_key = std::mem::take(&mut self.levels[level].first_key);
        self.levels[level].clear();
        if self.levels.len() == level + 1 {
            self.levels.push(PageBuilder::new(false));
        }
        if !self.levels[level + 1].has_room(&first_key, b"") {
            self.emit(sink, level + 1);
        }
        self.levels[level + 1].push(id, &first_key, b"");
    }

    /// Hands out what is left; the page at which the tree begins.
    pub(crate) fn finish(mut self, sink: &mut impl Sink) -> u64 {
        let mut level = 0;
        loop {
            if level + 1 == self.levels.len() {
                let id = sink.next_page();
                sink.take(&self.levels[level]);
                return id;
            }
            self.emit(sink, level);
            level += 1;
        }
    }
}
