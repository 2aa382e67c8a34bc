//! What a member tells about itself while it runs: for checkers in simulation, later for metrics.

use bytes::Bytes;

use crate::wal::Reach;

/// A vote as it is kept on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// The term.
    pub term: u64,
    /// Whom it is for; 0 if it was given to nobody, and can be given to nobody any more.
    pub candidate: u64,
    /// Whether a quorum gave it, so that the candidate leads the term, whomever this member voted for.
    pub committed: bool,
}

/// Something that happened in a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The member recovered its state and starts to take part.
    Started {
        /// Last applied index found in the database; 0 for none.
        applied: u64,
        /// Last index found in the log; 0 for none.
        last_log: u64,
        /// The term of that entry.
        last_term: u64,
        /// Bytes cut from the log's torn tail.
        torn_tail_bytes: u64,
        /// The vote found in the log, if there is one.
        vote: Option<Vote>,
        /// Up to where that log knows itself committed; 0 for nowhere. The database may know more.
        committed: u64,
        /// The term of that entry.
        committed_term: u64,
    },
    /// The state that the database held, if it was more than the founding of the cluster, is in memory again. Told
    /// after `Started`.
    Restored {
        /// The last index that it covers.
        index: u64,
        /// The term of that entry.
        term: u64,
        /// The store's revision after it.
        revision: i64,
        /// The machine's digest after it.
        digest: u64,
    },
    /// Term, role or known leader changed.
    Role {
        /// The member's term.
        term: u64,
        /// The leader of that term, where known; the member itself when it leads.
        leader: Option<u64>,
        /// Whether the member leads.
        is_leader: bool,
        /// Whether it stands for election in that term, and has not lost.
        is_candidate: bool,
    },
    /// Entries were put behind the log's end, where readers see them; they are not durable yet.
    Appended {
        /// The first of them.
        from: u64,
        /// The term of that entry.
        from_term: u64,
        /// The last of them.
        last: u64,
        /// The term of that entry.
        last_term: u64,
    },
    /// A conflicting tail is about to be cut: nothing behind `index` stays.
    Truncated {
        /// The last index that stays.
        index: u64,
        /// The term of the entry there.
        term: u64,
    },
    /// Entries up to `index` are durable on this member. Told before Raft counts them.
    Durable {
        /// Their last index.
        index: u64,
        /// The term of the entry there.
        term: u64,
        /// How far the log reaches on the disk: the entries lie before that.
        reach: Reach,
    },
    /// Raft knows the log as committed up to `index`. Told before anything of it is applied.
    Committed {
        /// The last index.
        index: u64,
        /// The term of the entry there.
        term: u64,
    },
    /// A command, or another entry, was applied.
    Applied {
        /// The entry's index.
        index: u64,
        /// The entry's term.
        term: u64,
        /// The store's revision after it.
        revision: i64,
        /// The machine's digest after it.
        digest: u64,
        /// The command as it was proposed (`detcd.peer.v1.Command`); empty for other entries.
        command: Bytes,
    },
    /// A snapshot was made, and the log before it may go.
    SnapshotBuilt {
        /// The last index that it covers.
        index: u64,
        /// The term of that entry.
        term: u64,
    },
    /// A snapshot from the leader replaced the state.
    SnapshotInstalled {
        /// The last index that it covers.
        index: u64,
        /// The term of that entry.
        term: u64,
        /// The store's revision after it.
        revision: i64,
        /// The machine's digest after it.
        digest: u64,
    },
    /// The log up to `index` was given up.
    Purged {
        /// The last index that is gone.
        index: u64,
        /// The term of that entry.
        term: u64,
    },
    /// From now on the member counts quorums by this membership: its log ends with it, or begins with it.
    Membership {
        /// The index of its entry; 0 for the one that founds the cluster.
        index: u64,
        /// One set of voters, or two of which both must agree.
        voters: Vec<Vec<u64>>,
        /// Members without a vote.
        learners: Vec<u64>,
    },
    /// The member has given its vote, durably, and will give no other in that term. Told before the candidate
    /// hears of it.
    Voted {
        /// The term.
        term: u64,
        /// Whom it voted for; itself, as a candidate.
        candidate: u64,
    },
    /// The member has on its disk that a quorum has voted for this leader. Told before it answers the leader.
    Acknowledged {
        /// The term.
        term: u64,
        /// Who leads it; the member itself when it leads.
        leader: u64,
    },
    /// A round of linearizable reads begins, where this member leads: it serves those who have asked by now.
    ReadBegun,
    /// That round is over, and whoever has applied `index` may answer.
    ReadGranted {
        /// The read index.
        index: u64,
        /// The term in which the member leads.
        term: u64,
    },
    /// A round of linearizable reads begins, where this member follows: it asks the leader for those who have asked by
    /// now.
    ReadAsked,
    /// The leader has answered: whoever has applied `index` may answer.
    ReadAnswered {
        /// The read index.
        index: u64,
        /// The term in which the other one leads.
        term: u64,
    },
    /// The member cannot go on, and stops.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Takes observations. Called from the member's own tasks: it must not block.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn observe(&self, observation: Observation);
}

/// Takes no notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn observe(&self, _observation: Observation) {}
}
