//! Who did what when, as lanes over time.

use std::collections::{BTreeMap, BTreeSet};

use jepsen_like::history::{ClientId, Event, Operation, Outcome, WatchRecord};
use jepsen_like::observation::{Fact, Role};
use reports::{Bar, Finding, Lane, LaneGroup, Mark, Tone, When};

use super::micros;
use super::words::{self, answer, clip, record};
use crate::run::{FaultRecord, Judged, Place, Ran};

/// More are too much to look at.
const CLIENT_LANES_MAX: usize = 40;
const WATCH_LANES_MAX: usize = 12;
/// There is no more room beside a lane.
const NAME_LETTERS_MAX: usize = 21;

/// All lanes, from top to bottom, and which there are too many of.
pub(super) fn of(ran: &Ran, judged: &Judged, end_us: u64) -> (Vec<Lane>, Vec<String>) {
    let mut lanes: Vec<Lane> = finding_lane(&judged.findings).into_iter().collect();
    lanes.extend(fault_lanes(&ran.faults, end_us));
    lanes.extend(member_lanes(ran.members.len(), ran, end_us));
    let (clients, more_clients) = few(client_lanes(ran, judged), CLIENT_LANES_MAX);
    let (watches, more_watches) = few(watch_lanes(ran, judged, end_us), WATCH_LANES_MAX);
    lanes.extend(clients.into_iter().chain(watches));
    let left_out = [("lanes of clients", more_clients), ("lanes of watches", more_watches)]
        .into_iter()
        .filter(|(_, more)| *more > 0)
        .map(|(what, more)| format!("{what} ({more})"));
    (lanes, left_out.collect())
}

/// When what was found began, and was noticed.
fn finding_lane(findings: &[Finding]) -> Option<Lane> {
    let timed = || findings.iter().filter_map(|finding| Some((finding, finding.when?)));
    let title = |finding: &Finding| clip(&format!("{}: {}", finding.checker, finding.message));
    let bar = |(finding, when): (&Finding, When)| Bar {
        from_us: when.began_us,
        to_us: Some(when.noticed_us),
        tone: Tone::Witness,
        label: finding.checker.clone(),
        title: title(finding),
    };
    let mark = |(finding, when): (&Finding, When)| Mark {
        at_us: when.noticed_us,
        tone: Tone::Witness,
        title: title(finding),
    };
    let bars: Vec<Bar> =
        timed().filter(|(_, when)| when.began_us < when.noticed_us).map(bar).collect();
    let marks: Vec<Mark> = timed().map(mark).collect();
    let lane = Lane { group: LaneGroup::Finding, name: "found".to_owned(), bars, marks };
    (!lane.marks.is_empty()).then_some(lane)
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
    let places = places(&operations.list);
    let count = places.values().map(|place| place + 1).max().unwrap_or(0);
    let mut lanes: Vec<(BTreeSet<ClientId>, Lane)> = (0..count)
        .map(|_| {
            let (group, name) = (LaneGroup::Client, String::new());
            (BTreeSet::new(), Lane { group, name, bars: Vec::new(), marks: Vec::new() })
        })
        .collect();
    for operation in &operations.list {
        let (clients, lane) = &mut lanes[places[&operation.client]];
        clients.insert(operation.client);
        lane.bars.push(operation_bar(operation, witnesses.contains(&operation.op)));
    }
    let witness: BTreeSet<ClientId> = operations
        .list
        .iter()
        .filter(|operation| witnesses.contains(&operation.op))
        .map(|operation| operation.client)
        .collect();
    let named = |(clients, lane): (BTreeSet<ClientId>, Lane)| {
        let name = names(&clients, &witness);
        Lane { name, ..lane }
    };
    lanes.into_iter().map(named).collect()
}

