//! Rare states that a run may reach, told from outside: over a campaign they say which corners the seeds got
//! into and which never ("sometimes" assertions, as FoundationDB's code probes and Antithesis have them).
//!
//! None of them is right or wrong. One that a large campaign never reaches is a hole in the scenarios.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use detcd_node::observer::Observation as Told;
use jepsen_like::history::{Event, LeaseChange, MemberId, RefusalKind, WatchId, WatchRecord};
use sim::cluster::Record;

use super::members::{FaultRecord, Place};

/// How often each was reached, by name.
pub type Reached = BTreeMap<String, u64>;

/// What can be reached; all of them, so that those which never are can be named.
pub const PROBES: [&str; 22] = [
    TWO_LEADERS,
    CAME_BACK_TO_LEAD,
    NO_LEADER_IN_TERM,
    ELECTED_IN_CHANGE,
    CHANGE_TAKEN_OVER,
    TAIL_CUT,
    TORN_TAIL,
    REPLAYED,
    NOTHING_TO_REPLAY,
    SNAPSHOT_OVER_STATE,
    SNAPSHOT_TO_NEWCOMER,
    ALL_DOWN,
    ANSWERED_UNDER_NETWORK_FAULT,
    UNKNOWN_TOOK_EFFECT,
    UNKNOWN_DID_NOT,
    COMPACTED_READ,
    FUTURE_READ,
    LEASE_NOT_FOUND,
    WATCH_COMPACTED,
    WATCH_MOVED,
    WATCH_IN_FRAGMENTS,
    LEASE_ENDED_AFTER_ELECTION,
];

const TWO_LEADERS: &str = "two members took themselves for leader";
const CAME_BACK_TO_LEAD: &str = "a leader was started anew and led again before any other";
const NO_LEADER_IN_TERM: &str = "votes of a term made no leader";
const ELECTED_IN_CHANGE: &str =
    "a leader was elected while a change of the membership was half done";
const CHANGE_TAKEN_OVER: &str = "a change of the membership was completed by another leader";
const TAIL_CUT: &str = "a tail that conflicts was cut from a log";
const TORN_TAIL: &str = "a torn tail was found in a log";
const REPLAYED: &str = "a restart replayed entries that the database had not";
const NOTHING_TO_REPLAY: &str = "a restart found everything of the log in the database";
const SNAPSHOT_OVER_STATE: &str = "a snapshot replaced a state";
const SNAPSHOT_TO_NEWCOMER: &str = "a snapshot was the first that a member got";
const ALL_DOWN: &str = "all members were down at once";
const ANSWERED_UNDER_NETWORK_FAULT: &str = "an operation was answered under a network fault";
pub(super) const UNKNOWN_TOOK_EFFECT: &str = "a write of unknown outcome took effect";
pub(super) const UNKNOWN_DID_NOT: &str = "a write of unknown outcome did not take effect";
const COMPACTED_READ: &str = "a revision was refused as compacted";
const FUTURE_READ: &str = "a revision was refused as not yet there";
const LEASE_NOT_FOUND: &str = "a lease was not found any more";
const WATCH_COMPACTED: &str = "a watch was ended by a compaction";
const WATCH_MOVED: &str = "a watch went on at another member";
const WATCH_IN_FRAGMENTS: &str = "an answer to a watch came in fragments";
const LEASE_ENDED_AFTER_ELECTION: &str = "a lease ran out within two seconds of an election";

/// How long after an election a lease that ends is remarkable.
const AFTER_ELECTION: Duration = Duration::from_secs(2);

/// Looks at a run.
pub(super) fn look(records: &[Record], faults: &[FaultRecord], events: &[Event]) -> Reached {
    let mut looking = Looking { downs: downs(faults), ..Looking::default() };
    for record in records {
        looking.told(record);
    }
    looking.all_down();
    let network: Vec<_> = faults.iter().filter(|fault| fault.place == Place::Network).collect();
    for event in events {
        looking.seen(event, &network);
    }
    let voted = looking.terms.values().filter(|term| term.voted && !term.led).count();
    looking.add(NO_LEADER_IN_TERM, voted as u64);
    looking.reached
}

/// What is known of a term.
#[derive(Debug, Default)]
struct Term {
    voted: bool,
    led: bool,
}

/// A time in which a member did not run.
#[derive(Debug, Clone, Copy)]
struct Down {
    member: usize,
    from: Duration,
    to: Option<Duration>,
}

impl Down {
    fn lasts(&self, at: Duration) -> bool {
        self.from <= at && self.to.is_none_or(|to| to > at)
    }
}

/// When processes were ended. One that is paused runs, and still takes itself for what it was.
fn downs(faults: &[FaultRecord]) -> Vec<Down> {
    let ended = faults.iter().filter(|it| it.place == Place::Process && it.text != "paused");
    let down = |fault: &FaultRecord| {
        fault.member.map(|member| Down { member, from: fault.from, to: fault.to })
    };
    ended.filter_map(down).collect()
}

