//! What may have a row in the plot: who did or suffered what at which time, and how much it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use jepsen_like::history::{
    ClientId, Event, MemberId, Micros, OpId, Operation, Outcome, WatchId, WatchRecord,
};
use jepsen_like::observation::{Fact, Role};
use reports::{Finding, When};

use super::micros;
use super::words::{self, clip};
use crate::run::{FaultRecord, Judged, Place, Ran};

/// Whose column it is, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Actor {
    /// A client of the store.
    Client(ClientId),
    /// A watch.
    Watch(WatchId),
    /// Somebody who observes an election.
    Stream(WatchId),
    /// All of those in one column.
    Users,
    /// What the log says, whoever applies it.
    Log,
    /// A member.
    Member(MemberId),
    /// Faults.
    Faults,
    /// The run itself, which finds what no operation bears witness of.
    Run,
}

impl Actor {
    /// Whether it is one of those who use the store.
    pub(super) fn is_user(&self) -> bool {
        matches!(self, Self::Client(_) | Self::Watch(_) | Self::Stream(_))
    }
}

impl Display for Actor {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => write!(out, "client {client}"),
            Self::Watch(watch) => write!(out, "watch {watch}"),
            Self::Stream(stream) => write!(out, "observer {stream}"),
            Self::Users => out.write_str("clients"),
            Self::Log => out.write_str("log"),
            Self::Member(member) => write!(out, "member {member}"),
            Self::Faults => out.write_str("faults"),
            Self::Run => out.write_str("found"),
        }
    }
}

/// How much something says, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// It bears witness.
    Witness,
    /// A fault, a leader, a crash: things are different from then on.
    Turn,
    /// What was done with a witness's request, and what befell a member or a watch beside.
    Detail,
    /// What a client that bears witness did just before and after.
    Beside,
    /// What goes on all the time.
    Tick,
}

