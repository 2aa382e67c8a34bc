//! What a run must reach to mean anything.

/// Something that must have happened in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// What is counted.
    pub counter: Counter,
    /// How much of it.
    pub at_least: u64,
}

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Acknowledged writes.
    Acks,
    /// Members that were killed or lost power.
    Crashes,
    /// Terms in which a member became leader.
    Elections,
    /// Watches that went on after their stream had broken.
    ResumedWatches,
    /// Snapshots that were installed.
    Snapshots,
    /// Faults of any kind.
    Faults,
    /// Changes of the membership that were done.
    Changes,
    /// Leases whose time was over.
    ExpiredLeases,
    /// Locks that were taken.
    Locks,
    /// Answers to operators.
    Upkeep,
    /// Writes that were refused because there is no room.
    NoSpace,
    /// Members that stopped, or did not start, because of their disks.
    Stops,
}

impl Counter {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Acks,
        Self::Crashes,
        Self::Elections,
        Self::ResumedWatches,
        Self::Snapshots,
        Self::Faults,
        Self::Changes,
        Self::ExpiredLeases,
        Self::Locks,
        Self::Upkeep,
        Self::NoSpace,
        Self::Stops,
    ];

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acks => "acks",
            Self::Crashes => "crashes",
            Self::Elections => "elections",
            Self::ResumedWatches => "resumed-watches",
            Self::Snapshots => "snapshots",
            Self::Faults => "faults",
            Self::Changes => "membership-changes",
            Self::ExpiredLeases => "expired-leases",
            Self::Locks => "locks",
            Self::Upkeep => "upkeep",
            Self::NoSpace => "no-space",
            Self::Stops => "stops",
        }
    }

    /// Its name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Self::Acks => "acknowledged writes",
            Self::Crashes => "crashes",
            Self::Elections => "elections",
            Self::ResumedWatches => "resumed watches",
            Self::Snapshots => "installed snapshots",
            Self::Faults => "faults",
            Self::Changes => "membership changes",
            Self::ExpiredLeases => "expired leases",
            Self::Locks => "locks that were taken",
            Self::Upkeep => "answers to operators",
            Self::NoSpace => "writes refused for want of space",
            Self::Stops => "members that stopped for a reason",
        }
    }

    /// Reads it.
    pub fn of(self, counts: &reports::Counts) -> u64 {
        match self {
            Self::Acks => counts.acknowledged,
            Self::Crashes => counts.crashes,
            Self::Elections => counts.elections,
            Self::ResumedWatches => counts.resumed_watches,
            Self::Snapshots => counts.installed_snapshots,
            Self::Faults => counts.faults,
            Self::Changes => counts.changes,
            Self::ExpiredLeases => counts.expired_leases,
            Self::Locks => counts.locks,
            Self::Upkeep => counts.upkeep,
            Self::NoSpace => counts.no_space,
            Self::Stops => counts.stops,
        }
    }
}
