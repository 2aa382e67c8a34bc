//! Who did what when, as lanes over time.

use std::collections::{BTreeMap, BTreeSet};

use jepsen_like::history::{ClientId, Event, Operation, Outcome, WatchRecord};
use jepsen_like::observation::{Fact, Role};
use reports::{Bar, Lane, LaneGroup, Mark, Tone};

use super::micros;
use super::words::{self, answer, clip, record};
use crate::run::{FaultRecord, Judged, Place, Ran};

const WATCH_LANES_MAX: usize = 12;

/// All lanes, from top to bottom.
pub(super) fn of(ran: &Ran, judged: &Judged, end_us: u64) -> Vec<Lane> {
    let mut lanes = fault_lanes(&ran.faults, end_us);
    lanes.extend(member_lanes(ran.members.len(), ran, end_us));
    lanes.extend(client_lanes(ran, judged));
    lanes.extend(watch_lanes(ran, judged, end_us));
    lanes
}

fn fault_lanes(faults: &[FaultRecord], end_us: u64) -> Vec<Lane> {
    [(Place::Network, "network"), (Place::Disk, "disk"), (Place::Process, "process")]
        .into_iter()
        .filter_map(|(place, name)| {
            let here: Vec<&FaultRecord> =
                faults.iter().filter(|fault| fault.place == place).collect();
            if here.is_empty() {
                return None;
            }
            let bars = here.iter().map(|fault| fault_bar(fault, end_us)).collect();
            Some(Lane { group: LaneGroup::Fault, name: name.to_owned(), bars, marks: Vec::new() })
        })
        .collect()
}

fn fault_bar(fault: &FaultRecord, end_us: u64) -> Bar {
    let from_us = micros(fault.from);
    let to_us = fault.to.map_or(end_us, micros);
    let label = words::fault(fault);
    let title =
        format!("{label}, {} s to {} s", reports::seconds(from_us), reports::seconds(to_us));
    Bar { from_us, to_us: Some(to_us), tone: Tone::Fault, label, title }
}

fn member_lanes(members: usize, ran: &Ran, end_us: u64) -> Vec<Lane> {
    (1..=members).map(|member| member_lane(member, ran, end_us)).collect()
}

/// Roles from what the member told, and over them when it was down or stood still.
fn member_lane(member: usize, ran: &Ran, end_us: u64) -> Lane {
    let mut bars: Vec<Bar> = Vec::new();
    let mut marks = Vec::new();
    for event in &ran.history.events {
        let Event::Observed(seen) = event else { continue };
        if seen.member != member as u64 {
            continue;
        }
        match &seen.fact {
            Fact::Role { role, term } => {
                close(&mut bars, seen.time);
                bars.push(role_bar(*role, *term, seen.time));
            }
            Fact::Stopped => close(&mut bars, seen.time),
            Fact::Started { applied, last_log, .. } => {
                let title = format!("started: applied {applied}, log to {}", last_log.index);
                marks.push(Mark { at_us: seen.time, tone: Tone::Quiet, title });
            }
            Fact::Snapshot { last, .. } => {
                let title = format!("snapshot up to {}", last.index);
                marks.push(Mark { at_us: seen.time, tone: Tone::Quiet, title });
            }
            _ => {}
        }
    }
    close(&mut bars, end_us);
    let is_down =
        |fault: &&FaultRecord| fault.place == Place::Process && fault.member == Some(member);
    bars.extend(ran.faults.iter().filter(is_down).map(|fault| Bar {
        from_us: micros(fault.from),
        to_us: Some(fault.to.map_or(end_us, micros)),
        tone: Tone::Down,
        label: fault.text.clone(),
        title: fault.text.clone(),
    }));
    Lane { group: LaneGroup::Member, name: format!("member {member}"), bars, marks }
}

fn close(bars: &mut [Bar], at_us: u64) {
    if let Some(last) = bars.last_mut() {
        last.to_us.get_or_insert(at_us);
    }
}

