//! A run as lanes, tables and lines for its page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jepsen_like::history::{
    AccessRecord, ClientId, Event, LeaseResponse, Operation, Outcome, Response, UpkeepRecord,
    WatchRecord,
};
use jepsen_like::observation::{Fact, Role};
use reports::{Bar, Lane, LaneGroup, Mark, Story, Table, Timeline, Tone};

use super::ledger::ledger;
use crate::plan::Plan;
use crate::run::{FaultRecord, Judged, Place, Ran};

/// Shown around the moments that bear witness.
const FOCUS_MARGIN_US: u64 = 150_000;
/// A longer focus shows nothing.
const FOCUS_MAX_US: u64 = 3_000_000;
const LOG_LINES_MAX: usize = 300;
const WATCH_LANES_MAX: usize = 12;

/// Tells a run.
pub(super) fn tell(plan: &Plan, ran: &Ran, judged: &Judged) -> Story {
    let end_us = micros(ran.simulated);
    let focus = focus(judged, ran, end_us);
    let mut lanes = fault_lanes(&ran.faults, end_us);
    lanes.extend(member_lanes(ran.members.len(), ran, end_us));
    lanes.extend(client_lanes(ran, judged));
    lanes.extend(watch_lanes(ran, judged, end_us));
    Story {
        timeline: Timeline { end_us, lanes },
        focus,
        members: members(ran),
        ledger: ledger(plan, ran),
        statistics: judged.statistics.clone(),
        script: plan.to_string(),
        log: log(ran, focus),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The moments of the witnesses with a margin, or the end of the run.
fn focus(judged: &Judged, ran: &Ran, end_us: u64) -> Option<(u64, u64)> {
    let mut times = judged.times.clone();
    for operation in &ran.history.operations().list {
        if judged.witnesses.contains(&operation.op) {
            times.push(operation.call);
            times.extend(operation.end);
        }
    }
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return (!judged.findings.is_empty()).then_some((end_us.saturating_sub(2_000_000), end_us));
    };
    let last = (last + FOCUS_MARGIN_US).min(end_us.max(*last));
    let first = first.saturating_sub(FOCUS_MARGIN_US).max(last.saturating_sub(FOCUS_MAX_US));
    Some((first, last))
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
    let label = match fault.member {
        Some(member) if !fault.text.starts_with("disk") => format!("{member} {}", fault.text),
        _ => fault.text.clone(),
    };
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
        "operation {} of client {} at member {}: {} -> {result}, {} s",
        operation.op,
        operation.client,
        operation.member,
        operation.request,
        reports::seconds(operation.call)
    );
    let label = operation.op.to_string();
    Bar { from_us: operation.call, to_us: operation.end, tone, label, title }
}

fn answer(response: &Response) -> String {
    let revision = response.header().revision;
    let rest = match response {
        Response::Range(range) => {
            let kvs: Vec<String> = range.kvs.iter().take(6).map(ToString::to_string).collect();
            format!(", {} keys: {}", range.count, kvs.join(" "))
        }
        Response::DeleteRange(deleted) => format!(", {} deleted", deleted.deleted),
        Response::Txn(txn) => format!(", {}", if txn.succeeded { "succeeded" } else { "failed" }),
        Response::Lease(LeaseResponse::Grant { id, ttl, .. }) => format!(", lease {id} of {ttl} s"),
        Response::Lease(
            LeaseResponse::KeepAlive { ttl, .. } | LeaseResponse::TimeToLive { ttl, .. },
        ) => format!(", {ttl} s"),
        Response::Put(_) | Response::Compact(_) | Response::Lease(_) | Response::Lock(_) => {
            String::new()
        }
    };
    format!("revision {revision}{rest}")
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
        let title = format!("member {}: {}", line.member, record(&line.record));
        lane.marks.push(Mark { at_us: line.time.min(end_us), tone, title });
    }
    // The watches that bear witness come first, if there are too many.
    let mut ids: Vec<u64> = lanes.keys().copied().collect();
    ids.sort_by_key(|id| (!notable.contains(id), *id));
    ids.truncate(WATCH_LANES_MAX);
    ids.sort_unstable();
    ids.iter().filter_map(|id| lanes.remove(id)).collect()
}

fn record(record: &WatchRecord) -> String {
    match record {
        WatchRecord::Created { key, range_end, start_revision, revision, .. } => {
            format!("created for [{key}, {range_end}) from {start_revision} at revision {revision}")
        }
        WatchRecord::Resumed { start_revision, revision } => {
            format!("resumed from {start_revision} at revision {revision}")
        }
        WatchRecord::Events { events, .. } => {
            let words: Vec<String> = events
                .iter()
                .take(8)
                .map(|event| format!("{:?} {}@{}", event.kind, event.kv.key, event.kv.mod_revision))
                .collect();
            format!("{} events: {}", events.len(), words.join(", "))
        }
        WatchRecord::Progress { revision } => format!("progress to {revision}"),
        WatchRecord::Canceled { compact_revision, reason, .. } => {
            format!("canceled (compacted {compact_revision}): {reason}")
        }
        WatchRecord::Broken { reason } => format!("broken: {reason}"),
    }
}