#[derive(Debug, Default)]
struct Looking {
    reached: Reached,
    downs: Vec<Down>,
    terms: BTreeMap<u64, Term>,
    /// Who leads, as far as they know.
    leading: BTreeSet<usize>,
    /// Who led last, and in which incarnation.
    last_leader: Option<(usize, u64)>,
    /// When a leader was elected.
    elections: Vec<Duration>,
    durable: BTreeMap<usize, u64>,
    began: BTreeSet<usize>,
    /// Members whose newest configuration is joint, with the leader when that began.
    joint: BTreeMap<usize, Option<usize>>,
    places: BTreeMap<WatchId, MemberId>,
}

impl Looking {
    fn add(&mut self, probe: &'static str, times: u64) {
        if times > 0 {
            *self.reached.entry(probe.to_owned()).or_default() += times;
        }
    }

    fn once(&mut self, probe: &'static str) {
        self.add(probe, 1);
    }

    fn told(&mut self, record: &Record) {
        let member = record.member;
        match &record.observation {
            Told::Started { applied, last_log, torn_tail_bytes, .. } => {
                self.leading.remove(&member);
                self.durable.insert(member, *last_log);
                self.began.extend((*applied > 0).then_some(member));
                if *torn_tail_bytes > 0 {
                    self.once(TORN_TAIL);
                }
                match (*applied > 0, applied < last_log) {
                    (true, true) => self.once(REPLAYED),
                    (true, false) => self.once(NOTHING_TO_REPLAY),
                    (false, _) => {}
                }
            }
            Told::Role { term, is_leader, .. } => self.role(record, *term, *is_leader),
            Told::Voted { term, .. } => self.terms.entry(*term).or_default().voted = true,
            Told::Durable { index, .. } | Told::Truncated { index, .. } => {
                if self.durable.insert(member, *index).is_some_and(|before| before > *index) {
                    self.once(TAIL_CUT);
                }
            }
            Told::Applied { .. } => _ = self.began.insert(member),
            Told::SnapshotInstalled { .. } => {
                let is_new = self.began.insert(member);
                self.once(if is_new { SNAPSHOT_TO_NEWCOMER } else { SNAPSHOT_OVER_STATE });
            }
            Told::Membership { voters, .. } => {
                let leader = self.last_leader.map(|(leader, _)| leader);
                if voters.len() > 1 {
                    // Who starts again tells once more of what was half done before.
                    self.joint.entry(member).or_insert(leader);
                } else if let Some(began_by) = self.joint.remove(&member)
                    && began_by != leader
                {
                    self.once(CHANGE_TAKEN_OVER);
                }
            }
            Told::Failed { .. } => _ = self.leading.remove(&member),
            Told::Restored { .. }
            | Told::SnapshotBuilt { .. }
            | Told::Purged { .. }
            | Told::Appended { .. }
            | Told::Committed { .. }
            | Told::Acknowledged { .. }
            | Told::ReadBegun
            | Told::ReadGranted { .. }
            | Told::ReadAsked
            | Told::ReadAnswered { .. } => {}
        }
    }

    fn role(&mut self, record: &Record, term: u64, is_leader: bool) {
        let (member, incarnation) = (record.member, record.incarnation);
        if !is_leader {
            self.leading.remove(&member);
            return;
        }
        let downs = &self.downs;
        self.leading
            .retain(|other| !downs.iter().any(|it| it.member == *other && it.lasts(record.time)));
        let was_known = std::mem::replace(&mut self.terms.entry(term).or_default().led, true);
        if self.leading.insert(member) && self.leading.len() > 1 {
            self.once(TWO_LEADERS);
        }
        if was_known {
            return;
        }
        self.elections.push(record.time);
        if self.joint.contains_key(&member) {
            self.once(ELECTED_IN_CHANGE);
        }
        if let Some((before, life)) = self.last_leader.replace((member, incarnation))
            && before == member
            && life != incarnation
        {
            self.once(CAME_BACK_TO_LEAD);
        }
    }

    /// Moments from which on nobody ran, of those whose processes were ended.
    fn all_down(&mut self) {
        let members = self.durable.len();
        let is_total = |at: Duration| {
            let down: BTreeSet<usize> =
                self.downs.iter().filter(|it| it.lasts(at)).map(|it| it.member).collect();
            members > 1 && down.len() == members
        };
        let times = self.downs.iter().filter(|it| is_total(it.from)).count();
        self.add(ALL_DOWN, times as u64);
    }

