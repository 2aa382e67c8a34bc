//! What the key-value service answered, with every field that etcd's responses have.

use serde::{Deserialize, Serialize};

use super::{Blob, LeaseResponse, LockResponse, request::is_default};

/// The head of an answer. Answers inside a transaction carry only the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Header {
    /// The store's revision when it answered.
    pub revision: i64,
    /// The store's own id of the member that answered; 0 where it was not recorded.
    #[serde(skip_serializing_if = "is_default")]
    pub member_id: u64,
    /// That member's term; 0 where it was not recorded.
    #[serde(skip_serializing_if = "is_default")]
    pub raft_term: u64,
}

/// A key with its value and what the store knows about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyValue {
    /// The key.
    pub key: Blob,
    /// The value.
    #[serde(skip_serializing_if = "is_default")]
    pub value: Blob,
    /// The revision that created the key.
    #[serde(skip_serializing_if = "is_default")]
    pub create_revision: i64,
    /// The revision that last changed it.
    #[serde(skip_serializing_if = "is_default")]
    pub mod_revision: i64,
    /// How often it was written since it was created.
    #[serde(skip_serializing_if = "is_default")]
    pub version: i64,
    /// The lease it is attached to; 0 for none.
    #[serde(skip_serializing_if = "is_default")]
    pub lease: i64,
}

/// The answer to a [`Request`](super::Request), of the same kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// To a read.
    Range(RangeResponse),
    /// To a write.
    Put(PutResponse),
    /// To a deletion.
    DeleteRange(DeleteRangeResponse),
    /// To a transaction.
    Txn(TxnResponse),
    /// To a compaction.
    Compact(CompactResponse),
    /// To a request about a lease.
    Lease(LeaseResponse),
    /// To a request about a lock.
    Lock(LockResponse),
}

impl Response {
    /// The answer's head.
    pub fn header(&self) -> &Header {
        match self {
            Self::Range(response) => &response.header,
            Self::Put(response) => &response.header,
            Self::DeleteRange(response) => &response.header,
            Self::Txn(response) => &response.header,
            Self::Compact(response) => &response.header,
            Self::Lease(response) => response.header(),
            Self::Lock(response) => response.header(),
        }
    }
}

/// The answer to a read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RangeResponse {
    /// Head.
    pub header: Header,
    /// What was found.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit cut something off.
    #[serde(skip_serializing_if = "is_default")]
    pub more: bool,
    /// How many keys there are in the range, whatever the limit.
    pub count: i64,
}

/// The answer to a write.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PutResponse {
    /// Head.
    pub header: Header,
    /// What was there before, if asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub prev_kv: Option<KeyValue>,
}

/// The answer to a deletion.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeleteRangeResponse {
    /// Head.
    pub header: Header,
    /// How many keys were deleted.
    pub deleted: i64,
    /// What they were, if asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub prev_kvs: Vec<KeyValue>,
}

/// The answer to a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TxnResponse {
    /// Head.
    pub header: Header,
    /// Whether the comparisons held.
    pub succeeded: bool,
    /// One answer per operation that was done.
    pub responses: Vec<ResponseOp>,
}

/// The answer to one operation of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseOp {
    /// To a read.
    Range(RangeResponse),
    /// To a write.
    Put(PutResponse),
    /// To a deletion.
    DeleteRange(DeleteRangeResponse),
    /// To a transaction within.
    Txn(TxnResponse),
}

/// The answer to a compaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompactResponse {
    /// Head.
    pub header: Header,
}
