//! What the members of a cluster observed, in the order of true time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use detcd_node::observer::{Observation, Observer};
use detcd_node::wal::Reach;

use crate::disk::SimDisk;
use crate::process::World;
use crate::trace::Value;

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// True time since the start of the run.
    pub time: Duration,
    /// The member that made it, from 1.
    pub member: usize,
    /// How often the member had been started before.
    pub incarnation: u64,
    /// What it observed.
    pub observation: Observation,
    /// What its disk showed at that moment, if that was not what the member could expect.
    pub witness: Option<Witness>,
}

/// What a disk shows while a member tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Witness {
    /// A loss of power would take what the member tells to be durable.
    AtRisk {
        /// The file.
        file: String,
        /// From this byte on; from the first, if the name of the file would go.
        from: u64,
    },
    /// The member starts on a disk that was damaged, or is not the one it had.
    Damaged,
}

/// The last that a member was heard to say of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Times that it was started.
    pub starts: u64,
    /// Its term.
    pub term: u64,
    /// Whether it led when it last said so, and runs.
    pub is_leader: bool,
    /// Its last applied index.
    pub applied: u64,
    /// Its revision.
    pub revision: i64,
    /// Its digest.
    pub digest: u64,
    /// Entries durable in its log.
    pub durable: u64,
    /// Snapshots that it installed.
    pub snapshots_installed: u64,
    /// Whether it knows that the cluster has removed it.
    pub is_removed: bool,
    /// Whether it has ever come to life with data of its own.
    pub has_begun: bool,
    /// Whether it has lost a disk.
    pub has_lost_disk: bool,
}

/// Hears all members; clones hear the same.
#[derive(Debug, Clone)]
pub struct Observed {
    world: World,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    records: Vec<Record>,
    statuses: Vec<Status>,
    terms_with_leader: std::collections::BTreeSet<u64>,
}

impl Observed {
    pub(super) fn new(world: World) -> Self {
        Self { world, inner: Arc::default() }
    }

    /// There is one more to hear of.
    pub(super) fn seat(&self) {
        self.inner().statuses.push(Status::default());
    }

    /// All observations so far, but for the first so many.
    pub fn records_from(&self, skip: usize) -> Vec<Record> {
        self.inner().records.iter().skip(skip).cloned().collect()
    }

    /// Shows all observations so far, but for the first so many, to somebody who must not ask for more meanwhile.
    pub fn look_from<T>(&self, skip: usize, look: impl FnOnce(&[Record]) -> T) -> T {
        let inner = self.inner();
        look(inner.records.get(skip..).unwrap_or_default())
    }

    /// What is known of a member.
    pub fn status(&self, member: usize) -> Status {
        self.inner().statuses[member - 1]
    }

    /// Terms in which somebody led.
    pub fn elections(&self) -> u64 {
        self.inner().terms_with_leader.len() as u64
    }

    /// Snapshots that were installed by any member.
    pub fn snapshots_installed(&self) -> u64 {
        self.inner().statuses.iter().map(|status| status.snapshots_installed).sum()
    }

    pub(super) fn started(&self, member: usize) {
        self.inner().statuses[member - 1].starts += 1;
    }

    pub(super) fn ended(&self, member: usize) {
        self.inner().statuses[member - 1].is_leader = false;
    }

    pub(super) fn failed(&self, member: usize, reason: &str) {
        let incarnation = self.status(member).starts;
        self.record(member, incarnation, Observation::Failed { reason: reason.to_owned() }, None);
    }

    /// The cluster has removed the member, which ends by itself.
    pub(super) fn removed(&self, member: usize) {
        self.world.trace().event("removed", &[("member", Value::from(member as u64))]);
        self.inner().statuses[member - 1].is_removed = true;
    }

    /// The member's disk is gone, with all that it had made durable.
    pub(super) fn lost_disk(&self, member: usize) {
        self.inner().statuses[member - 1].has_lost_disk = true;
    }

