//! What is stored under a revision.

use std::sync::Arc;

use bytes::Bytes;

/// A point in the history: the `main` revision counts write requests, `sub` the changes within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision {
    /// The store's revision after the request.
    pub main: i64,
    /// The position of the change within the request, from 0.
    pub sub: i64,
}

/// A key with its value and metadata, as `mvccpb.KeyValue`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyValue {
    /// The key; never empty.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// Revision at which the key was last created.
    pub create_revision: i64,
    /// Revision of the last change.
    pub mod_revision: i64,
    /// Changes since the creation, from 1.
    pub version: i64,
    /// The attached lease, or 0.
    pub lease: i64,
}

/// One record of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// The key had this value from the row's revision on.
    Value(Arc<KeyValue>),
    /// The key was deleted at the row's revision.
    Tombstone {
        /// The deleted key.
        key: Bytes,
    },
}

/// Rows by revision, as far as [`Machine::rows_needed`](crate::Machine::rows_needed) named them.
pub trait Rows {
    /// The row stored at `revision`; `None` where there is none.
    fn row(&self, revision: Revision) -> Option<Row>;
}
