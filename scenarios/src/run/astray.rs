//! Writes that go astray when they are made: one is missing where it belongs, and lies over something else.
//!
//! The member goes on with what it has in memory and counts as lost from then on, as with any other damage (see
//! [`super::damage`]): who has acknowledged what its disk does not hold must not be needed for it. Whoever reads such
//! a disk must notice and stop, and must never come back with less than it said.
//!
//! No log that is written once can see that its *last* write is missing: it looks as if power had been lost before.
//! So nobody comes back on a log that shows nothing: the machine is left broken, as a disk that is lost, and the run
//! says so. As soon as anything is durable behind the write, the log's own frames prove the hole, and then the member
//! is started, and has to refuse.

use std::collections::BTreeSet;
use std::time::Duration;

use detcd_node::observer::Observation;
use sim::cluster::Record;
use sim::disk::{Astray, Times};

use super::chronicle::FaultId;
use super::damage::LOG;
use super::members::{Members, Place};

/// The word of the step.
const KIND: &str = "misdirect-write";

/// A write that is to go astray.
#[derive(Debug)]
pub(super) struct Aimed {
    member: usize,
    at: Duration,
    fault: FaultId,
    /// How many of its disk had gone astray before.
    before: u64,
}

/// What a log shows of writes to it that went astray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// There are none, or nothing is missing.
    Well,
    /// What is durable behind one proves that it is missing.
    Hole,
    /// One was the last that was written.
    Nothing,
}

impl Members {
    /// The next write to such files of the member lands in another place of its file.
    pub(super) fn misdirect_write(&self, member: usize, files: &str) {
        if self.lock().aimed.iter().any(|aimed| aimed.member == member) {
            self.spares(format!("the next write of {member} goes astray already"));
            return;
        }
        if !self.is_damaged(member) && !self.can_spare(member) {
            self.spares(format!("member {member} is needed first"));
            return;
        }
        self.may_stop(member, Some(self.forever()));
        let host = self.host(member);
        let disk = host.disk();
        let before = disk.counters().writes_astray;
        disk.set_faults(|faults| {
            faults.write_misdirected = Times::Next(1);
            files.clone_into(&mut faults.misdirected_only);
        });
        let whose = if files.is_empty() { "any file".to_owned() } else { format!("{files}*") };
        let text = format!("the next write of {member} to {whose} goes astray");
        let (at, fault) =
            (self.world.true_time(), self.begin_curable(Place::Disk, Some(member), None, text));
        let mut state = self.lock();
        state.astray.insert(member);
        state.aimed.push(Aimed { member, at, fault, before });
    }

    /// Tells of each write that was to go astray whether one came. Whose did not is as well as before.
    pub(super) fn settle_writes(&self) {
        let aimed = std::mem::take(&mut self.lock().aimed);
        for Aimed { member, at, fault, before } in aimed {
            self.end_fault(fault);
            let is_old_disk = self.cluster.is_here(member) && !self.is_lost(member);
            if self.host(member).disk().counters().writes_astray > before {
                self.strikes(KIND);
            } else {
                self.spares_kind(KIND, &format!("member {member} wrote no such file any more"));
                if is_old_disk {
                    let mut state = self.lock();
                    state.astray.remove(&member);
                    state.excuses.withdraw(member, at);
                }
            }
        }
    }

    /// Whether the member would come back with less than it said, and could not know.
    pub(super) fn hides_loss(&self, member: usize) -> bool {
        self.shown(member) == Shown::Nothing
    }

    /// The member is not started again.
    pub(super) fn leave_down(&self, member: usize) {
        self.lock().left_down.insert(member);
        self.note(&format!("{member} stays down: the last write to its log went astray"));
    }

    /// How many members were not.
    pub(super) fn left_down(&self) -> u64 {
        self.lock().left_down.len() as u64
    }

    /// The member has just been started: on a log with a hole it must not come up.
    pub(super) fn expect_refusal(&self, member: usize) {
        if self.shown(member) == Shown::Hole {
            let incarnation = self.status(member).starts;
            self.lock().must_refuse.insert((member, incarnation));
        }
    }

