//! What happens in a run, as data: a cluster, a workload, a schedule of faults, and what must come of it.
//!
//! A script is parsed into a [`Plan`] and a swarm seed is turned into one; both print as a script again.
//! Must never know: how a step is carried out.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::ailment::{Ailment, LinkAilment};
pub use crate::floor::{Counter, Floor};
use crate::membership::MembershipChange;
pub use crate::mix::Mix;
use crate::upkeep::Upkeep;

/// A run without its seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// What it shows, in one sentence.
    pub about: String,
    /// The members.
    pub cluster: ClusterPlan,
    /// What clients do.
    pub workload: Workload,
    /// How long faults are injected; healing and checking come after.
    pub duration: Duration,
    /// In the order of their earliest times.
    pub steps: Vec<Step>,
    /// What a run must reach to mean anything.
    pub floors: Vec<Floor>,
}

/// The cluster of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPlan {
    /// How many members; they are numbered from 1.
    pub members: usize,
    /// Applied entries between two snapshots.
    pub snapshot_count: u64,
    /// etcd's `--election-timeout`.
    pub election_timeout: Duration,
    /// etcd's `--heartbeat-interval`.
    pub heartbeat: Duration,
    /// etcd's `--quota-backend-bytes`; 0 for its default.
    pub quota: u64,
    /// etcd's `--max-request-bytes`; 0 for its default.
    pub max_request_bytes: usize,
    /// How far the wall clocks of members are off at the start, at most, either way.
    pub clock_offsets: Duration,
}

impl Default for ClusterPlan {
    fn default() -> Self {
        Self {
            members: 3,
            snapshot_count: 500,
            election_timeout: Duration::from_secs(1),
            heartbeat: Duration::from_millis(100),
            quota: 0,
            max_request_bytes: 0,
            clock_offsets: Duration::ZERO,
        }
    }
}

/// What clients do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// How often which kind of request is made.
    pub mix: Mix,
    /// Clients that send requests, one at a time each.
    pub clients: usize,
    /// Clients that watch.
    pub watchers: usize,
    /// Different keys; few keys make conflicts.
    pub keys: usize,
    /// Mean pause of a client between two requests.
    pub pace: Duration,
    /// Users whose permissions change; without any, authentication is off.
    pub users: u64,
    /// Clients that watch and stop reading for long.
    pub slow_watchers: usize,
    /// Clients that have leases.
    pub holders: usize,
    /// Clients that want locks.
    pub lockers: usize,
    /// Clients that want to lead elections; half as many observe them.
    pub electors: usize,
}

impl Default for Workload {
    fn default() -> Self {
        let pace = Duration::from_millis(30);
        Self {
            mix: Mix::MIXED,
            clients: 4,
            watchers: 2,
            keys: 12,
            pace,
            users: 0,
            slow_watchers: 0,
            holders: 0,
            lockers: 0,
            electors: 0,
        }
    }
}

/// Sessions that grant leases at the same time, when many are granted.
pub const GRANTERS: usize = 40;

/// One thing that is done at its time, counted from the moment the workload starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The seed chooses the moment in this range.
    pub at: RangeInclusive<Duration>,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The processes die; their disks keep what was written.
    Kill(Who),
    /// The machines lose power; what was not synced may be lost.
    PowerLoss(Who),
    /// As before, but in the middle of something that the disk does: a part of it is there, in any order.
    PowerLossInWrite(Who),
    /// Those of the members that are down start again.
    Restart(Who),
    /// The processes stand still for a while.
    Pause(Who, Duration),
    /// Every sync waits for a while.
    StallDisk {
        /// Whose.
        who: Who,
        /// Only of files whose names start so; of all, if empty.
        files: String,
        /// How long.
        lasting: Duration,
    },
    /// Members in different groups cannot reach each other; clients reach all.
    Partition(Split),
    /// No message passes between these and those, in both directions.
    Cut(Who, Who),
    /// No message passes from these to those; the other direction works.
    OneWay(Who, Who),
    /// Clients cannot reach these members.
    CutClients(Who),
    /// The link is cut and healed in turns.
    Flap {
        /// One end.
        one: Who,
        /// The other end.
        other: Who,
        /// How long it stays cut, and then healed.
        every: Duration,
        /// When it is left healed.
        lasting: Duration,
    },
    /// All connections between these and those break; new ones can be made.
    Reset(LinkEnd, LinkEnd),
    /// Something between these and those forgets their connections: they are dead, and nobody is told. New ones work.
    HalfOpen {
        /// One end.
        one: LinkEnd,
        /// The other end.
        other: LinkEnd,
        /// Whether only what the first sends is lost.
        is_one_way: bool,
    },
    /// The processes die and are started again, in turns.
    RestartLoop {
        /// Whose.
        who: Who,
        /// How long they stay down, and then up.
        every: Duration,
        /// When they are left up.
        lasting: Duration,
    },
    /// Machines work, but not well.
    Ail(Who, Ailment),
    /// Links work, but not well.
    AilLink {
        /// One end.
        one: LinkEnd,
        /// The other end.
        other: LinkEnd,
        /// What is wrong.
        ailment: LinkAilment,
        /// How long.
        lasting: Duration,
    },
    /// Members are cut from all others one after the other, and come back in another order
    /// (FoundationDB's swizzle-clogging).
    Swizzle {
        /// Between two of these events.
        every: Duration,
    },
    /// All links work again.
    Heal,
    /// The history is compacted, but for its last so many revisions.
    Compact {
        /// Revisions before the newest that stay readable.
        keep: u64,
    },
    /// Writes as fast as they go, beside the workload.
    Burst {
        /// How many.
        puts: u64,
        /// The least size of their values.
        bytes: usize,
    },
    /// The membership changes, as soon as what was ordered before is done.
    Membership(MembershipChange),
    /// The machines break, and their disks with them: what starts there again finds nothing.
    LoseDisk(Who),
    /// So many leases as fast as they go, each with a key, all of which are left to expire.
    GrantLeases {
        /// How many.
        leases: u64,
        /// For how long.
        ttl: Duration,
    },
    /// An operator asks something of members.
    Upkeep(Who, Upkeep),
    /// At most so many large writes, until there is no room for them.
    Fill(u64),
    /// Every key is deleted.
    Empty,
    /// Gives a member a name, because who leads changes.
    Remember(Who, String),
    /// A write must be acknowledged in time, in spite of everything.
    Serves {
        /// Through this member; any will do if there is none.
        via: Option<Who>,
        /// How long it may take, retries included.
        within: Duration,
    },
}

