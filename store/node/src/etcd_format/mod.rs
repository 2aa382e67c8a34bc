//! The state in etcd's own encoding, as its database files have it: what clients of the maintenance API
//! hash and save.
//!
//! Pure. Must never know: where the state comes from or goes to.

mod hash;
mod import;
mod named;
mod row;

/// The storage version of files written here: what both etcd 3.6 and 3.7 start from.
pub const STORAGE_VERSION: &str = "3.6.0";

pub use self::hash::{RowHasher, RowSeen};
pub use self::import::{ImportError, SnapshotContent};
pub use self::named::{Entries, FileMember, FileState, before_rows, behind_rows};
pub use self::row::{RowKey, decode_row, encode_row};
