//! Who may do what: operations that are done as a user, and changes of what users may do.

use serde::{Deserialize, Serialize};

use super::{Micros, OpId};

/// A user of the run, by its number.
pub type UserId = u64;
/// One change of what a user may do; unique in its history.
pub type ChangeId = u64;

/// Something that concerns who may do what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessLine {
    /// When.
    pub time: Micros,
    /// What.
    pub record: AccessRecord,
}

/// See [`AccessLine`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessRecord {
    /// An operation that is about to begin needs the one permission that this user is given and
    /// denied in turns; at first it is denied.
    As {
        /// The operation.
        op: OpId,
        /// The user.
        user: UserId,
    },
    /// A change is asked for.
    Change {
        /// Which.
        change: ChangeId,
        /// Of whose permission.
        user: UserId,
        /// Whether it is given, and not denied.
        permits: bool,
    },
    /// The change was answered: it has taken effect.
    Done {
        /// Which.
        change: ChangeId,
    },
    /// The change was refused: it has not taken effect.
    Refused {
        /// Which.
        change: ChangeId,
    },
}