/// The lane of each client. One is taken from its client's first call to the end of its last operation.
fn places(operations: &[Operation<'_>]) -> BTreeMap<ClientId, usize> {
    let mut spans: BTreeMap<ClientId, (u64, u64)> = BTreeMap::new();
    for operation in operations {
        let end = operation.end.unwrap_or(u64::MAX);
        let span = spans.entry(operation.client).or_insert((operation.call, end));
        span.1 = span.1.max(end);
    }
    let mut order: Vec<(&ClientId, &(u64, u64))> = spans.iter().collect();
    order.sort_by_key(|(client, (from, _))| (*from, **client));
    let mut ends: Vec<u64> = Vec::new();
    let mut places = BTreeMap::new();
    for (client, (from, to)) in order {
        let place = ends.iter().position(|end| end <= from).unwrap_or(ends.len());
        ends.resize(ends.len().max(place + 1), 0);
        ends[place] = *to;
        places.insert(*client, place);
    }
    places
}

/// Those who share a lane, witnesses first, as far as there is room beside it.
fn names(clients: &BTreeSet<ClientId>, witnesses: &BTreeSet<ClientId>) -> String {
    let mut clients: Vec<&ClientId> = clients.iter().collect();
    clients.sort_by_key(|client| !witnesses.contains(client));
    let words: Vec<String> = clients.iter().map(ToString::to_string).collect();
    let mut shown = words.len();
    let all = |shown: usize| {
        let more = if shown < words.len() { ", .." } else { "" };
        format!("client {}{more}", words[..shown].join(", "))
    };
    while shown > 1 && all(shown).len() > NAME_LETTERS_MAX {
        shown -= 1;
    }
    all(shown)
}

/// As many lanes as somebody reads, those with a witness before others, and how many there are beyond.
fn few(mut lanes: Vec<Lane>, lanes_max: usize) -> (Vec<Lane>, usize) {
    let bears_witness = |lane: &Lane| {
        lane.bars.iter().any(|bar| bar.tone == Tone::Witness)
            || lane.marks.iter().any(|mark| mark.tone == Tone::Witness)
    };
    let mut order: Vec<usize> = (0..lanes.len()).collect();
    order.sort_by_key(|place| !bears_witness(&lanes[*place]));
    let kept: BTreeSet<usize> = order.into_iter().take(lanes_max).collect();
    let all = lanes.len();
    let mut place = 0;
    lanes.retain(|_| {
        place += 1;
        kept.contains(&(place - 1))
    });
    let more = all - lanes.len();
    (lanes, more)
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
        }
        let title = format!("member {}: {}", line.member, clip(&record(&line.record)));
        lane.marks.push(Mark { at_us: line.time.min(end_us), tone, title });
    }
    lanes.into_values().collect()
}

#[cfg(test)]
mod tests {
    use jepsen_like::history::{PutRequest, Request};

    use super::*;

    #[test]
    fn a_client_that_pauses_keeps_its_lane_and_one_that_is_done_leaves_it() {
        let request = Request::Put(PutRequest::default());
        let operation = |client, call, end| Operation {
            op: call,
            client,
            member: 1,
            call,
            end,
            request: &request,
            outcome: Outcome::Info(None),
        };
        let operations = [
            operation(7, 0, Some(10)),
            operation(8, 20, Some(30)),
            operation(7, 40, Some(50)),
            operation(9, 60, None),
            operation(6, 70, Some(80)),
        ];
        assert_eq!(places(&operations), [(6, 1), (7, 0), (8, 1), (9, 0)].into());
    }

    #[test]
    fn a_lane_is_called_after_its_clients_and_first_of_all_after_witnesses() {
        assert_eq!(names(&[3, 5].into(), &BTreeSet::new()), "client 3, 5");
        let many = (1..=30).collect();
        assert_eq!(names(&many, &[14].into()), "client 14, 1, 2, ..");
    }

    #[test]
    fn of_many_lanes_those_with_a_witness_stay() {
        let lane = |number: u64, tone| Lane {
            group: LaneGroup::Watch,
            name: number.to_string(),
            bars: Vec::new(),
            marks: vec![Mark { at_us: 1, tone, title: String::new() }],
        };
        let all = [Tone::Event, Tone::Event, Tone::Event, Tone::Witness];
        let lanes: Vec<Lane> = (0..).zip(all).map(|(number, tone)| lane(number, tone)).collect();
        let (kept, more) = few(lanes, 2);
        assert_eq!(kept.iter().map(|lane| lane.name.as_str()).collect::<Vec<_>>(), ["0", "3"]);
        assert_eq!(more, 2);
    }
}