impl Weight {
    /// What is farther from every witness says nothing about them.
    pub(super) fn reach(self) -> Micros {
        match self {
            Self::Witness => Micros::MAX,
            Self::Turn => 3_000_000,
            Self::Detail => 1_000_000,
            Self::Beside => 60_000,
            Self::Tick => 100_000,
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    /// When.
    pub(super) at: Micros,
    /// Until when it goes on to matter.
    pub(super) until: Micros,
    /// To whom.
    pub(super) actor: Actor,
    /// How much it says.
    pub(super) weight: Weight,
    /// What.
    pub(super) text: String,
}

impl Moment {
    /// Whether it bears witness.
    pub(super) fn is_witness(&self) -> bool {
        self.weight == Weight::Witness
    }

    /// How far it is from the nearest of these times, which are in order.
    pub(super) fn distance(&self, anchors: &[Micros]) -> Micros {
        let next = anchors.partition_point(|anchor| *anchor < self.at);
        let after = anchors.get(next).map(|anchor| anchor.saturating_sub(self.until));
        let before = next.checked_sub(1).map(|before| self.at - anchors[before]);
        after.into_iter().chain(before).min().unwrap_or(Micros::MAX)
    }
}

/// Who and what bears witness.
struct Witnesses {
    operations: BTreeSet<OpId>,
    /// Moments at which no operation of these is called or ends.
    times: BTreeSet<Micros>,
    watches: BTreeSet<WatchId>,
    streams: BTreeSet<WatchId>,
}

impl Witnesses {
    fn of(ran: &Ran, judged: &Judged, operations: &[Operation<'_>]) -> Self {
        let mut times: BTreeSet<Micros> = judged.times.iter().copied().collect();
        for time in operations.iter().flat_map(|operation| [Some(operation.call), operation.end]) {
            time.map(|time| times.remove(&time));
        }
        let (mut watches, mut streams) = (BTreeSet::new(), BTreeSet::new());
        for event in ran.history.events.iter().filter(|event| times.contains(&event.time())) {
            match event {
                Event::Watch(line) => watches.insert(line.watch),
                Event::Leader(line) => streams.insert(line.stream),
                _ => false,
            };
        }
        let operations = operations.iter().map(|operation| operation.op).collect();
        Self { operations, times, watches, streams }
    }

    /// A witness's weight at its times, and this one at others.
    fn weight(&self, at: Micros, else_weight: Weight) -> Weight {
        if self.times.contains(&at) { Weight::Witness } else { else_weight }
    }
}

/// All that may have a row, in no order.
pub(super) fn of(ran: &Ran, judged: &Judged) -> Vec<Moment> {
    let all = ran.history.operations();
    let is_witness = |operation: &&Operation<'_>| judged.witnesses.contains(&operation.op);
    let operations: Vec<Operation<'_>> = all.list.iter().filter(is_witness).copied().collect();
    let witnesses = Witnesses::of(ran, judged, &operations);
    let clients: BTreeSet<ClientId> = operations.iter().map(|operation| operation.client).collect();
    let of_clients = all.list.iter().filter(|operation| clients.contains(&operation.client));
    let weight = |operation: &Operation<'_>| {
        let is_witness = witnesses.operations.contains(&operation.op);
        if is_witness { Weight::Witness } else { Weight::Beside }
    };
    let mut moments: Vec<Moment> = of_clients.flat_map(|it| of_operation(it, weight(it))).collect();
    let end = micros(ran.simulated);
    moments.extend(ran.faults.iter().flat_map(|fault| of_fault(fault, end)));
    moments.extend(ran.findings.iter().flat_map(of_finding));
    let mut durable = BTreeMap::new();
    let mut leads = BTreeMap::new();
    for event in &ran.history.events {
        lead(&mut leads, event, &mut moments);
        let told = match event {
            Event::Observed(seen) => of_member(&seen.fact, durable.entry(seen.member).or_default())
                .map(|(weight, text)| (Actor::Member(seen.member), weight, text)),
            event => of_event(event, &witnesses),
        };
        if let Some((actor, weight, text)) = told {
            let at = event.time();
            let weight = witnesses.weight(at, weight);
            moments.push(Moment { at, until: at, actor, weight, text: clip(&text) });
        }
    }
    leads.values().for_each(|place: &usize| moments[*place].until = end);
    moments
}

/// That somebody leads matters until it does not. `leads` has the place of the moment at which it began, which is the
/// next one.
fn lead(leads: &mut BTreeMap<MemberId, usize>, event: &Event, moments: &mut [Moment]) {
    let Event::Observed(seen) = event else { return };
    let begins = match seen.fact {
        Fact::Role { role, .. } => role == Role::Leader,
        Fact::Started { .. } | Fact::Stopped => false,
        _ => return,
    };
    if let Some(place) = leads.remove(&seen.member) {
        moments[place].until = seen.time;
    }
    if begins {
        leads.insert(seen.member, moments.len());
    }
}

/// The call and the end of an operation.
fn of_operation(operation: &Operation<'_>, weight: Weight) -> impl Iterator<Item = Moment> + use<> {
    let Operation { op, client, member, call, end, request, outcome } = operation;
    let moment =
        |at, text: String| Moment { at, until: at, actor: Actor::Client(*client), weight, text };
    let answer = match outcome {
        Outcome::Ok(response) => words::answer(response),
        Outcome::Fail(refusal) => format!("refused: {:?} {}", refusal.kind, refusal.text),
        Outcome::Info(Some(info)) => format!("unknown: {:?} {}", info.kind, info.text),
        Outcome::Info(None) => "never ended".to_owned(),
    };
    let request = clip(&request.to_string());
    let begin = moment(*call, format!("{request} -> member {member} (operation {op})"));
    let end = end.map(|end| moment(end, format!("<- {} (operation {op})", clip(answer.trim()))));
    std::iter::once(begin).chain(end)
}

fn of_fault(fault: &FaultRecord, run_end: Micros) -> impl Iterator<Item = Moment> {
    let is_of_member = fault.place == Place::Process && fault.member.is_some();
    let who = if is_of_member { "member " } else { "" };
    let label = format!("{who}{}", clip(&words::fault(fault)));
    let from = micros(fault.from);
    let to = fault.to.map(micros);
    let moment =
        |at, until, text| Moment { at, until, actor: Actor::Faults, weight: Weight::Turn, text };
    // That somebody was killed ends when it starts again, which it tells itself.
    let is_over = fault.place != Place::Process || fault.text == "paused";
    let over = to.filter(|to| is_over && *to > from);
    let begins = if over.is_some() { format!("begin: {label}") } else { label.clone() };
    let begin = moment(from, to.unwrap_or(run_end), begins);
    let end = over.map(|to| moment(to, to, format!("end: {label}")));
    std::iter::once(begin).chain(end)
}

/// What the run itself found, from its beginning on.
fn of_finding(finding: &Finding) -> impl Iterator<Item = Moment> {
    let moment = |at, text: String| {
        let text = clip(&text);
        Moment { at, until: at, actor: Actor::Run, weight: Weight::Witness, text }
    };
    let checker = &finding.checker;
    let moments = finding.when.map(|When { began_us, noticed_us }| {
        let noticed = moment(noticed_us, format!("{checker}: {}", finding.message));
        let began = moment(began_us, format!("from here on: {checker}"));
        std::iter::once(began).filter(move |_| began_us < noticed_us).chain([noticed])
    });
    moments.into_iter().flatten()
}

/// What a member told of itself; `durable` is what it told to be durable before.
fn of_member(fact: &Fact, durable: &mut u64) -> Option<(Weight, String)> {
    Some(match fact {
        Fact::Role { role, term } => {
            (Weight::Turn, format!("{} of term {term}", super::plot::word(*role)))
        }
        Fact::Started { term, last_log, applied, .. } => {
            *durable = last_log.index;
            let text =
                format!("starts in term {term}: log to {}, applied {applied}", last_log.index);
            (Weight::Turn, text)
        }
        Fact::Stopped => (Weight::Turn, "stops".to_owned()),
        Fact::Snapshot { last, installed: true } => {
            (Weight::Detail, format!("installs a snapshot up to {}", last.index))
        }
        Fact::Snapshot { last, installed: false } => {
            (Weight::Detail, format!("has a snapshot up to {}", last.index))
        }
        Fact::Voted { term, candidate } => {
            (Weight::Detail, format!("votes for {candidate} in term {term}"))
        }
        Fact::Truncated { last } => (Weight::Detail, format!("cuts its log after {}", last.index)),
        Fact::Membership { index, voters, .. } => {
            (Weight::Detail, format!("voters are {voters:?} from {index} on"))
        }
        Fact::Durable { last } if last.index > *durable => {
            *durable = last.index;
            (Weight::Tick, format!("durable to {}", last.index))
        }
        Fact::Damaged => (Weight::Turn, "has a disk that was damaged, or a new one".to_owned()),
        Fact::AtRisk { last, file, from } => {
            let text = format!(
                "told that its log is durable to {}: {file} is not from byte {from} on",
                last.index
            );
            (Weight::Turn, text)
        }
        Fact::Acknowledged { term, leader } => {
            (Weight::Detail, format!("has on its disk that {leader} leads term {term}"))
        }
        Fact::ReadGranted { last } => {
            (Weight::Tick, format!("lets those read who have applied {}", last.index))
        }
        Fact::ReadAnswered { last } => {
            (Weight::Tick, format!("was told that those may read who have applied {}", last.index))
        }
        Fact::Durable { .. }
        | Fact::ReadBegun
        | Fact::ReadAsked
        | Fact::Appended { .. }
        | Fact::Committed { .. }
        | Fact::Applied { .. }
        | Fact::Purged { .. } => return None,
    })
}

/// What others told, where it is about a witness or about a member.
fn of_event(event: &Event, witnesses: &Witnesses) -> Option<(Actor, Weight, String)> {
    Some(match event {
        Event::Watch(line) if witnesses.watches.contains(&line.watch) => {
            let weight = match line.record {
                WatchRecord::Events { .. } | WatchRecord::Progress { .. } => Weight::Tick,
                _ => Weight::Detail,
            };
            let text = format!("member {}: {}", line.member, words::record(&line.record));
            (Actor::Watch(line.watch), weight, text)
        }
        Event::Leader(line) if witnesses.streams.contains(&line.stream) => {
            let text = format!("member {}: {} leads {}", line.member, line.key, line.election);
            (Actor::Stream(line.stream), Weight::Detail, text)
        }
        Event::Applied(applied) => {
            let (index, revision) = (applied.index, applied.revision);
            let text = format!("applies {index}: revision {revision}");
            match applied.op.filter(|op| witnesses.operations.contains(op)) {
                Some(op) => {
                    let text = format!("{text} (operation {op})");
                    (Actor::Member(applied.member), Weight::Detail, text)
                }
                None => (Actor::Member(applied.member), Weight::Tick, text),
            }
        }
        Event::CompactedAt { member, revision, .. } => {
            (Actor::Member(*member), Weight::Detail, format!("compacts up to {revision}"))
        }
        Event::Upkeep(line) => {
            (Actor::Member(line.member), Weight::Detail, words::upkeep(&line.record))
        }
        Event::Lease(line) if witnesses.times.contains(&line.time) => {
            let text = format!("lease {}: {:?}", line.lease, line.change);
            (Actor::Log, Weight::Detail, text)
        }
        Event::Healed { .. } => (Actor::Faults, Weight::Turn, "everything is healed".to_owned()),
        Event::Watch(_)
        | Event::Leader(_)
        | Event::Lease(_)
        | Event::Access(_)
        | Event::Observed(_)
        | Event::Invoke { .. }
        | Event::Ok { .. }
        | Event::Fail { .. }
        | Event::Info { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use jepsen_like::observation::Observation;

    use super::*;

    #[test]
    fn a_moment_is_as_far_as_the_nearest_witness() {
        let moment = |at, until| Moment {
            at,
            until,
            actor: Actor::Faults,
            weight: Weight::Turn,
            text: String::new(),
        };
        let anchors = [100, 200];
        assert_eq!(moment(90, 90).distance(&anchors), 10);
        assert_eq!(moment(120, 120).distance(&anchors), 20);
        assert_eq!(moment(190, 250).distance(&anchors), 0);
        assert_eq!(moment(260, 900).distance(&anchors), 60);
        assert_eq!(moment(1, 1).distance(&[]), Micros::MAX);
    }

    #[test]
    fn that_somebody_leads_matters_until_it_does_not() {
        let (mut leads, mut moments) = (BTreeMap::new(), Vec::new());
        for (time, role) in [(1, Role::Leader), (5, Role::Follower), (9, Role::Leader)] {
            let fact = Fact::Role { role, term: time };
            let event = Event::Observed(Observation { time, member: 2, fact });
            lead(&mut leads, &event, &mut moments);
            let (actor, weight) = (Actor::Member(2), Weight::Turn);
            moments.push(Moment { at: time, until: time, actor, weight, text: String::new() });
        }
        assert_eq!(moments.iter().map(|moment| moment.until).collect::<Vec<_>>(), [5, 5, 9]);
        assert_eq!(leads, [(2, 2)].into());
    }

    #[test]
    fn that_a_member_starts_again_is_told_by_the_member() {
        let fault = |text: &str| FaultRecord {
            from: std::time::Duration::from_secs(1),
            to: Some(std::time::Duration::from_secs(2)),
            place: Place::Process,
            member: Some(3),
            text: text.to_owned(),
        };
        let words = |text| -> Vec<String> {
            of_fault(&fault(text), 9_000_000).map(|moment| moment.text).collect()
        };
        assert_eq!(words("killed"), ["member 3 killed"]);
        assert_eq!(words("paused"), ["begin: member 3 paused", "end: member 3 paused"]);
    }
}
