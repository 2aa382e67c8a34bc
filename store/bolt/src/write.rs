//! The second pass: the bytes, front to back.

use crate::layout::{Layout, PAGES_FIRST, Plan};
use crate::page::{FREE_LIST, HEADER_BYTES, Header, META, META_BYTES, Meta, WRITTEN_BYTES};
use crate::tree::{PageBuilder, Sink, Tree};

/// Makes the bytes of a file of everything that its [`Layout`] has taken before, in the same order.
///
/// Take what is ready with [`drain`](Self::drain) every now and then: that is all it keeps in memory.
#[derive(Debug)]
pub struct Writer {
    plan: Plan,
    out: Out,
    bucket: Option<(Vec<u8>, Tree)>,
    roots: Vec<(Vec<u8>, u64)>,
}

#[derive(Debug)]
struct Out {
    next: u64,
    bytes: Vec<u8>,
}

impl Sink for Out {
    fn next_page(&self) -> u64 {
        self.next
    }

    fn take(&mut self, page: &PageBuilder) {
        self.bytes.extend_from_slice(&page.encode(self.next));
        self.next += page.pages();
    }
}

impl Writer {
    /// Begins to write what `layout` took.
    pub fn new(layout: Layout) -> Self {
        let plan = layout.finish();
        let mut bytes = Vec::new();
        // The second is the newer one, and both say the same.
        for id in 0..2 {
            bytes.extend_from_slice(&meta_page(id, &plan));
        }
        let free = Header { id: 2, flags: FREE_LIST, count: 0, overflow: 0 };
        bytes.extend_from_slice(&free.encode());
        bytes.resize(3 * WRITTEN_BYTES, 0);
        let out = Out { next: PAGES_FIRST, bytes };
        Self { plan, out, bucket: None, roots: Vec::new() }
    }

    /// Bytes that the whole file is going to have.
    pub fn total_bytes(&self) -> u64 {
        self.plan.end * WRITTEN_BYTES as u64
    }

    /// Begins the next bucket.
    pub fn bucket(&mut self, name: &[u8]) {
        self.end_bucket();
        self.bucket = Some((name.to_vec(), Tree::new()));
    }

    /// Adds the next key of the bucket.
    ///
    /// # Panics
    ///
    /// If no bucket was begun.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        let (_, tree) = self.bucket.as_mut().expect("a bucket was begun");
        tree.put(&mut self.out, key, value);
    }

    /// Bytes that are ready.
    pub fn ready_bytes(&self) -> usize {
        self.out.bytes.len()
    }

    /// Takes up to `bytes_max` of the bytes that are ready.
    pub fn drain(&mut self, bytes_max: usize) -> Vec<u8> {
        let rest = self.out.bytes.split_off(bytes_max.min(self.out.bytes.len()));
        std::mem::replace(&mut self.out.bytes, rest)
    }

    fn end_bucket(&mut self) {
        if let Some((name, tree)) = self.bucket.take() {
            let root = tree.finish(&mut self.out);
            self.roots.push((name, root));
        }
    }

    /// Writes what is left; then the last bytes can be drained.
    ///
    /// # Panics
    ///
    /// If it was given something else than its layout.
    pub fn finish(&mut self) {
        self.end_bucket();
        let mut top = Tree::new();
        for (name, root) in std::mem::take(&mut self.roots) {
            top.put_bucket(&mut self.out, &name, root);
        }
        let root = top.finish(&mut self.out);
        assert_eq!(root, self.plan.root, "both passes see the same");
        assert_eq!(self.out.next, self.plan.end, "both passes see the same");
    }
}

fn meta_page(id: u64, plan: &Plan) -> [u8; WRITTEN_BYTES] {
    let meta = Meta {
        page_bytes: u32::try_from(WRITTEN_BYTES).expect("a page is small"),
        root: plan.root,
        free_list: 2,
        end: plan.end,
        transaction: id,
    };
    let mut page = [0; WRITTEN_BYTES];
    page[..HEADER_BYTES]
        .copy_from_slice(&Header { id, flags: META, count: 0, overflow: 0 }.encode());
    page[HEADER_BYTES..HEADER_BYTES + META_BYTES].copy_from_slice(&meta.encode());
    page
}