    /// Who came up on a log with a hole.
    pub(super) fn undetected(&self) -> Vec<(Duration, String)> {
        let must_refuse = self.lock().must_refuse.clone();
        came_up(&must_refuse, &self.records())
    }

    fn shown(&self, member: usize) -> Shown {
        let host = self.host(member);
        let disk = host.disk();
        let astray = disk.astray();
        if astray.is_empty() {
            return Shown::Well;
        }
        judge(&astray, &disk.durable_names())
    }
}

/// Who told that it has started, of those who must not in that life; with the time.
fn came_up(must_refuse: &BTreeSet<(usize, u64)>, records: &[Record]) -> Vec<(Duration, String)> {
    let must_not = |record: &&Record| {
        matches!(record.observation, Observation::Started { .. })
            && must_refuse.contains(&(record.member, record.incarnation))
    };
    let told = |record: &Record| {
        let message = format!(
            "member {} came up at {:?}, although a write to its log had gone astray and what is durable behind it \
             shows that it is missing",
            record.member, record.time
        );
        (record.time, message)
    };
    records.iter().filter(must_not).map(told).collect()
}

/// What these writes have left of a log, of which files are certain to keep their names. Each file names the end of
/// the one before it.
fn judge(astray: &[Astray], durable_names: &[String]) -> Shown {
    let is_proven = |stray: &Astray, file: &str| {
        let is_later = |name: &&String| name.starts_with(LOG) && name.as_str() > file;
        let is_whole = |name: &&String| !name.ends_with(".tmp");
        stray.is_followed || durable_names.iter().filter(is_whole).any(|name| is_later(&name))
    };
    let mut shown = Shown::Well;
    for stray in astray {
        let Some(file) = stray.file.as_deref().filter(|file| file.starts_with(LOG)) else {
            continue;
        };
        if !is_proven(stray, file) {
            return Shown::Nothing;
        }
        if stray.is_missing {
            shown = Shown::Hole;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn astray(file: Option<&str>, is_missing: bool, is_followed: bool) -> Astray {
        Astray { file: file.map(str::to_owned), meant: 600, landed: 1024, is_missing, is_followed }
    }

    #[test]
    fn a_log_shows_what_is_missing_only_by_what_follows() {
        let names = ["state.redb", "wal-1.log", "wal-2.log.tmp"].map(str::to_owned);
        let shown = |stray| judge(&[stray], &names);
        assert_eq!(shown(astray(Some("wal-1.log"), true, false)), Shown::Nothing);
        assert_eq!(shown(astray(Some("wal-1.log"), true, true)), Shown::Hole);
        assert_eq!(shown(astray(Some("wal-0.log"), true, false)), Shown::Hole, "a later file");
        assert_eq!(shown(astray(Some("wal-1.log"), false, true)), Shown::Well, "it was there");
        assert_eq!(shown(astray(None, true, false)), Shown::Well, "the file is gone");
        assert_eq!(shown(astray(Some("state.redb"), true, false)), Shown::Well, "no log");
    }

    #[test]
    fn who_comes_up_and_must_not_is_told_with_the_time() {
        let record = |seconds, member, incarnation| Record {
            time: Duration::from_secs(seconds),
            member,
            incarnation,
            observation: Observation::Started {
                applied: 0,
                last_log: 0,
                last_term: 0,
                torn_tail_bytes: 0,
                vote: None,
                committed: 0,
                committed_term: 0,
            },
            witness: None,
        };
        let records = [record(1, 2, 0), record(2, 3, 1), record(3, 2, 1), record(4, 2, 2)];
        let found = came_up(&BTreeSet::from([(2, 1)]), &records);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, Duration::from_secs(3));
        assert!(found[0].1.starts_with("member 2 came up at 3s, "), "{found:?}");
        assert!(came_up(&BTreeSet::new(), &records).is_empty());
    }

    #[test]
    fn one_that_shows_nothing_is_enough() {
        let one = |is_followed| astray(Some("wal-1.log"), true, is_followed);
        assert_eq!(judge(&[one(true), one(false)], &[]), Shown::Nothing);
    }
}
