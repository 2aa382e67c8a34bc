//! Files of bbolt, the database that etcd keeps its state in: read, and written in one go.
//!
//! A file is a row of pages. The first two are copies of the meta page; the newer valid one names the
//! page at which the tree of top-level buckets begins. A tree has branch pages, which name pages by the
//! first key below them, and leaf pages with keys and values; what does not fit a page takes the pages
//! behind it. The value of a key that names a bucket is where that bucket's own tree begins, or for a
//! small bucket the page itself.
//!
//! [`Database`] reads through [`ReadAt`] and believes nothing: a damaged file is an error, never a panic
//! and never an endless walk. [`Layout`] and [`Writer`] write a file front to back without going back,
//! with the memory of a page for each level of a tree: everything is seen twice, first to find out
//! where it comes to lie.
//!
//! Must never know: what the buckets hold.

mod error;
mod layout;
mod page;
mod read;
mod tree;
mod walk;
mod write;

pub use error::Error;
pub use layout::Layout;
pub use read::{Bucket, Database, ReadAt};
pub use walk::{Entries, Entry};
pub use write::Writer;

/// Bytes of a page in files written here.
pub const PAGE_BYTES: usize = page::WRITTEN_BYTES;
