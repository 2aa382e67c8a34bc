//! The order of revisions agrees with real time: what was known before an operation was called lies
//! before it (the second half of strict serializability; Herlihy and Wing 1990, section 2.3).

use std::collections::HashMap;

use super::anchor::{Anchors, Effect, Witness, effect, watched};
use super::evidence::Evidence;
use super::{Findings, Violation, violation};
use crate::checker::staircase::Step;
use crate::history::{
    ClientId, Event, MemberId, Micros, OpId, Operation, Outcome, Request, Response, WatchId,
};
use crate::model::validate;

/// Checks writes, reads, and the proven writers of revisions that no answer owns.
pub(super) fn check(anchors: &Anchors<'_>, evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut found: Vec<(Micros, Violation)> = Vec::new();
    for &(revision, index) in &anchors.readers {
        found.extend(late(anchors, revision, index, Rule::Read));
    }
    for &(revision, index) in &anchors.writes {
        found.extend(late(anchors, revision, index, Rule::Write));
    }
    for (revision, index) in evidence.writers() {
        found.extend(late(anchors, revision, index, Rule::Write));
    }
    found.sort_by_key(|(time, _)| *time);
    found.into_iter().for_each(|(_, violation)| findings.add(violation));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A read may see what was known when it was called, or more.
    Read,
    /// A write must come after it.
    Write,
}

fn late(
    anchors: &Anchors<'_>,
    revision: i64,
    index: usize,
    rule: Rule,
) -> Option<(Micros, Violation)> {
    let operation = anchors.operations.get(index)?;
    let known = anchors.sightings.before(operation.call)?;
    let fine = rule.allows(revision, known.value);
    let found = || {
        let Step { time, value, .. } = *known;
        let known = Step { time, value, source: describe_witness(anchors, known) };
        (operation.call, describe(operation, revision, &known, rule))
    };
    (!fine).then(found)
}

impl Rule {
    fn allows(self, revision: i64, known: i64) -> bool {
        match self {
            Self::Read => revision >= known,
            Self::Write => revision > known,
        }
    }
}

fn describe(
    operation: &Operation<'_>,
    revision: i64,
    known: &Step<(String, Option<OpId>)>,
    rule: Rule,
) -> Violation {
    let Operation { op, client, member, call, request, .. } = operation;
    let (who, witness) = &known.source;
    let (guarantee, did) = match rule {
        Rule::Read => ("STALE_READ", "saw"),
        Rule::Write => ("REAL_TIME", "made"),
    };
    let text = format!(
        "{request} by client {client} at member {member}, called at {call} us, \
         {did} revision {revision}, \
         but {who} had shown revision {} at {} us",
        known.value, known.time
    );
    violation(guarantee, text).at(*op, *call).at(*witness, known.time)
}

fn describe_witness(anchors: &Anchors<'_>, known: &Step<Witness>) -> (String, Option<OpId>) {
    match known.source {
        Witness::Watch(watch) => (format!("watch {watch}"), None),
        Witness::Operation(index) => match anchors.operations.get(index) {
            Some(other) => (format!("{} by operation {}", other.request, other.op), Some(other.op)),
            None => ("an operation".to_owned(), None),
        },
    }
}

/// The same, event by event, for what an answer tells: the writers of unknown outcomes are not known yet.
#[derive(Debug, Default)]
pub struct RealTime {
    /// The highest revision that was shown, and before it the highest of an earlier moment.
    shown: Vec<Step<Shower>>,
    open: HashMap<OpId, Called>,
    violation: Option<Violation>,
}

/// Who showed a revision.
#[derive(Debug, Clone, Copy)]
enum Shower {
    Operation(OpId),
    Watch(WatchId),
}

/// An operation that has not ended, and what was known when it was called.
#[derive(Debug)]
struct Called {
    client: ClientId,
    member: MemberId,
    call: Micros,
    request: Request,
    known: Option<Step<Shower>>,
}