    fn seen(&mut self, event: &Event, network: &[&FaultRecord]) {
        match event {
            Event::Ok { time, .. } => {
                let at = Duration::from_micros(*time);
                let lasts =
                    |fault: &&FaultRecord| fault.from <= at && fault.to.is_none_or(|to| to > at);
                if network.iter().any(lasts) {
                    self.once(ANSWERED_UNDER_NETWORK_FAULT);
                }
            }
            Event::Fail { error, .. } => match error.kind {
                RefusalKind::Compacted => self.once(COMPACTED_READ),
                RefusalKind::FutureRevision => self.once(FUTURE_READ),
                RefusalKind::LeaseNotFound => self.once(LEASE_NOT_FOUND),
                _ => {}
            },
            Event::Lease(line) => {
                let expired = line.change == LeaseChange::Expired;
                let at = Duration::from_micros(line.time);
                let is_near = self.elected_before(at).is_some_and(|ago| ago < AFTER_ELECTION);
                if expired && is_near {
                    self.once(LEASE_ENDED_AFTER_ELECTION);
                }
            }
            Event::Watch(line) => {
                match &line.record {
                    WatchRecord::Canceled { compact_revision, .. } if *compact_revision > 0 => {
                        self.once(WATCH_COMPACTED);
                    }
                    WatchRecord::Events { fragment: true, .. } => self.once(WATCH_IN_FRAGMENTS),
                    _ => {}
                }
                let before = self.places.insert(line.watch, line.member);
                if before.is_some_and(|before| before != line.member) {
                    self.once(WATCH_MOVED);
                }
            }
            _ => {}
        }
    }

    /// How long ago the last election was.
    fn elected_before(&self, at: Duration) -> Option<Duration> {
        let after = self.elections.partition_point(|election| *election <= at);
        let last = self.elections[..after].last()?;
        Some(at - *last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use detcd_node::wal::Reach;

    use super::*;

    fn record(at_ms: u64, member: usize, incarnation: u64, observation: Told) -> Record {
        let (time, witness) = (Duration::from_millis(at_ms), None);
        Record { time, member, incarnation, observation, witness }
    }

    fn started(applied: u64, last_log: u64, torn_tail_bytes: u64) -> Told {
        let (last_term, vote, committed, committed_term) = (1, None, 0, 0);
        Told::Started {
            applied,
            last_log,
            last_term,
            torn_tail_bytes,
            vote,
            committed,
            committed_term,
        }
    }

    fn leads(term: u64, is_leader: bool) -> Told {
        Told::Role { term, leader: None, is_leader, is_candidate: false }
    }

    fn names(reached: &Reached) -> Vec<&str> {
        reached.keys().map(String::as_str).collect()
    }

    #[test]
    fn names_are_different() {
        assert_eq!(BTreeSet::from(PROBES).len(), PROBES.len());
    }

    #[test]
    fn a_quiet_run_reaches_nothing() {
        let records = [
            record(0, 1, 0, started(0, 0, 0)),
            record(1, 1, 0, Told::Voted { term: 1, candidate: 1 }),
            record(2, 1, 0, leads(1, true)),
            record(3, 1, 0, Told::Durable { index: 3, term: 1, reach: Reach::default() }),
        ];
        assert_eq!(look(&records, &[], &[]), Reached::new());
    }

    #[test]
    fn what_members_tell_is_understood() {
        let records = [
            record(0, 1, 0, leads(1, true)),
            record(5, 1, 1, started(4, 9, 12)),
            record(6, 1, 1, leads(2, true)),
            record(7, 2, 0, Told::Voted { term: 3, candidate: 2 }),
            record(8, 2, 0, leads(4, true)),
            record(9, 1, 1, Told::Truncated { index: 8, term: 1 }),
        ];
        let reached = look(&records, &[], &[]);
        let mut expected =
            vec![TWO_LEADERS, CAME_BACK_TO_LEAD, NO_LEADER_IN_TERM, TAIL_CUT, TORN_TAIL, REPLAYED];
        expected.sort_unstable();
        assert_eq!(names(&reached), expected);
    }

    #[test]
    fn a_leader_that_was_ended_takes_itself_for_nothing() {
        let records = [record(0, 1, 0, leads(1, true)), record(9, 2, 0, leads(2, true))];
        let ended = |text: &str| FaultRecord {
            from: Duration::from_millis(5),
            to: None,
            place: Place::Process,
            member: Some(1),
            text: text.to_owned(),
        };
        let both = |text| look(&records, &[ended(text)], &[]).contains_key(TWO_LEADERS);
        assert!(both("paused"));
        assert!(!both("killed"));
    }

    #[test]
    fn who_completes_a_change_of_another_is_told() {
        let membership = |sets: usize| Told::Membership {
            index: 5,
            voters: vec![vec![1, 2, 3]; sets],
            learners: vec![],
        };
        let change = |completed_by| {
            let records = [
                record(0, 1, 0, leads(1, true)),
                record(1, 3, 0, membership(2)),
                record(2, completed_by, 0, leads(2, true)),
                record(3, 3, 0, membership(1)),
            ];
            look(&records, &[], &[]).contains_key(CHANGE_TAKEN_OVER)
        };
        assert!(change(2));
        assert!(!change(1));
    }

    #[test]
    fn everybody_down_is_told_once_for_each_time() {
        let fault = |member, from, to| FaultRecord {
            from: Duration::from_millis(from),
            to: Some(Duration::from_millis(to)),
            place: Place::Process,
            member: Some(member),
            text: "killed".to_owned(),
        };
        let records = [record(0, 1, 0, started(0, 0, 0)), record(0, 2, 0, started(0, 0, 0))];
        let faults = [fault(1, 5, 9), fault(2, 7, 8), fault(2, 20, 30)];
        assert_eq!(look(&records, &faults, &[]).get(ALL_DOWN), Some(&1));
    }
}
