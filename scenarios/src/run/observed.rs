//! What members told, in the words of histories.

use std::collections::BTreeMap;
use std::time::Duration;

use detcd_node::observer::Observation as Told;
use jepsen_like::history::{Applied, Event, LeaseLine, MemberId, Micros};
use jepsen_like::observation::{Fact, LogId, Observation, Role, Vote};

use super::attribution;
use super::members::{FaultRecord, Place};
use crate::workload::lease_change;
use sim::cluster::{Record, Witness};

/// Events of a history in the order of time; what members told comes before what clients saw then.
pub(super) fn merge(
    names: &dyn Fn(u64) -> Option<usize>,
    records: &[Record],
    faults: &[FaultRecord],
    clients: Vec<Event>,
) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for record in records {
        tell(record, names, &mut events);
    }
    events.extend(faults.iter().filter_map(stop));
    events.extend(leases(records));
    events.extend(clients);
    events.sort_by_key(Event::time);
    attribution::attribute(records, &mut events);
    events
}

/// That a member runs no more, if that is what the fault means.
pub(super) fn stop(fault: &FaultRecord) -> Option<Event> {
    if fault.place != Place::Process || fault.text == "paused" {
        return None;
    }
    let member = fault.member? as MemberId;
    Some(Event::Observed(Observation { time: micros(fault.from), member, fact: Fact::Stopped }))
}

/// Puts what a member told into words, and before it what its disk showed.
pub(super) fn tell(record: &Record, names: &dyn Fn(u64) -> Option<usize>, events: &mut Vec<Event>) {
    let (time, member) = (micros(record.time), record.member as MemberId);
    let facts = witnessed(record).into_iter().chain(facts(record, names).into_iter().flatten());
    events.extend(facts.map(|fact| Event::Observed(Observation { time, member, fact })));
    events.extend(state(record));
}

/// What the disk showed to nobody but the harness.
fn witnessed(record: &Record) -> Option<Fact> {
    match (record.witness.as_ref()?, &record.observation) {
        (Witness::Damaged, _) => Some(Fact::Damaged),
        (Witness::AtRisk { file, from }, Told::Durable { index, term, .. }) => {
            Some(Fact::AtRisk { last: log_id(*term, *index), file: file.clone(), from: *from })
        }
        (Witness::AtRisk { .. }, _) => None,
    }
}

fn facts(record: &Record, names: &dyn Fn(u64) -> Option<usize>) -> [Option<Fact>; 2] {
    match &record.observation {
        Told::Started { .. } => started(record, names),
        Told::Role { .. } | Told::Voted { .. } | Told::Acknowledged { .. } => {
            [election(record, names), None]
        }
        Told::Membership { .. } => [membership(record, names), None],
        _ => [log(record), None],
    }
}

/// Who never ran has no number, and is called by the id.
fn name(id: u64, names: &dyn Fn(u64) -> Option<usize>) -> MemberId {
    names(id).map_or(id, |number| number as MemberId)
}

fn log_id(term: u64, index: u64) -> LogId {
    LogId { term, index }
}

fn started(record: &Record, names: &dyn Fn(u64) -> Option<usize>) -> [Option<Fact>; 2] {
    let Told::Started { applied, last_log, last_term, vote, committed, committed_term, .. } =
        &record.observation
    else {
        return [None, None];
    };
    let term = vote.map_or(0, |vote| vote.term);
    let vote = vote
        .map(|vote| Vote { candidate: name(vote.candidate, names), is_committed: vote.committed });
    let last_log = log_id(*last_term, *last_log);
    // What is applied is committed as well, and may be more than the log knows.
    let committed = (committed > applied)
        .then(|| Fact::Committed { last: log_id(*committed_term, *committed) });
    [Some(Fact::Started { term, vote, last_log, applied: *applied }), committed]
}

fn election(record: &Record, names: &dyn Fn(u64) -> Option<usize>) -> Option<Fact> {
    Some(match record.observation {
        // Raft has not begun.
        Told::Role { term: 0, .. } => return None,
        Told::Role { term, is_leader: true, .. } => Fact::Role { role: Role::Leader, term },
        Told::Role { term, is_candidate: true, .. } => Fact::Role { role: Role::Candidate, term },
        Told::Role { term, .. } => Fact::Role { role: Role::Follower, term },
        Told::Voted { term, candidate } => Fact::Voted { term, candidate: name(candidate, names) },
        Told::Acknowledged { term, leader } => {
            Fact::Acknowledged { term, leader: name(leader, names) }
        }
        _ => return None,
    })
}

