//! What members told, in the words of histories.

use std::collections::BTreeMap;
use std::time::Duration;

use detcd_node::observer::Observation as Told;
use jepsen_like::history::{Applied, Event, MemberId, Micros};
use jepsen_like::observation::{Fact, LogId, Observation, Role};

use super::members::{FaultRecord, Place};
use sim::cluster::Record;

/// Events of a history in the order of time; what members told comes before what clients saw then.
pub(super) fn merge(
    members: usize,
    records: &[Record],
    faults: &[FaultRecord],
    clients: Vec<Event>,
) -> Vec<Event> {
    let mut events: Vec<Event> =
        (1..=members).map(|member| membership(members, member as MemberId)).collect();
    let mut known: BTreeMap<MemberId, Known> = BTreeMap::new();
    for record in records {
        let known = known.entry(record.member as MemberId).or_default();
        translate(record, known, &mut events);
    }
    let stops =
        faults.iter().filter(|fault| fault.place == Place::Process && fault.text != "paused");
    events.extend(stops.filter_map(|fault| {
        let member = fault.member? as MemberId;
        Some(Event::Observed(Observation { time: micros(fault.from), member, fact: Fact::Stopped }))
    }));
    events.extend(clients);
    events.sort_by_key(Event::time);
    events
}

/// All members vote from the beginning, and each of them knows it.
fn membership(members: usize, member: MemberId) -> Event {
    let voters = vec![(1..=members).map(|member| member as MemberId).collect()];
    let fact = Fact::Membership { voters, learners: Vec::new() };
    Event::Observed(Observation { time: 0, member, fact })
}

/// What a member was heard to say of its log.
#[derive(Debug, Default)]
struct Known {
    term: u64,
    last_index: u64,
}

/// Members tell nothing of entries that are in their log but not durable: those are known when they are
/// applied.
fn translate(record: &Record, known: &mut Known, events: &mut Vec<Event>) {
    let time = micros(record.time);
    let member = record.member as MemberId;
    let mut fact = |fact| events.push(Event::Observed(Observation { time, member, fact }));
    match &record.observation {
        Told::Started { applied, last_log, .. } => {
            known.last_index = *last_log;
            let last_log = LogId { term: known.term, index: *last_log };
            let term = known.term;
            fact(Fact::Started { term, last_log, applied: *applied });
        }
        Told::Role { term, is_leader, .. } => {
            known.term = *term;
            let role = if *is_leader { Role::Leader } else { Role::Follower };
            fact(Fact::Role { role, term: *term });
        }
        Told::Applied { index, term, revision, digest } => {
            // The entry that founds the cluster has index 0, which to checkers is no entry.
            if *index > 0 {
                let entry = LogId { term: *term, index: *index };
                if *index > known.last_index {
                    known.last_index = *index;
                    fact(Fact::Appended { from: entry, last: entry });
                }
                fact(Fact::Committed { last: entry });
                fact(Fact::Applied { entry, digest: *digest });
            }
            let (index, term, revision, digest) = (*index, *term, *revision, *digest);
            let op = None;
            events.push(Event::Applied(Applied {
                time,
                member,
                index,
                term,
                revision,
                digest,
                op,
            }));
        }
        Told::SnapshotInstalled { index, .. } => {
            known.last_index = known.last_index.max(*index);
            let last = LogId { term: known.term, index: *index };
            fact(Fact::Snapshot { last, installed: true });
        }
        Told::Durable { index } => {
            // The entry's own term may be older: the check that a quorum has what is committed is
            // then weaker, never wrong.
            let last = LogId { term: known.term, index: *index };
            known.last_index = *index;
            fact(Fact::Appended { from: last, last });
            fact(Fact::Durable { last });
        }
        Told::SnapshotBuilt { .. } | Told::Purged { .. } | Told::Failed { .. } => {}
    }
}

fn micros(time: Duration) -> Micros {
    u64::try_from(time.as_micros()).expect("a run takes less than an age")
}