fn role_bar(role: Role, term: u64, from_us: u64) -> Bar {
    let (tone, word) = match role {
        Role::Leader => (Tone::Leader, "leader"),
        Role::Candidate => (Tone::Candidate, "candidate"),
        Role::Follower | Role::Learner => (Tone::Follower, "follower"),
    };
    let title = format!("{word} of term {term} from {} s", reports::seconds(from_us));
    Bar { from_us, to_us: None, tone, label: format!("t{term}"), title }
}

/// Clients that work after each other share a lane: a client is new after every unknown outcome.
fn client_lanes(ran: &Ran, judged: &Judged) -> Vec<Lane> {
    let witnesses: BTreeSet<u64> = judged.witnesses.iter().copied().collect();
    let operations = ran.history.operations();
    let mut lanes: Vec<(u64, Lane)> = Vec::new();
    let mut place: BTreeMap<ClientId, usize> = BTreeMap::new();
    for operation in &operations.list {
        let lane = *place.entry(operation.client).or_insert_with(|| {
            let free = lanes.iter().position(|(end, _)| *end <= operation.call);
            free.unwrap_or_else(|| {
                let name = format!("client {}", lanes.len() + 1);
                let group = LaneGroup::Client;
                lanes.push((0, Lane { group, name, bars: Vec::new(), marks: Vec::new() }));
                lanes.len() - 1
            })
        });
        let (end, lane) = &mut lanes[lane];
        *end = operation.end.unwrap_or(u64::MAX);
        lane.bars.push(operation_bar(operation, witnesses.contains(&operation.op)));
    }
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

fn operation_bar(operation: &Operation<'_>, is_witness: bool) -> Bar {
    let (tone, result) = match operation.outcome {
        Outcome::Ok(response) => (Tone::Good, answer(response)),
        Outcome::Fail(refusal) => (Tone::Refused, format!("refused: {:?}", refusal.kind)),
        Outcome::Info(Some(info)) => (Tone::Unknown, format!("unknown: {:?}", info.kind)),
        Outcome::Info(None) => (Tone::Unknown, "never ended".to_owned()),
    };
    let tone = if is_witness { Tone::Witness } else { tone };
    let title = format!(
        "operation {} of client {} at member {}: {} -> {}, {} s",
        operation.op,
        operation.client,
        operation.member,
        clip(&operation.request.to_string()),
        clip(&result),
        reports::seconds(operation.call)
    );
    let label = operation.op.to_string();
    Bar { from_us: operation.call, to_us: operation.end, tone, label, title }
}

fn watch_lanes(ran: &Ran, judged: &Judged, end_us: u64) -> Vec<Lane> {
    let mut lanes: BTreeMap<u64, Lane> = BTreeMap::new();
    let mut notable: BTreeSet<u64> = BTreeSet::new();
    for event in &ran.history.events {
        let Event::Watch(line) = event else { continue };
        let lane = lanes.entry(line.watch).or_insert_with(|| Lane {
            group: LaneGroup::Watch,
            name: format!("watch {}", line.watch),
            bars: Vec::new(),
            marks: Vec::new(),
        });
        let mut tone = match &line.record {
            WatchRecord::Events { .. } => Tone::Event,
            WatchRecord::Canceled { .. } | WatchRecord::Broken { .. } => Tone::Refused,
            _ => Tone::Quiet,
        };
        if judged.times.contains(&line.time) {
            tone = Tone::Witness;
            notable.insert(line.watch);
        }
        let title = format!("member {}: {}", line.member, clip(&record(&line.record)));
        lane.marks.push(Mark { at_us: line.time.min(end_us), tone, title });
    }
    // The watches that bear witness come first, if there are too many.
    let mut ids: Vec<u64> = lanes.keys().copied().collect();
    ids.sort_by_key(|id| (!notable.contains(id), *id));
    ids.truncate(WATCH_LANES_MAX);
    ids.sort_unstable();
    ids.iter().filter_map(|id| lanes.remove(id)).collect()
}