fn membership(record: &Record, names: &dyn Fn(u64) -> Option<usize>) -> Option<Fact> {
    let Told::Membership { index, voters, learners } = &record.observation else { return None };
    let name = |id: &u64| name(*id, names);
    let voters = voters.iter().map(|set| set.iter().map(name).collect()).collect();
    let learners = learners.iter().map(name).collect();
    Some(Fact::Membership { index: *index, voters, learners })
}

/// What became of a member's log, and of the state that it leads to. The entry that founds the cluster has index 0,
/// which to checkers is no entry.
fn log(record: &Record) -> Option<Fact> {
    Some(match record.observation {
        Told::Committed { index: 0, .. }
        | Told::Applied { index: 0, .. }
        | Told::SnapshotBuilt { index: 0, .. }
        | Told::Purged { index: 0, .. } => return None,
        Told::Appended { from, from_term, last, last_term } => {
            Fact::Appended { from: log_id(from_term, from), last: log_id(last_term, last) }
        }
        Told::Truncated { index, term } => Fact::Truncated { last: log_id(term, index) },
        Told::Durable { index, term, .. } => Fact::Durable { last: log_id(term, index) },
        Told::Committed { index, term } => Fact::Committed { last: log_id(term, index) },
        Told::Applied { index, term, digest, .. } => {
            Fact::Applied { entry: log_id(term, index), digest }
        }
        Told::SnapshotBuilt { index, term } => {
            Fact::Snapshot { last: log_id(term, index), installed: false }
        }
        Told::SnapshotInstalled { index, term, .. } => {
            Fact::Snapshot { last: log_id(term, index), installed: true }
        }
        Told::Purged { index, term } => Fact::Purged { last: log_id(term, index) },
        Told::ReadBegun => Fact::ReadBegun,
        Told::ReadGranted { index, term } => Fact::ReadGranted { last: log_id(term, index) },
        Told::ReadAsked => Fact::ReadAsked,
        Told::ReadAnswered { index, term } => Fact::ReadAnswered { last: log_id(term, index) },
        Told::Failed { .. } => Fact::Stopped,
        _ => return None,
    })
}

/// What the log says of leases, when the first member applied it.
fn leases(records: &[Record]) -> Vec<Event> {
    let mut lines: BTreeMap<u64, Option<LeaseLine>> = BTreeMap::new();
    for record in records {
        let Told::Applied { index, revision, command, .. } = &record.observation else { continue };
        let (time, index, revision) = (micros(record.time), *index, *revision);
        // All members apply the same commands, and taking one apart costs.
        lines.entry(index).or_insert_with(|| {
            let (lease, change) = lease_change(command)?;
            Some(LeaseLine { time, index, revision, lease, change })
        });
    }
    lines.into_values().flatten().map(Event::Lease).collect()
}

/// The state that a member has from now on. One that is restored or installed as a whole stands for
/// everything up to its last entry.
fn state(record: &Record) -> Option<Event> {
    let (Told::Applied { index, term, revision, digest, .. }
    | Told::Restored { index, term, revision, digest }
    | Told::SnapshotInstalled { index, term, revision, digest }) = record.observation
    else {
        return None;
    };
    let (time, member) = (micros(record.time), record.member as MemberId);
    Some(Event::Applied(Applied { time, member, index, term, revision, digest, op: None }))
}

