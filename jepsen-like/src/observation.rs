//! What a member tells about itself while it runs, as plain data.
//!
//! A simulated member emits an observation at each change. Members of a real cluster emit none, and
//! the checkers that need them say so instead of passing.
//!
//! It must never know the consensus library: every number here is Raft's, not a library's.

use serde::{Deserialize, Serialize};

use crate::history::{MemberId, Micros};

/// A position in the Raft log. Ordered by term, then index, as Raft compares logs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct LogId {
    /// The term of the leader that made the entry.
    pub term: u64,
    /// Its place in the log.
    pub index: u64,
}

/// A vote that a member has on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Whom it is for; 0 if it was given to nobody, and can be given to nobody any more.
    pub candidate: MemberId,
    /// Whether a quorum gave it: then the candidate leads, whomever this member voted for.
    pub is_committed: bool,
}

/// What a member does in its term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It leads.
    Leader,
    /// It asks for votes.
    Candidate,
    /// It follows.
    Follower,
    /// It follows and has no vote.
    Learner,
}

/// One thing that a member told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// When.
    pub time: Micros,
    /// Who, by the run's own small number.
    pub member: MemberId,
    /// What.
    pub fact: Fact,
}

/// What a member may tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// It started, with what it found on its disk. A new incarnation begins.
    Started {
        /// The term it had stored.
        term: u64,
        /// The vote it had stored, in that term.
        #[serde(default)]
        vote: Option<Vote>,
        /// The end of the log that it found.
        last_log: LogId,
        /// The applied index that it found.
        applied: u64,
    },
    /// Its disk was damaged, or is not the one that it had: what it made durable may be gone. Told, if it is so,
    /// before each start.
    Damaged,
    /// It stopped, by order or by a crash.
    Stopped,
    /// Its role or its term changed.
    Role {
        /// The role.
        role: Role,
        /// The term.
        term: u64,
    },
    /// It gave its vote, durably.
    Voted {
        /// In this term.
        term: u64,
        /// To this member.
        candidate: MemberId,
    },
    /// It has on its disk that a quorum elected this member.
    Acknowledged {
        /// In this term.
        term: u64,
        /// The leader.
        leader: MemberId,
    },
    /// It appended entries that are not durable yet; entries from `from` on that it had are gone.
    Appended {
        /// The first of them.
        from: LogId,
        /// The last of them.
        last: LogId,
    },
    /// It cut its log: nothing after `last` remains.
    Truncated {
        /// The new end.
        last: LogId,
    },
    /// Its log is durable up to here.
    Durable {
        /// The last durable entry.
        last: LogId,
    },
    /// It told that its log is durable up to here, and it is not: seen by whoever simulates its disk.
    AtRisk {
        /// The last entry that it told of.
        last: LogId,
        /// The file that a loss of power would change.
        file: String,
        /// From this byte on; from the first, if its name might go.
        from: u64,
    },
    /// It knows that the log is committed up to here.
    Committed {
        /// The last committed entry.
        last: LogId,
    },
    /// It applied an entry.
    Applied {
        /// The entry.
        entry: LogId,
        /// A hash of the whole replicated state after it.
        digest: u64,
    },
    /// It has a snapshot, made or received, that is durable.
    Snapshot {
        /// The last entry the snapshot covers.
        last: LogId,
        /// Whether another member sent it.
        installed: bool,
    },
    /// It dropped the head of its log.
    Purged {
        /// The last entry dropped.
        last: LogId,
    },
    /// It begins to ask a quorum whether it still leads, for those who want to read.
    ReadBegun,
    /// It found that it does: whoever has applied this entry may answer them.
    ReadGranted {
        /// The term in which it leads, and the read index.
        last: LogId,
    },
    /// It follows, and begins to ask the leader, for those who want to read.
    ReadAsked,
    /// The leader has answered: whoever has applied this entry may answer them.
    ReadAnswered {
        /// The term of the leader, and the read index.
        last: LogId,
    },
    /// It uses this membership from now on.
    Membership {
        /// The index of the entry that brings it; 0 for the one that everything begins with.
        #[serde(default)]
        index: u64,
        /// One set of voters, or two while the change is joint.
        voters: Vec<Vec<MemberId>>,
        /// Members without a vote.
        learners: Vec<MemberId>,
    },
}