    /// What hears one incarnation of a member, and looks at the disk it has.
    pub(super) fn observer(&self, member: usize, disk: SimDisk) -> Arc<dyn Observer> {
        let incarnation = self.status(member).starts;
        Arc::new(Ear { observed: self.clone(), member, incarnation, disk })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(
        &self,
        member: usize,
        incarnation: u64,
        observation: Observation,
        disk: Option<&SimDisk>,
    ) {
        self.trace(member, &observation);
        let time = self.world.true_time();
        let mut inner = self.inner();
        if inner.statuses[member - 1].starts != incarnation {
            // A task of a killed process that is not dropped yet.
            return;
        }
        if let Observation::Role { term, is_leader: true, .. } = observation {
            inner.terms_with_leader.insert(term);
        }
        let has_lost_disk = inner.statuses[member - 1].has_lost_disk;
        let witness = disk.and_then(|disk| look(disk, has_lost_disk, &observation));
        update(&mut inner.statuses[member - 1], &observation);
        inner.records.push(Record { time, member, incarnation, observation, witness });
    }

    fn trace(&self, member: usize, observation: &Observation) {
        let member = Value::from(member as u64);
        let trace = self.world.trace();
        match observation {
            Observation::Role { term, is_leader, .. } => {
                let leads = u64::from(*is_leader);
                trace.event(
                    "role",
                    &[("member", member), ("term", (*term).into()), ("leads", leads.into())],
                );
            }
            Observation::Applied { index, digest, .. } => trace.event(
                "applied",
                &[("member", member), ("index", (*index).into()), ("digest", (*digest).into())],
            ),
            Observation::Restored { index, digest, .. } => trace.event(
                "restored",
                &[("member", member), ("index", (*index).into()), ("digest", (*digest).into())],
            ),
            Observation::SnapshotInstalled { index, .. } => {
                trace.event("installed", &[("member", member), ("index", (*index).into())]);
            }
            Observation::Started { applied, .. } => {
                trace.event("started", &[("member", member), ("applied", (*applied).into())]);
            }
            Observation::Durable { index, .. } => {
                trace.event("durable", &[("member", member), ("index", (*index).into())]);
            }
            // A log and its readers are busy, and all that a run does follows from the rest.
            Observation::Appended { .. }
            | Observation::Committed { .. }
            | Observation::ReadBegun
            | Observation::ReadGranted { .. }
            | Observation::ReadAsked
            | Observation::ReadAnswered { .. } => {}
            Observation::Truncated { index, .. } => {
                trace.event("truncated", &[("member", member), ("index", (*index).into())]);
            }
            Observation::Acknowledged { term, leader } => trace.event(
                "acknowledged",
                &[("member", member), ("term", (*term).into()), ("leader", (*leader).into())],
            ),
            Observation::SnapshotBuilt { index, .. } | Observation::Purged { index, .. } => {
                trace.event("snapshot", &[("member", member), ("index", (*index).into())]);
            }
            Observation::Membership { index, .. } => {
                trace.event("membership", &[("member", member), ("index", (*index).into())]);
            }
            Observation::Voted { term, candidate } => trace.event(
                "voted",
                &[("member", member), ("term", (*term).into()), ("candidate", (*candidate).into())],
            ),
            Observation::Failed { reason } => {
                trace.event("failed", &[("member", member), ("reason", Value::Text(reason))]);
            }
        }
    }
}

fn update(status: &mut Status, observation: &Observation) {
    match observation {
        Observation::Role { term, is_leader, .. } => {
            status.term = *term;
            status.is_leader = *is_leader;
        }
        Observation::Applied { index, revision, digest, .. }
        | Observation::Restored { index, revision, digest, .. } => {
            status.applied = *index;
            status.revision = *revision;
            status.digest = *digest;
        }
        Observation::SnapshotInstalled { index, revision, digest, .. } => {
            status.applied = *index;
            status.revision = *revision;
            status.digest = *digest;
            status.snapshots_installed += 1;
        }
        Observation::Durable { index, .. } | Observation::Truncated { index, .. } => {
            status.durable = *index;
        }
        Observation::Started { .. } => status.has_begun = true,
        Observation::Membership { .. }
        | Observation::Voted { .. }
        | Observation::Acknowledged { .. }
        | Observation::Appended { .. }
        | Observation::Committed { .. }
        | Observation::ReadBegun
        | Observation::ReadGranted { .. }
        | Observation::ReadAsked
        | Observation::ReadAnswered { .. }
        | Observation::SnapshotBuilt { .. }
        | Observation::Purged { .. } => {}
        Observation::Failed { .. } => status.is_leader = false,
    }
}

/// Whether the disk holds what the member relies on.
fn look(disk: &SimDisk, has_lost_disk: bool, observation: &Observation) -> Option<Witness> {
    match observation {
        Observation::Started { .. } if has_lost_disk || disk.is_damaged() => Some(Witness::Damaged),
        // Whoever has lost its disk says nothing of this one.
        Observation::Durable { reach, .. } if !has_lost_disk => at_risk(disk, reach),
        _ => None,
    }
}

/// What a loss of power might take of a log that is said to be durable that far: the files before the last one are
/// needed to their ends.
fn at_risk(disk: &SimDisk, reach: &Reach) -> Option<Witness> {
    let is_before = |name: &String| {
        name.starts_with("wal-") && name.ends_with(".log") && name.as_str() < &*reach.file
    };
    let before = disk.names().into_iter().filter(is_before).map(|name| (name, u64::MAX));
    let mut all = before.chain([(reach.file.to_string(), reach.bytes)]);
    all.find_map(|(file, bytes)| {
        disk.at_risk(&file, bytes).map(|from| Witness::AtRisk { file, from })
    })
}

struct Ear {
    observed: Observed,
    member: usize,
    incarnation: u64,
    disk: SimDisk,
}

impl Observer for Ear {
    fn observe(&self, observation: Observation) {
        self.observed.record(self.member, self.incarnation, observation, Some(&self.disk));
    }
}
