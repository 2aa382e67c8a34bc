//! Alarms: as long as one is active, no member carries out what it forbids, and none refuses in its name
//! what it allows (etcd's maintenance API, alarms `NOSPACE` and `CORRUPT`; contract G71).
//!
//! Alarms have no revision, so real time has to do: an alarm that the cluster was found to agree on is
//! active until somebody asks to take it back. A write that was called after it was found, and answered
//! before that, must have been refused.

use super::{Findings, Verdict, Violation};
use crate::history::{
    AlarmKind, Event, History, LeaseRequest, LockRequest, Micros, Operations, Outcome, RefusalKind,
    Request, RequestOp, TxnRequest, UpkeepLine, UpkeepRecord,
};

const CHECKER: &str = "alarms";

/// A time during which an alarm is certainly active.
struct Window {
    kind: AlarmKind,
    from: Micros,
    to: Micros,
}

/// Judges every operation by the alarms.
pub fn check(history: &History, operations: &Operations<'_>) -> Verdict {
    let windows = windows(history);
    let mut findings = Findings::default();
    for operation in &operations.list {
        let (op, call, request) = (operation.op, operation.call, operation.request);
        match (operation.outcome, operation.end) {
            (Outcome::Ok(_), Some(end)) => {
                let broken = windows.iter().find(|window| {
                    window.from <= call && end <= window.to && forbids(window.kind, request)
                });
                if let Some(window) = broken {
                    let text = format!(
                        "{request} by operation {op}, called at {call} us, was carried out although \
                         {:?} was active from {} us to {} us",
                        window.kind, window.from, window.to
                    );
                    findings
                        .add(Violation::new(CHECKER, "REFUSED_WHILE_ACTIVE", text).at(op, call));
                }
            }
            (Outcome::Fail(refusal), Some(end)) => {
                let kind = match refusal.kind {
                    RefusalKind::NoSpace => AlarmKind::NoSpace,
                    RefusalKind::Corrupt => AlarmKind::Corrupt,
                    _ => continue,
                };
                if !forbids(kind, request) {
                    let text = format!(
                        "{request} by operation {op}, called at {call} us, was refused for {kind:?}, \
                         which allows it"
                    );
                    findings.add(Violation::new(CHECKER, "ALLOWED_IS_DONE", text).at(op, end));
                }
            }
            (Outcome::Ok(_) | Outcome::Fail(_) | Outcome::Info(_), _) => {}
        }
    }
    findings.verdict()
}

/// Whether an active alarm of a kind refuses a request.
fn forbids(kind: AlarmKind, request: &Request) -> bool {
    match (request, kind) {
        (Request::Range(_), _) => false,
        (Request::Put(_), _) => true,
        (Request::Txn(txn), AlarmKind::NoSpace) => puts(txn),
        // One of reads alone is answered as they are; one with another inside counts as a change.
        (Request::Txn(txn), AlarmKind::Corrupt) => !reads_only(txn),
        (
            Request::Lease(LeaseRequest::Grant { .. }) | Request::Lock(LockRequest::Lock { .. }),
            _,
        ) => true,
        (
            Request::Lease(
                LeaseRequest::KeepAlive { .. }
                | LeaseRequest::TimeToLive { .. }
                | LeaseRequest::List,
            ),
            _,
        ) => false,
        (
            Request::DeleteRange(_)
            | Request::Compact(_)
            | Request::Lease(LeaseRequest::Revoke { .. })
            | Request::Lock(LockRequest::Unlock { .. }),
            kind,
        ) => kind == AlarmKind::Corrupt,
    }
}

fn reads_only(txn: &TxnRequest) -> bool {
    txn.success.iter().chain(&txn.failure).all(|op| matches!(op, RequestOp::Range(_)))
}

fn puts(txn: &TxnRequest) -> bool {
    txn.success.iter().chain(&txn.failure).any(|op| match op {
        RequestOp::Put(_) => true,
        RequestOp::Txn(nested) => puts(nested),
        RequestOp::Range(_) | RequestOp::DeleteRange(_) => false,
    })
}

