//! What members told, in the words of histories.

use std::collections::BTreeMap;
use std::time::Duration;

use detcd_node::observer::Observation as Told;
use jepsen_like::history::{Applied, Event, LeaseLine, MemberId, Micros};
use jepsen_like::observation::{Fact, LogId, Observation, Role};

use super::attribution;
use super::members::{FaultRecord, Place};
use crate::workload::lease_change;
use sim::cluster::Record;

/// A member tells of a sync by a task of its own, so a little later than the sync ended; a sync takes many
/// times as long.
const DURABLE_LAG_US: Micros = 20;

/// Events of a history in the order of time; what members told comes before what clients saw then.
pub(super) fn merge(
    names: &dyn Fn(u64) -> Option<usize>,
    records: &[Record],
    faults: &[FaultRecord],
    clients: Vec<Event>,
) -> Vec<Event> {
    let mut teller = Teller::default();
    let mut events: Vec<Event> = Vec::new();
    for record in records {
        teller.tell(record, names, &mut events);
    }
    events.extend(faults.iter().filter_map(stop));
    events.extend(leases(records));
    events.extend(clients);
    events.sort_by_key(Event::time);
    attribution::attribute(records, &mut events);
    let mut ends = LogEnds::default();
    let mut whole = Vec::with_capacity(events.len());
    for event in events {
        whole.extend(ends.before(&event));
        whole.push(event);
    }
    whole
}

/// That a member runs no more, if that is what the fault means.
pub(super) fn stop(fault: &FaultRecord) -> Option<Event> {
    if fault.place != Place::Process || fault.text == "paused" {
        return None;
    }
    let member = fault.member? as MemberId;
    Some(Event::Observed(Observation { time: micros(fault.from), member, fact: Fact::Stopped }))
}

/// Adds what members do not tell: that an entry is in their log. It is, once it is durable or applied.
#[derive(Debug, Default)]
pub(super) struct LogEnds(BTreeMap<MemberId, u64>);

impl LogEnds {
    /// What must have come before this event.
    pub(super) fn before(&mut self, event: &Event) -> Option<Event> {
        let Event::Observed(seen) = event else { return None };
        let end = self.0.entry(seen.member).or_default();
        match &seen.fact {
            Fact::Started { last_log, .. } => *end = last_log.index,
            Fact::Snapshot { last, .. } => *end = last.index.max(*end),
            Fact::Durable { last } | Fact::Committed { last } if last.index > *end => {
                *end = last.index;
                let fact = Fact::Appended { from: *last, last: *last };
                return Some(Event::Observed(Observation { fact, ..seen.clone() }));
            }
            _ => {}
        }
        None
    }
}

/// Puts what members tell into words, one record after the other.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// The last term that each member told.
    terms: BTreeMap<MemberId, u64>,
}

impl Teller {
    pub(super) fn tell(
        &mut self,
        record: &Record,
        names: &dyn Fn(u64) -> Option<usize>,
        events: &mut Vec<Event>,
    ) {
        let term = self.terms.entry(record.member as MemberId).or_default();
        translate(record, term, events);
        events.extend(of_members(record, names));
    }
}

/// What a member told of others: whom it counts in quorums, or voted for. Who never ran has no number, and
/// is called by the id.
fn of_members(record: &Record, names: &dyn Fn(u64) -> Option<usize>) -> Option<Event> {
    let name = |id: &u64| names(*id).map_or(*id, |number| number as MemberId);
    let (time, member) = (micros(record.time), record.member as MemberId);
    let fact = match &record.observation {
        Told::Membership { index, voters, learners } => {
            let voters = voters.iter().map(|set| set.iter().map(name).collect()).collect();
            let learners = learners.iter().map(name).collect();
            Fact::Membership { index: *index, voters, learners }
        }
        Told::Voted { term, candidate } => Fact::Voted { term: *term, candidate: name(candidate) },
        _ => return None,
    };
    Some(Event::Observed(Observation { time, member, fact }))
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

/// Puts one record into words; `term` is the last that the member told.
fn translate(record: &Record, term: &mut u64, events: &mut Vec<Event>) {
    let time = micros(record.time);
    let member = record.member as MemberId;
    let mut fact = |fact| events.push(Event::Observed(Observation { time, member, fact }));
    match &record.observation {
        Told::Started { applied, last_log, last_term, .. } => {
            let last_log = LogId { term: *last_term, index: *last_log };
            fact(Fact::Started { term: *term, last_log, applied: *applied });
        }
        // A task of its own tells of roles, and may be later than the vote for somebody else.
        Told::Role { term: new_term, .. } if *new_term < *term => {}
        Told::Voted { term: new_term, .. } => *term = (*term).max(*new_term),
        Told::Role { term: new_term, is_leader, .. } => {
            *term = *new_term;
            let role = if *is_leader { Role::Leader } else { Role::Follower };
            fact(Fact::Role { role, term: *new_term });
        }
        Told::Applied { index, term, digest, .. } => {
            // The entry that founds the cluster has index 0, which to checkers is no entry.
            if *index > 0 {
                let entry = LogId { term: *term, index: *index };
                fact(Fact::Committed { last: entry });
                fact(Fact::Applied { entry, digest: *digest });
            }
        }
        Told::SnapshotInstalled { index, term, .. } => {
            let last = LogId { term: *term, index: *index };
            fact(Fact::Snapshot { last, installed: true });
        }
        Told::Durable { index, term } => {
            let time = time.saturating_sub(DURABLE_LAG_US);
            let last = LogId { term: *term, index: *index };
            let fact = Fact::Durable { last };
            events.push(Event::Observed(Observation { time, member, fact }));
        }
        Told::Failed { .. } => fact(Fact::Stopped),
        Told::Restored { .. }
        | Told::SnapshotBuilt { .. }
        | Told::Purged { .. }
        | Told::Membership { .. } => {}
    }
    events.extend(state(record));
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

    use super::*;

    fn record(at_us: u64, observation: Told) -> Record {
        Record { time: Duration::from_micros(at_us), member: 1, incarnation: 1, observation }
    }

    fn applied(index: u64, term: u64, revision: i64) -> Told {
        Told::Applied { index, term, revision, digest: 9, command: Bytes::new() }
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
    fn a_sync_that_is_told_late_comes_before_what_it_allowed() {
        let role = Told::Role { term: 2, leader: None, is_leader: true };
        let applied = applied(7, 2, 3);
        let told = [
            record(1_000, role),
            record(2_000, applied),
            record(2_010, Told::Durable { index: 7, term: 2 }),
        ];
        let last = LogId { term: 2, index: 7 };
        let expected = vec![
            Fact::Role { role: Role::Leader, term: 2 },
            Fact::Appended { from: last, last },
            Fact::Durable { last },
            Fact::Committed { last },
            Fact::Applied { entry: last, digest: 9 },
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
