//! The state in etcd's own encoding, as its database files have it: what clients of the maintenance API
//! hash and save.
//!
//! Pure. Must never know: where the state comes from or goes to.

mod row;

pub use self::row::{RowKey, encode_row};
