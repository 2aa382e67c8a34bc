//! One line of a history.

use serde::{Deserialize, Serialize};

use super::{
    AccessLine, LeaderLine, LeaseLine, Request, Response, UpkeepLine, WatchLine,
    request::is_default,
};
use crate::observation::Observation;

/// Simulated (or, with real processes, monotonic) microseconds since the start of the run.
pub type Micros = u64;
/// One operation; unique in its history.
pub type OpId = u64;
/// One client: a session that does one operation after the other. Jepsen calls it a process.
pub type ClientId = u64;
/// The run's own small number of a member, not the store's id of it.
pub type MemberId = u64;

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A client sends a request.
    Invoke {
        /// When.
        time: Micros,
        /// Which operation begins.
        op: OpId,
        /// Who.
        client: ClientId,
        /// Which member is asked.
        member: MemberId,
        /// What is asked.
        request: Request,
    },
    /// The operation was answered.
    Ok {
        /// When.
        time: Micros,
        /// Which operation ends.
        op: OpId,
        /// The answer.
        response: Response,
    },
    /// The operation was refused and has definitely not taken effect.
    Fail {
        /// When.
        time: Micros,
        /// Which operation ends.
        op: OpId,
        /// The refusal.
        error: Refusal,
    },
    /// Nobody knows whether the operation took effect, or will.
    Info {
        /// When the client gave up.
        time: Micros,
        /// Which operation.
        op: OpId,
        /// What the client saw.
        error: Info,
    },
    /// Something happened to a watch.
    Watch(WatchLine),
    /// Somebody who observes an election was told of a leader.
    Leader(LeaderLine),
    /// Something happened that concerns who may do what.
    Access(AccessLine),
    /// An operator was answered.
    Upkeep(UpkeepLine),
    /// A member applied a log entry; only where the run can look inside.
    Applied(Applied),
    /// An entry of the log is about a lease; only where the run can look inside.
    Lease(LeaseLine),
    /// A member has given up the history before a revision; only where the run can look inside.
    CompactedAt {
        /// When.
        time: Micros,
        /// Which member.
        member: MemberId,
        /// Its compaction revision from now on.
        revision: i64,
    },
    /// A member told something about itself; only where the run can look inside.
    Observed(Observation),
    /// From here on the run injects no faults: members must agree, watches must arrive.
    Healed {
        /// When.
        time: Micros,
    },
}

impl Event {
    /// When it happened.
    pub fn time(&self) -> Micros {
        match self {
            Self::Invoke { time, .. }
            | Self::Ok { time, .. }
            | Self::Fail { time, .. }
            | Self::Info { time, .. }
            | Self::CompactedAt { time, .. }
            | Self::Healed { time } => *time,
            Self::Watch(line) => line.time,
            Self::Leader(line) => line.time,
            Self::Access(line) => line.time,
            Self::Upkeep(line) => line.time,
            Self::Applied(applied) => applied.time,
            Self::Lease(line) => line.time,
            Self::Observed(observation) => observation.time,
        }
    }
}

/// A member applied one entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// When.
    pub time: Micros,
    /// Which member.
    pub member: MemberId,
    /// The entry's index.
    pub index: u64,
    /// The entry's term.
    pub term: u64,
    /// The store's revision after it.
    pub revision: i64,
    /// A hash of the member's whole replicated state after it.
    pub digest: u64,
    /// The client's operation in the entry, where that can be told.
    #[serde(default, skip_serializing_if = "is_default")]
    pub op: Option<OpId>,
}

/// Why an operation definitely did not take effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// What kind of refusal.
    pub kind: RefusalKind,
    /// The store's text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: String,
}

impl From<RefusalKind> for Refusal {
    fn from(kind: RefusalKind) -> Self {
        Self { kind, text: String::new() }
    }
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The revision has been compacted.
    Compacted,
    /// The revision has not happened yet.
    FutureRevision,
    /// `ignore_value` or `ignore_lease` of a key that does not exist.
    KeyNotFound,
    /// The lease does not exist.
    LeaseNotFound,
    /// There is a lease of that id.
    LeaseExists,
    /// The request breaks the protocol's rules, whatever the state.
    Invalid,
    /// The database is as large as it may be.
    NoSpace,
    /// The members were found not to agree.
    Corrupt,
    /// Refused or never sent for a reason outside the key-value model: permission, overload, no
    /// connection.
    NotServed,
}

/// Why nobody knows whether an operation took effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Info {
    /// What kind of silence.
    pub kind: InfoKind,
    /// The client's text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub text: String,
}

impl From<InfoKind> for Info {
    fn from(kind: InfoKind) -> Self {
        Self { kind, text: String::new() }
    }
}

/// Kinds of silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InfoKind {
    /// No answer in time, by the client's or the store's clock.
    Timeout,
    /// The store said that it could not serve, after it had taken the request.
    Unavailable,
    /// The connection broke before the answer.
    ConnectionLost,
    /// Any other end that leaves the outcome open.
    Unknown,
}