fn windows(history: &History) -> Vec<Window> {
    let lines = history.events.iter().filter_map(|event| match event {
        Event::Upkeep(line) => Some(line),
        _ => None,
    });
    let lines: Vec<&UpkeepLine> = lines.collect();
    let mut windows = Vec::new();
    for line in &lines {
        let UpkeepRecord::Alarms { active } = &line.record else { continue };
        for kind in active {
            let disarms = || disarms(&lines, *kind);
            let doubtful =
                |(called, ended): (Micros, Micros)| called <= line.time && ended >= line.called;
            if disarms().any(doubtful) {
                continue;
            }
            let next =
                disarms().map(|(called, _)| called).filter(|called| *called > line.time).min();
            windows.push(Window { kind: *kind, from: line.time, to: next.unwrap_or(Micros::MAX) });
        }
    }
    windows
}

/// From when to when alarms of a kind may have been taken back.
fn disarms<'l>(
    lines: &'l [&'l UpkeepLine],
    kind: AlarmKind,
) -> impl Iterator<Item = (Micros, Micros)> + 'l {
    lines.iter().filter_map(move |line| match line.record {
        UpkeepRecord::Disarmed { kind: disarmed, done } if disarmed == kind => {
            Some((line.called, if done { line.time } else { Micros::MAX }))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{DeleteRangeRequest, Header, PutRequest, PutResponse, Refusal, Response};

    const ACTIVE: UpkeepRecord = UpkeepRecord::Alarms { active: Vec::new() };

    fn upkeep(called: Micros, time: Micros, record: UpkeepRecord) -> Event {
        Event::Upkeep(UpkeepLine { time, called, member: 1, record })
    }

    fn found(called: Micros, time: Micros) -> Event {
        upkeep(called, time, UpkeepRecord::Alarms { active: vec![AlarmKind::NoSpace] })
    }

    fn disarmed(called: Micros, time: Micros, done: bool) -> Event {
        upkeep(called, time, UpkeepRecord::Disarmed { kind: AlarmKind::NoSpace, done })
    }

    fn put(time: Micros) -> [Event; 2] {
        let request = Request::Put(PutRequest { key: "k".into(), ..PutRequest::default() });
        let response = Response::Put(PutResponse { header: Header::default(), prev_kv: None });
        let op = time;
        [
            Event::Invoke { time, op, client: 1, member: 1, request },
            Event::Ok { time: time + 1, op, response },
        ]
    }

    fn judged(events: Vec<Event>) -> Option<&'static str> {
        let history = History::from(events);
        let operations = history.operations();
        check(&history, &operations).violation().map(|violation| violation.guarantee)
    }

    #[test]
    fn nothing_is_written_while_the_alarm_is_active() {
        let write = |time: Micros, mut events: Vec<Event>| {
            events.extend(put(time));
            judged(events)
        };
        assert_eq!(write(30, vec![found(10, 20)]), Some("REFUSED_WHILE_ACTIVE"));
        assert_eq!(write(15, vec![found(10, 20)]), None);
        assert_eq!(write(30, vec![upkeep(10, 20, ACTIVE)]), None);
        let over = vec![found(10, 20), disarmed(25, 27, true)];
        assert_eq!(write(30, over.clone()), None);
        assert_eq!(write(22, over), Some("REFUSED_WHILE_ACTIVE"));
        // One that was asked for before and never answered may have taken effect since.
        assert_eq!(write(30, vec![disarmed(1, 5, false), found(10, 20)]), None);
        assert_eq!(
            write(30, vec![disarmed(1, 5, true), found(10, 20)]),
            Some("REFUSED_WHILE_ACTIVE")
        );
    }

    #[test]
    fn what_frees_space_is_not_refused_for_want_of_it() {
        let delete = |kind| {
            let request = Request::DeleteRange(DeleteRangeRequest::default());
            let error = Refusal::from(kind);
            judged(vec![
                Event::Invoke { time: 1, op: 1, client: 1, member: 1, request },
                Event::Fail { time: 2, op: 1, error },
            ])
        };
        assert_eq!(delete(RefusalKind::NoSpace), Some("ALLOWED_IS_DONE"));
        assert_eq!(delete(RefusalKind::Corrupt), None);
    }
}
