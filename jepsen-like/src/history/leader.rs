//! Elections: who was told to lead.

use serde::{Deserialize, Serialize};

use super::{Blob, MemberId, Micros, WatchId};

/// Somebody who observes an election was told of a leader, or of what it proclaims.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaderLine {
    /// When.
    pub time: Micros,
    /// On which stream.
    pub stream: WatchId,
    /// Which member told it.
    pub member: MemberId,
    /// Of which election.
    pub election: Blob,
    /// The leader's key.
    pub key: Blob,
    /// When it entered.
    pub create_revision: i64,
    /// When it proclaimed.
    pub mod_revision: i64,
    /// What it proclaims.
    pub value: Blob,
}
