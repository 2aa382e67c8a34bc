//! What a watch delivered.

use serde::{Deserialize, Serialize};

use super::{Blob, ClientId, KeyValue, MemberId, Micros, request::is_default};

/// A watch as its user sees it: the same id across resumes on other streams and members.
pub type WatchId = u64;

/// One thing that happened to a watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchLine {
    /// When the client saw it.
    pub time: Micros,
    /// Which watch.
    pub watch: WatchId,
    /// Whose watch.
    pub client: ClientId,
    /// The member that serves it now.
    pub member: MemberId,
    /// What happened.
    pub record: WatchRecord,
}

/// What may happen to a watch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchRecord {
    /// The store confirmed the watch for the first time.
    Created {
        /// First key watched.
        key: Blob,
        /// As in a read.
        #[serde(default, skip_serializing_if = "is_default")]
        range_end: Blob,
        /// First revision wanted; 0 for everything after the confirmation.
        #[serde(default, skip_serializing_if = "is_default")]
        start_revision: i64,
        /// Whether events carry what was there before.
        #[serde(default, skip_serializing_if = "is_default")]
        prev_kv: bool,
        /// Whether progress is reported unasked.
        #[serde(default, skip_serializing_if = "is_default")]
        progress_notify: bool,
        /// What is left out.
        #[serde(default, skip_serializing_if = "is_default")]
        filters: Vec<WatchFilter>,
        /// Whether a large answer may come in parts.
        #[serde(default, skip_serializing_if = "is_default")]
        fragment: bool,
        /// The revision in the confirmation's header.
        revision: i64,
    },
    /// The store confirmed the same watch again, after its stream had broken.
    Resumed {
        /// First revision asked for this time: one after the last that was delivered.
        start_revision: i64,
        /// The revision in the confirmation's header.
        revision: i64,
    },
    /// Events arrived, in one answer.
    Events {
        /// The revision in the answer's header.
        revision: i64,
        /// Whether more parts of the same answer follow.
        #[serde(default, skip_serializing_if = "is_default")]
        fragment: bool,
        /// The events, in the order of the answer.
        events: Vec<KvEvent>,
    },
    /// The store said that everything up to a revision has been delivered.
    Progress {
        /// That revision.
        revision: i64,
    },
    /// The watch is over, by the store's word.
    Canceled {
        /// The compaction that ended it; 0 for other reasons.
        #[serde(default, skip_serializing_if = "is_default")]
        compact_revision: i64,
        /// The store's text.
        #[serde(default, skip_serializing_if = "is_default")]
        reason: String,
        /// Whether the client had asked for it.
        #[serde(default, skip_serializing_if = "is_default")]
        asked: bool,
    },
    /// The stream broke; the client may resume.
    Broken {
        /// What the client saw.
        #[serde(default, skip_serializing_if = "is_default")]
        reason: String,
    },
}

/// What a watch leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchFilter {
    /// Writes.
    NoPut,
    /// Deletions.
    NoDelete,
}

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KvEvent {
    /// Written or deleted.
    pub kind: KvEventKind,
    /// The key after the change; of a deleted one only key and mod revision are set.
    pub kv: KeyValue,
    /// The key before the change, if asked for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prev_kv: Option<KeyValue>,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvEventKind {
    /// Written.
    Put,
    /// Deleted.
    Delete,
}
