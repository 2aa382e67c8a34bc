//! What a client asked of the store: etcd's requests as plain data.

use serde::{Deserialize, Serialize};

use super::{Blob, LeaseRequest, LockRequest};

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// A read.
    Range(RangeRequest),
    /// A write of one key.
    Put(PutRequest),
    /// A deletion.
    DeleteRange(DeleteRangeRequest),
    /// Compare, then do one of two lists.
    Txn(TxnRequest),
    /// Give up old revisions.
    Compact(CompactRequest),
    /// About a lease.
    Lease(LeaseRequest),
    /// About a lock.
    Lock(LockRequest),
}

/// A read of a range. `range_end`: empty for one key, one zero byte for everything from `key` on,
/// otherwise exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RangeRequest {
    /// First key.
    pub key: Blob,
    /// See the type.
    #[serde(skip_serializing_if = "is_default")]
    pub range_end: Blob,
    /// Most key-values returned; 0 for no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub limit: i64,
    /// Revision to read at; 0 or less for the current one.
    #[serde(skip_serializing_if = "is_default")]
    pub revision: i64,
    /// Order of the result.
    #[serde(skip_serializing_if = "is_default")]
    pub sort_order: SortOrder,
    /// What is sorted by.
    #[serde(skip_serializing_if = "is_default")]
    pub sort_target: SortTarget,
    /// Answer from the asked member's own state, which may be old.
    #[serde(skip_serializing_if = "is_default")]
    pub serializable: bool,
    /// Leave out the values.
    #[serde(skip_serializing_if = "is_default")]
    pub keys_only: bool,
    /// Only count.
    #[serde(skip_serializing_if = "is_default")]
    pub count_only: bool,
    /// Lower bound of the mod revision, inclusive; 0 for none.
    #[serde(skip_serializing_if = "is_default")]
    pub min_mod_revision: i64,
    /// Upper bound of the mod revision, inclusive; 0 for none.
    #[serde(skip_serializing_if = "is_default")]
    pub max_mod_revision: i64,
    /// Lower bound of the create revision, inclusive; 0 for none.
    #[serde(skip_serializing_if = "is_default")]
    pub min_create_revision: i64,
    /// Upper bound of the create revision, inclusive; 0 for none.
    #[serde(skip_serializing_if = "is_default")]
    pub max_create_revision: i64,
}

/// Order of a read's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortOrder {
    /// Ascending, as etcd does when nothing is asked.
    #[default]
    None,
    /// Ascending.
    Ascend,
    /// Descending.
    Descend,
}

/// What a read's result is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortTarget {
    /// The key.
    #[default]
    Key,
    /// The version.
    Version,
    /// The create revision.
    Create,
    /// The mod revision.
    Mod,
    /// The value.
    Value,
}

/// A write of one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PutRequest {
    /// The key.
    pub key: Blob,
    /// The value. Workloads write the operation's id into it, so that no two values are equal.
    pub value: Blob,
    /// Lease to attach; 0 detaches.
    #[serde(skip_serializing_if = "is_default")]
    pub lease: i64,
    /// Return the previous key-value.
    #[serde(skip_serializing_if = "is_default")]
    pub prev_kv: bool,
    /// Keep the value that is there.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_value: bool,
    /// Keep the lease that is there.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_lease: bool,
}

/// A deletion of a range; `range_end` as in [`RangeRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeleteRangeRequest {
    /// First key.
    pub key: Blob,
    /// End of the range.
    #[serde(skip_serializing_if = "is_default")]
    pub range_end: Blob,
    /// Return what was deleted.
    #[serde(skip_serializing_if = "is_default")]
    pub prev_kv: bool,
}

/// If all comparisons hold then `success`, else `failure`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TxnRequest {
    /// All must hold; none at all holds.
    #[serde(skip_serializing_if = "is_default")]
    pub compare: Vec<Compare>,
    /// Done in order when they hold.
    #[serde(skip_serializing_if = "is_default")]
    pub success: Vec<RequestOp>,
    /// Done in order when one does not.
    #[serde(skip_serializing_if = "is_default")]
    pub failure: Vec<RequestOp>,
}

/// One operation of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOp {
    /// A read; it sees earlier writes of its transaction.
    Range(RangeRequest),
    /// A write.
    Put(PutRequest),
    /// A deletion.
    DeleteRange(DeleteRangeRequest),
    /// A transaction within.
    Txn(TxnRequest),
}

/// A comparison with a key, or with every key of a range.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// First key.
    pub key: Blob,
    /// As in [`RangeRequest`]; the comparison must hold for every key that exists there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub range_end: Blob,
    /// The relation between the key's field and the target.
    pub result: CompareResult,
    /// The field, and what it is compared with.
    pub target: CompareTarget,
}

/// The relation of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareResult {
    /// Equal.
    Equal,
    /// The key's field is greater.
    Greater,
    /// The key's field is less.
    Less,
    /// Not equal.
    NotEqual,
}

/// The field of a key that is compared, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareTarget {
    /// The version.
    Version(i64),
    /// The create revision.
    Create(i64),
    /// The mod revision.
    Mod(i64),
    /// The value, byte by byte.
    Value(Blob),
    /// The lease.
    Lease(i64),
}

/// Gives up the history before a revision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompactRequest {
    /// The oldest revision that stays readable.
    pub revision: i64,
    /// Answer only when the space is free.
    #[serde(skip_serializing_if = "is_default")]
    pub physical: bool,
}

/// Leaves default fields out of the file: most requests use two of thirteen.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