fn micros(time: Duration) -> Micros {
    u64::try_from(time.as_micros()).expect("a run takes less than an age")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use detcd_node::wal::Reach;

    use super::*;

    fn record(at_us: u64, observation: Told) -> Record {
        let (time, witness) = (Duration::from_micros(at_us), None);
        Record { time, member: 1, incarnation: 1, observation, witness }
    }

    fn applied(index: u64, term: u64, revision: i64) -> Told {
        Told::Applied { index, term, revision, digest: 9, command: Bytes::new() }
    }

    fn role(term: u64, is_leader: bool, is_candidate: bool) -> Told {
        Told::Role { term, leader: None, is_leader, is_candidate }
    }

    fn facts(records: &[Record]) -> Vec<Fact> {
        let events = merge(&|_| None, records, &[], Vec::new());
        let fact = |event: Event| match event {
            Event::Observed(seen) => Some(seen.fact),
            _ => None,
        };
        events.into_iter().filter_map(fact).collect()
    }

    #[test]
    fn a_member_is_told_of_in_the_words_of_histories_and_nothing_is_added() {
        let appended = Told::Appended { from: 6, from_term: 1, last: 7, last_term: 2 };
        let told = [
            record(900, role(0, false, false)),
            record(980, role(1, false, false)),
            record(990, role(2, false, true)),
            record(1_000, role(2, true, false)),
            record(1_100, appended),
            record(2_000, Told::Durable { index: 7, term: 2, reach: Reach::default() }),
            record(2_010, Told::Committed { index: 7, term: 2 }),
            record(2_020, applied(7, 2, 3)),
            record(2_030, Told::SnapshotBuilt { index: 7, term: 2 }),
            record(2_040, Told::Purged { index: 5, term: 1 }),
            record(2_050, Told::Truncated { index: 7, term: 2 }),
            record(2_060, Told::ReadBegun),
            record(2_070, Told::ReadGranted { index: 7, term: 2 }),
            record(2_080, Told::ReadAsked),
            record(2_090, Told::ReadAnswered { index: 7, term: 2 }),
        ];
        let last = LogId { term: 2, index: 7 };
        let expected = vec![
            Fact::Role { role: Role::Follower, term: 1 },
            Fact::Role { role: Role::Candidate, term: 2 },
            Fact::Role { role: Role::Leader, term: 2 },
            Fact::Appended { from: LogId { term: 1, index: 6 }, last },
            Fact::Durable { last },
            Fact::Committed { last },
            Fact::Applied { entry: last, digest: 9 },
            Fact::Snapshot { last, installed: false },
            Fact::Purged { last: LogId { term: 1, index: 5 } },
            Fact::Truncated { last },
            Fact::ReadBegun,
            Fact::ReadGranted { last },
            Fact::ReadAsked,
            Fact::ReadAnswered { last },
        ];
        assert_eq!(facts(&told), expected);
    }

    #[test]
    fn what_a_disk_shows_is_told_before_what_the_member_says() {
        let started = Told::Started {
            applied: 3,
            last_log: 7,
            last_term: 2,
            torn_tail_bytes: 0,
            vote: Some(detcd_node::observer::Vote { term: 4, candidate: 9, committed: true }),
            committed: 5,
            committed_term: 1,
        };
        let mut told = [
            record(1_000, started),
            record(2_000, Told::Durable { index: 8, term: 4, reach: Reach::default() }),
        ];
        told[0].witness = Some(Witness::Damaged);
        told[1].witness = Some(Witness::AtRisk { file: "wal".to_owned(), from: 512 });
        let last = LogId { term: 4, index: 8 };
        let vote = Some(Vote { candidate: 9, is_committed: true });
        let last_log = LogId { term: 2, index: 7 };
        let expected = vec![
            Fact::Damaged,
            Fact::Started { term: 4, vote, last_log, applied: 3 },
            Fact::Committed { last: LogId { term: 1, index: 5 } },
            Fact::AtRisk { last, file: "wal".to_owned(), from: 512 },
            Fact::Durable { last },
        ];
        assert_eq!(facts(&told), expected);
    }

    #[test]
    fn what_a_member_restores_or_installs_is_what_it_has_applied() {
        let (index, term, revision, digest) = (7, 2, 3, 9);
        let tap = |time| Applied { time, member: 1, index, term, revision, digest, op: None };
        let told = [
            record(1_000, Told::SnapshotInstalled { index, term, revision, digest }),
            record(2_000, Told::Restored { index, term, revision, digest }),
        ];
        let events = merge(&|_| None, &told, &[], Vec::new());
        let taps = events.into_iter().filter(|event| matches!(event, Event::Applied(_)));
        let expected = [tap(1_000), tap(2_000)].map(Event::Applied);
        assert_eq!(taps.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_entry_that_founds_the_cluster_is_no_entry_to_checkers() {
        assert_eq!(facts(&[record(5, applied(0, 0, 1))]), vec![]);
    }
}
