//! What enters the log.
//!
//! A command was validated before it was proposed (non-empty keys, legal enums, operation counts,
//! no key put twice in a transaction): [`Machine::apply`](crate::Machine::apply) checks only what depends
//! on the state.

use bytes::Bytes;

use crate::alarm::AlarmCommand;
use crate::auth::AuthCommand;
use crate::cluster::ClusterCommand;
use crate::lease::LeaseCommand;

/// One replicated command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Stores a value.
    Put(Put),
    /// Deletes a range of keys.
    DeleteRange(DeleteRange),
    /// Compares, then does one of two lists of operations.
    Txn(Txn),
    /// Gives up the history before a revision.
    Compact(Compact),
    /// Publishes a member's name and client URLs.
    SetMember(MemberAttributes),
    /// Changes users, roles and permissions.
    Auth(AuthCommand),
    /// Raises an alarm or takes it back.
    Alarm(AlarmCommand),
    /// Grants, ends or keeps leases.
    Lease(LeaseCommand),
    /// Changes what the members agree on about their cluster.
    Cluster(ClusterCommand),
}

/// A read of a range of keys. `range_end` as in etcd: empty for one key, a single zero byte for
/// everything from `key` on, otherwise exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    /// First key.
    pub key: Bytes,
    /// See the type.
    pub range_end: Bytes,
    /// Most key-values returned; 0 for no limit.
    pub limit: i64,
    /// Revision to read at; 0 or less for the current one.
    pub revision: i64,
    /// Order of the result.
    pub sort_order: SortOrder,
    /// What is sorted by.
    pub sort_target: SortTarget,
    /// Leave out values.
    pub keys_only: bool,
    /// Return only the count.
    pub count_only: bool,
    /// Lower bound of `mod_revision`, inclusive; 0 for none.
    pub min_mod_revision: i64,
    /// Upper bound of `mod_revision`, inclusive; 0 for none.
    pub max_mod_revision: i64,
    /// Lower bound of `create_revision`, inclusive; 0 for none.
    pub min_create_revision: i64,
    /// Upper bound of `create_revision`, inclusive; 0 for none.
    pub max_create_revision: i64,
}

/// Order of a range's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortOrder {
    /// Ascending by the target, as etcd does when no order is asked for.
    #[default]
    None,
    /// Ascending.
    Ascend,
    /// Descending.
    Descend,
}

/// What a range's result is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

/// Stores a value under a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Put {
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// Lease to attach; 0 detaches.
    pub lease: i64,
    /// Return the previous key-value.
    pub prev_kv: bool,
    /// Keep the current value; the key must exist.
    pub ignore_value: bool,
    /// Keep the current lease; the key must exist.
    pub ignore_lease: bool,
}

/// Deletes a range of keys; `range_end` as in [`Range`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteRange {
    /// First key.
    pub key: Bytes,
    /// See [`Range`].
    pub range_end: Bytes,
    /// Return the deleted key-values.
    pub prev_kv: bool,
}

/// If all comparisons hold then `success`, else `failure`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Txn {
    /// All must hold; an empty list holds.
    pub compare: Vec<Compare>,
    /// Done in order when they hold.
    pub success: Vec<TxnOp>,
    /// Done in order when one does not.
    pub failure: Vec<TxnOp>,
}

impl Txn {
    /// Whether both branches, nested ones included, only read.
    pub fn is_read_only(&self) -> bool {
        self.success.iter().chain(&self.failure).all(|op| match op {
            TxnOp::Range(_) => true,
            TxnOp::Put(_) | TxnOp::DeleteRange(_) => false,
            TxnOp::Txn(nested) => nested.is_read_only(),
        })
    }
}

/// One operation of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnOp {
    /// A read; sees earlier writes of the same transaction.
    Range(Range),
    /// A write.
    Put(Put),
    /// A deletion.
    DeleteRange(DeleteRange),
    /// A nested transaction.
    Txn(Txn),
}

/// A comparison with a key, or with every key of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    /// First key.
    pub key: Bytes,
    /// See [`Range`]; it must hold for every existing key of the range.
    pub range_end: Bytes,
    /// The relation that must hold between the key's field and the target.
    pub result: CompareResult,
    /// The field and what it is compared with.
    pub target: CompareTarget,
}

/// The relation of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompareResult {
    /// Equal.
    #[default]
    Equal,
    /// The key's field is greater.
    Greater,
    /// The key's field is less.
    Less,
    /// Not equal.
    NotEqual,
}

/// The compared field, with the value that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompareTarget {
    /// The version; 0 for a missing key.
    Version(i64),
    /// The create revision; 0 for a missing key.
    CreateRevision(i64),
    /// The mod revision; 0 for a missing key.
    ModRevision(i64),
    /// The value; never holds for a missing key.
    Value(Bytes),
    /// The lease; 0 for a missing key.
    Lease(i64),
}

/// Gives up the history before `revision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compact {
    /// The oldest revision that stays readable.
    pub revision: i64,
}

/// What a member tells of itself once it has started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberAttributes {
    /// The member.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
}
