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
    let mut events = vec![membership(members)];
    let mut terms: BTreeMap<MemberId, u64> = BTreeMap::new();
    for record in records {
        translate(record, &mut terms, &mut events);
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

/// All members vote from the beginning.
fn membership(members: usize) -> Event {
    let voters = vec![(1..=members).map(|member| member as MemberId).collect()];
    let fact = Fact::Membership { voters, learners: Vec::new() };
    Event::Observed(Observation { time: 0, member: 1, fact })
}

/// Only what a member says with its term is translated: an index alone names no entry.
fn translate(record: &Record, terms: &mut BTreeMap<MemberId, u64>, events: &mut Vec<Event>) {
    let time = micros(record.time);
    let member = record.member as MemberId;
    let mut fact = |fact| events.push(Event::Observed(Observation { time, member, fact }));
    match &record.observation {
        Told::Started { applied, last_log, .. } => {
            let term = terms.get(&member).copied().unwrap_or(0);
            let last_log = LogId { term, index: *last_log };
            fact(Fact::Started { term, last_log, applied: *applied });
        }
        Told::Role { term, is_leader, .. } => {
            terms.insert(member, *term);
            let role = if *is_leader { Role::Leader } else { Role::Follower };
            fact(Fact::Role { role, term: *term });
        }
        Told::Applied { index, term, revision, digest } => {
            let entry = LogId { term: *term, index: *index };
            fact(Fact::Applied { entry, digest: *digest });
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
            let term = terms.get(&member).copied().unwrap_or(0);
            fact(Fact::Snapshot { last: LogId { term, index: *index }, installed: true });
        }
        Told::Durable { .. }
        | Told::SnapshotBuilt { .. }
        | Told::Purged { .. }
        | Told::Failed { .. } => {}
    }
}

fn micros(time: Duration) -> Micros {
    u64::try_from(time.as_micros()).expect("a run takes less than an age")
}