impl Action {
    /// How many clients of its own the step may need.
    pub fn sessions(&self) -> usize {
        match self {
            Self::Burst { .. } => 4,
            Self::GrantLeases { .. } => GRANTERS,
            Self::Compact { .. } | Self::Serves { .. } => 1,
            _ => 0,
        }
    }

    /// The word that a script has for the step.
    pub fn kind(&self) -> String {
        let text = self.to_string();
        text.split(' ').next().unwrap_or_default().to_owned()
    }

    /// Whether a campaign counts how often the step was carried out: not what only ends faults, or asks.
    pub fn is_class(&self) -> bool {
        !matches!(self, Self::Restart(_) | Self::Heal | Self::Remember(..) | Self::Serves { .. })
    }

    /// Whether it shows only later that the step was carried out, while the next ones are done.
    pub fn is_told_later(&self) -> bool {
        // A call that is to fail, or to go astray, may never come.
        let waits = |ailment: &Ailment| {
            matches!(ailment, Ailment::FailingDisk(_) | Ailment::Misdirected { .. })
        };
        let is_armed = matches!(self, Self::Ail(_, ailment) if waits(ailment));
        is_armed || matches!(self, Self::Membership(_) | Self::Upkeep(..) | Self::Compact { .. })
    }

    /// Whether an operator does the step.
    pub fn is_upkeep(&self) -> bool {
        matches!(self, Self::Upkeep(..) | Self::Fill(_) | Self::Empty)
    }

    /// Whether the step is a fault, and not the end of one, a request, or a question.
    pub fn hurts(&self) -> bool {
        match self {
            Self::Kill(_)
            | Self::PowerLoss(_)
            | Self::PowerLossInWrite(_)
            | Self::Pause(..)
            | Self::StallDisk { .. }
            | Self::Partition(_)
            | Self::Cut(..)
            | Self::OneWay(..)
            | Self::CutClients(_)
            | Self::Flap { .. }
            | Self::Ail(..)
            | Self::AilLink { .. }
            | Self::Swizzle { .. }
            | Self::LoseDisk(_)
            | Self::HalfOpen { .. }
            | Self::RestartLoop { .. }
            | Self::Reset(..) => true,
            Self::Membership(change) => change.hurts(),
            Self::Restart(_)
            | Self::Heal
            | Self::Compact { .. }
            | Self::Burst { .. }
            | Self::GrantLeases { .. }
            | Self::Upkeep(..)
            | Self::Fill(_)
            | Self::Empty
            | Self::Remember(..)
            | Self::Serves { .. } => false,
        }
    }
}

/// Members, chosen at the moment when the step is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The member of that number.
    Member(usize),
    /// The leader.
    Leader,
    /// One member that runs and does not lead.
    Follower,
    /// All members but the leader.
    Followers,
    /// One member that runs.
    Any,
    /// Everybody.
    All,
    /// Those without a vote.
    Learner,
    /// The member that was remembered under this name.
    Named(String),
}

/// One end of links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEnd {
    /// Members.
    Members(Who),
    /// All clients.
    Clients,
}

/// How a partition divides the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// As written.
    Groups(Vec<BTreeSet<usize>>),
    /// The largest group that is no majority, with this member in it, and the rest.
    MinorityWith(Who),
    /// The smallest group that is a majority, with this member in it, and the rest.
    MajorityWith(Who),
    /// Every member reaches its two neighbours only.
    Ring,
}

impl Plan {
    /// Whether clients of the run are granted leases.
    pub fn has_leases(&self) -> bool {
        let Workload { holders, lockers, electors, .. } = self.workload;
        let grants = |step: &Step| matches!(step.action, Action::GrantLeases { .. });
        holders + lockers + electors > 0 || self.steps.iter().any(grants)
    }

    /// Microseconds a second that the fastest clock of the run gains.
    pub fn fastest_drift_ppm(&self) -> u64 {
        let drifts = self.steps.iter().filter_map(|step| match &step.action {
            Action::Ail(_, Ailment::Drift { ppm }) => u64::try_from(*ppm).ok(),
            _ => None,
        });
        drifts.max().unwrap_or(0)
    }
}