fn members(ran: &Ran) -> Table {
    let columns = [
        "member",
        "starts",
        "term",
        "leads",
        "applied",
        "durable",
        "revision",
        "state",
        "installed",
    ];
    let rows = ran.members.iter().enumerate().map(|(index, status)| {
        vec![
            (index + 1).to_string(),
            status.starts.to_string(),
            status.term.to_string(),
            if status.is_leader { "yes" } else { "no" }.to_owned(),
            status.applied.to_string(),
            status.durable.to_string(),
            status.revision.to_string(),
            format!("{:016x}", status.digest),
            status.snapshots_installed.to_string(),
        ]
    });
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// What happened in the focus, one line per event.
fn log(ran: &Ran, focus: Option<(u64, u64)>) -> Vec<String> {
    let Some((from, to)) = focus else { return Vec::new() };
    let mut lines: Vec<(u64, String)> = Vec::new();
    for fault in &ran.faults {
        let at = micros(fault.from);
        if (from..=to).contains(&at) {
            let member = fault.member.map_or(String::new(), |member| format!(" member {member}"));
            lines.push((at, format!("fault{member}: {}", fault.text)));
        }
    }
    let inside = ran.history.events.iter().filter(|event| (from..=to).contains(&event.time()));
    lines.extend(inside.filter_map(|event| line(event).map(|line| (event.time(), line))));
    lines.sort_by_key(|(at, _)| *at);
    let more = lines.len().saturating_sub(LOG_LINES_MAX);
    // The end of the focus is nearest to what was found.
    let mut text: Vec<String> = lines
        .into_iter()
        .skip(more)
        .map(|(at, line)| format!("{} {line}", reports::seconds(at)))
        .collect();
    if more > 0 {
        text.insert(0, format!("({more} earlier events are left out)"));
    }
    text
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Invoke { op, client, member, request, .. } => {
            format!("client {client} -> member {member}: operation {op} {request}")
        }
        Event::Ok { op, response, .. } => format!("operation {op} ok: {}", answer(response)),
        // Who was not served has no words for it.
        Event::Fail { op, error, .. } => {
            format!("operation {op} refused: {:?} {}", error.kind, error.text)
        }
        Event::Info { op, error, .. } => {
            format!("operation {op} unknown: {:?} {}", error.kind, error.text)
        }
        Event::Watch(line) => {
            format!("watch {} at member {}: {}", line.watch, line.member, record(&line.record))
        }
        Event::Observed(seen) => match &seen.fact {
            Fact::Role { role, term } => {
                format!("member {}: {role:?} of term {term}", seen.member)
            }
            Fact::Started { .. } => format!("member {}: started", seen.member),
            Fact::Stopped => format!("member {}: stopped", seen.member),
            Fact::Snapshot { last, .. } => {
                format!("member {}: snapshot up to index {}", seen.member, last.index)
            }
            _ => return None,
        },
        Event::CompactedAt { member, revision, .. } => {
            format!("member {member}: compacted up to {revision}")
        }
        Event::Lease(line) => {
            format!("lease {}: {:?} at revision {}", line.lease, line.change, line.revision)
        }
        Event::Leader(line) => format!(
            "stream {} of member {}: {} leads {} and proclaims {}",
            line.stream, line.member, line.key, line.election, line.value
        ),
        Event::Access(line) => match &line.record {
            AccessRecord::As { op, user } => format!("operation {op} is of user {user}"),
            AccessRecord::Change { change, user, permits: true } => {
                format!("change {change}: user {user} is to be permitted")
            }
            AccessRecord::Change { change, user, permits: false } => {
                format!("change {change}: user {user} is to be denied")
            }
            AccessRecord::Done { change } => format!("change {change} done"),
            AccessRecord::Refused { change } => format!("change {change} refused"),
        },
        Event::Upkeep(line) => {
            let member = line.member;
            match &line.record {
                UpkeepRecord::Hash { revision, compacted, hash } => format!(
                    "member {member}: revision {revision}, compacted at {compacted}, has hash {hash:08x}"
                ),
                UpkeepRecord::Snapshot { revision, kvs } => {
                    format!("member {member}: snapshot at {revision} with {} keys", kvs.len())
                }
                UpkeepRecord::Alarms { active } => {
                    format!("member {member}: alarms {active:?}")
                }
                UpkeepRecord::Disarmed { kind, done } => {
                    format!("member {member}: {kind:?} taken back: {done}")
                }
                UpkeepRecord::Defragmented => format!("member {member}: defragmented"),
            }
        }
        Event::Healed { .. } => "everything is healed".to_owned(),
        Event::Applied(_) => return None,
    })
}