impl RealTime {
    /// Takes the next event, in the order of time.
    pub fn look(&mut self, event: &Event) {
        match event {
            Event::Invoke { time, op, client, member, request } => {
                let known = self.shown.iter().rev().find(|step| step.time < *time).copied();
                let (client, member, call) = (*client, *member, *time);
                let request = request.clone();
                self.open.insert(*op, Called { client, member, call, request, known });
            }
            Event::Ok { time, op, response } => {
                if let Some(called) = self.open.remove(op) {
                    self.answered(&called, *op, *time, response);
                }
            }
            Event::Fail { op, .. } | Event::Info { op, .. } => {
                self.open.remove(op);
            }
            Event::Watch(_) => {
                if let Some(Step { time, value, source: Witness::Watch(watch) }) = watched(event) {
                    self.show(Step { time, value, source: Shower::Watch(watch) });
                }
            }
            _ => {}
        }
    }

    /// The first violation, so far.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    fn answered(&mut self, called: &Called, op: OpId, time: Micros, response: &Response) {
        let Called { client, member, call, request, known } = called;
        if validate(request).is_err() {
            return;
        }
        let rule = match effect(request, response) {
            Some(Effect::Wrote) => Some(Rule::Write),
            Some(Effect::Saw) => Some(Rule::Read),
            Some(Effect::Local | Effect::Aside) => None,
            Some(Effect::Compacted) | None => return,
        };
        let revision = response.header().revision;
        if revision < 1 {
            // That is no revision at all, which is another violation.
            return;
        }
        if let (Some(rule), Some(known), None) = (rule, known, &self.violation)
            && !rule.allows(revision, known.value)
        {
            let source = match known.source {
                Shower::Operation(other) => (format!("operation {other}"), Some(other)),
                Shower::Watch(watch) => (format!("watch {watch}"), None),
            };
            let known = Step { source, time: known.time, value: known.value };
            let (end, outcome) = (Some(time), Outcome::Ok(response));
            let (client, member, call) = (*client, *member, *call);
            let operation = Operation { op, client, member, call, end, request, outcome };
            self.violation = Some(describe(&operation, revision, &known, rule));
        }
        self.show(Step { time, value: revision, source: Shower::Operation(op) });
    }

    fn show(&mut self, step: Step<Shower>) {
        let Some(last) = self.shown.last().copied() else {
            self.shown.push(step);
            return;
        };
        if step.value <= last.value {
            return;
        }
        if last.time < step.time {
            self.shown.clear();
            self.shown.push(last);
        }
        self.shown.push(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Header, PutRequest, PutResponse, RangeRequest, RangeResponse};

    fn put(real_time: &mut RealTime, op: OpId, (call, end): (Micros, Micros), revision: i64) {
        let request = Request::Put(PutRequest { key: "k".into(), ..PutRequest::default() });
        real_time.look(&Event::Invoke { time: call, op, client: op, member: 1, request });
        let header = Header { revision, ..Header::default() };
        let response = Response::Put(PutResponse { header, ..PutResponse::default() });
        real_time.look(&Event::Ok { time: end, op, response });
    }

    fn read(real_time: &mut RealTime, op: OpId, call: Micros) {
        let request = Request::Range(RangeRequest { key: "k".into(), ..RangeRequest::default() });
        real_time.look(&Event::Invoke { time: call, op, client: op, member: 2, request });
    }

    fn answer(real_time: &mut RealTime, op: OpId, time: Micros, revision: i64) {
        let header = Header { revision, ..Header::default() };
        let response = Response::Range(RangeResponse { header, ..RangeResponse::default() });
        real_time.look(&Event::Ok { time, op, response });
    }

    #[test]
    fn a_read_is_judged_when_it_is_answered_by_what_was_known_when_it_was_called() {
        let mut real_time = RealTime::default();
        put(&mut real_time, 1, (10, 20), 2);
        read(&mut real_time, 2, 25);
        put(&mut real_time, 3, (30, 40), 3);
        // Called in the moment of the answer: neither was before the other.
        read(&mut real_time, 4, 40);
        read(&mut real_time, 5, 41);
        answer(&mut real_time, 2, 50, 2);
        answer(&mut real_time, 4, 51, 2);
        assert_eq!(real_time.violation(), None);
        answer(&mut real_time, 5, 52, 2);
        let found = real_time.violation().expect("it is older than what was known");
        assert_eq!((found.guarantee, &found.operations[..]), ("STALE_READ", &[5, 3][..]));
    }

    #[test]
    fn a_write_has_a_revision_of_its_own() {
        let mut real_time = RealTime::default();
        put(&mut real_time, 1, (10, 20), 2);
        put(&mut real_time, 2, (21, 30), 2);
        assert_eq!(real_time.violation().map(|found| found.guarantee), Some("REAL_TIME"));
    }
}
