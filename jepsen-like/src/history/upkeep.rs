//! What operators ask of members, and what they are told.

use serde::{Deserialize, Serialize};

use super::{KeyValue, MemberId, Micros};

/// A question of an operator that a member has answered, or a request whose outcome matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpkeepLine {
    /// When it ended.
    pub time: Micros,
    /// When it began.
    pub called: Micros,
    /// Which member was asked.
    pub member: MemberId,
    /// What came of it.
    pub record: UpkeepRecord,
}

/// See [`UpkeepLine`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpkeepRecord {
    /// A hash of the key space.
    Hash {
        /// The newest revision that it covers.
        revision: i64,
        /// The history was given up to here.
        compacted: i64,
        /// The hash.
        hash: u32,
    },
    /// A copy of the member's state, as it was found after it had been restored.
    Snapshot {
        /// Its revision.
        revision: i64,
        /// Its keys, in order.
        kvs: Vec<KeyValue>,
    },
    /// The alarms that the cluster agrees on.
    Alarms {
        /// Their kinds.
        active: Vec<AlarmKind>,
    },
    /// All alarms of a kind were taken back.
    Disarmed {
        /// The kind.
        kind: AlarmKind,
        /// Whether all of it was answered; if not, some of it may take effect at any later time.
        done: bool,
    },
    /// The member gave unused space back.
    Defragmented,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// A database is as large as it may be.
    NoSpace,
    /// Members do not agree.
    Corrupt,
}
