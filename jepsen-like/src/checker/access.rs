//! Access control: no request is admitted that was not permitted at any moment between its call and
//! its answer, and none is denied that was permitted at all of them (etcd's role-based access control; contracts G81 to
//! G83).
//!
//! Changes of permissions have no revision that would order them among the operations, so real time
//! has to do: a change takes effect at one moment between its call and its answer, and one that was
//! never answered at any moment after its call, or never. A permission may be in force during an
//! operation unless another change was answered before the operation was called that was called after
//! it had been answered. What leaves several orders open is judged by the one that excuses it.

use std::collections::{BTreeMap, HashMap};

use detcd_api::Error;

use super::{Findings, Verdict, Violation};
use crate::history::{
    AccessRecord, ChangeId, Event, History, Micros, OpId, Operation, Operations, Outcome,
    RefusalKind, Request, UserId,
};

const CHECKER: &str = "access";
/// With so many operations of users, some must have been admitted and some denied.
const OPERATIONS_TELLING: usize = 60;
/// And with so many changes that were done; where nothing is ever permitted, everything is denied.
const CHANGES_TELLING: usize = 6;

/// One change, from its call to its answer.
#[derive(Debug, Clone, Copy)]
struct Change {
    call: Micros,
    /// `None` while unknown: it may still take effect.
    end: Option<Micros>,
    permits: bool,
}

/// The changes of one user's permission. At first it is denied.
type Changes = Vec<Change>;

/// Judges every operation that was done as a user.
pub fn check(history: &History, operations: &Operations<'_>) -> Verdict {
    let users = users(history);
    let changes = changes(history);
    let mut findings = Findings::default();
    let (mut admitted, mut denied) = (0, 0);
    for operation in &operations.list {
        let Some(user) = users.get(&operation.op) else { continue };
        let Some((end, is_admitted)) = decided(operation) else { continue };
        if is_admitted {
            admitted += 1
        } else {
            denied += 1
        }
        let possible = possible(changes.get(user).map_or(&[], Vec::as_slice), operation.call, end);
        if !possible.contains(&is_admitted) {
            let (guarantee, what) = match is_admitted {
                true => ("NOT_ADMITTED_UNPERMITTED", "admitted, although it was denied"),
                false => ("NOT_DENIED_PERMITTED", "denied, although it was permitted"),
            };
            let text = format!(
                "operation {} of user {user} was {what} at every moment from {} us to {end} us",
                operation.op, operation.call
            );
            findings.add(Violation::new(CHECKER, guarantee, text).at(operation.op, end));
        }
    }
    let done = changes.values().flatten().filter(|change| change.end.is_some()).count();
    let is_telling = admitted + denied >= OPERATIONS_TELLING && done >= CHANGES_TELLING;
    if findings.is_empty() && is_telling && admitted * denied == 0 {
        let reason = format!("{admitted} operations of users were admitted and {denied} denied");
        return Verdict::inconclusive(reason);
    }
    findings.verdict()
}

fn users(history: &History) -> HashMap<OpId, UserId> {
    let lines = history.events.iter().filter_map(|event| match event {
        Event::Access(line) => Some(&line.record),
        _ => None,
    });
    lines
        .filter_map(|record| match record {
            AccessRecord::As { op, user } => Some((*op, *user)),
            _ => None,
        })
        .collect()
}

fn changes(history: &History) -> BTreeMap<UserId, Changes> {
    let mut open: BTreeMap<ChangeId, (UserId, Change)> = BTreeMap::new();
    let mut changes: BTreeMap<UserId, Changes> = BTreeMap::new();
    for event in &history.events {
        let Event::Access(line) = event else { continue };
        match line.record {
            AccessRecord::As { .. } => {}
            AccessRecord::Change { change, user, permits } => {
                open.insert(change, (user, Change { call: line.time, end: None, permits }));
            }
            AccessRecord::Done { change } => {
                if let Some((user, change)) = open.remove(&change) {
                    let done = Change { end: Some(line.time), ..change };
                    changes.entry(user).or_default().push(done);
                }
            }
            AccessRecord::Refused { change } => {
                open.remove(&change);
            }
        }
    }
    for (user, change) in open.into_values() {
        changes.entry(user).or_default().push(change);
    }
    changes
}

/// When the operation was decided, and whether it was admitted; `None` where that cannot be told, or
/// was no matter of permission. A serializable read is answered from a state of any age.
fn decided(operation: &Operation<'_>) -> Option<(Micros, bool)> {
    if matches!(operation.request, Request::Range(range) if range.serializable) {
        return None;
    }
    let end = operation.end?;
    match operation.outcome {
        Outcome::Ok(_) => Some((end, true)),
        Outcome::Fail(refusal) => {
            let is_denied = refusal.kind == RefusalKind::NotServed
                && refusal.text == Error::PermissionDenied.message();
            is_denied.then_some((end, false))
        }
        Outcome::Info(_) => None,
    }
}

/// Whether the permission can have been given, and denied, at a moment of the operation.
fn possible(changes: &[Change], call: Micros, end: Micros) -> Vec<bool> {
    let first = Change { call: 0, end: Some(0), permits: false };
    let over = |change: &Change| {
        let Some(ended) = change.end else { return false };
        let later = |other: &&Change| other.call > ended && other.end.is_some_and(|end| end < call);
        changes.iter().any(|other| later(&other))
    };
    let mut possible: Vec<bool> = std::iter::once(&first)
        .chain(changes)
        .filter(|change| change.call <= end && !over(change))
        .map(|change| change.permits)
        .collect();
    possible.sort_unstable();
    possible.dedup();
    possible
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{AccessLine, Header, PutRequest, PutResponse, Refusal, Response};

    const DENIED: &str = "etcdserver: permission denied";

    #[derive(Default)]
    struct Story(History);

    impl Story {
        fn access(&mut self, time: Micros, record: AccessRecord) {
            self.0.push(Event::Access(AccessLine { time, record }));
        }

        fn change(&mut self, change: ChangeId, permits: bool, call: Micros, end: Option<Micros>) {
            self.access(call, AccessRecord::Change { change, user: 1, permits });
            if let Some(end) = end {
                self.access(end, AccessRecord::Done { change });
            }
        }

        fn put(&mut self, op: OpId, call: Micros, end: Micros, is_admitted: bool) {
            self.access(call, AccessRecord::As { op, user: 1 });
            let request = Request::Put(PutRequest::default());
            self.0.push(Event::Invoke { time: call, op, client: op, member: 1, request });
            self.0.push(match is_admitted {
                true => {
                    let header = Header { revision: 2, ..Header::default() };
                    let response = Response::Put(PutResponse { header, prev_kv: None });
                    Event::Ok { time: end, op, response }
                }
                false => {
                    let kind = RefusalKind::NotServed;
                    let error = Refusal { kind, text: DENIED.to_owned() };
                    Event::Fail { time: end, op, error }
                }
            });
        }

        fn guarantee(&self) -> Option<&'static str> {
            let verdict = check(&self.0, &self.0.operations());
            verdict.violation().map(|violation| violation.guarantee)
        }
    }

    #[test]
    fn a_permission_holds_from_its_answer_to_the_call_of_its_end() {
        for (call, end, is_admitted, guarantee) in [
            (1, 5, true, Some("NOT_ADMITTED_UNPERMITTED")),
            (1, 5, false, None),
            (5, 15, true, None),
            (15, 16, true, None),
            (15, 16, false, None),
            (21, 25, true, None),
            (21, 25, false, Some("NOT_DENIED_PERMITTED")),
            (25, 35, false, None),
            (41, 45, true, Some("NOT_ADMITTED_UNPERMITTED")),
            (41, 45, false, None),
        ] {
            let mut story = Story::default();
            story.change(1, true, 10, Some(20));
            story.change(2, false, 30, Some(40));
            story.put(1, call, end, is_admitted);
            assert_eq!(story.guarantee(), guarantee, "{call}..{end} {is_admitted}");
        }
    }

    #[test]
    fn a_change_without_an_answer_may_take_effect_at_any_time() {
        let mut story = Story::default();
        story.change(1, true, 10, None);
        story.change(2, false, 30, Some(40));
        story.put(1, 100, 110, true);
        assert_eq!(story.guarantee(), None);
        story.put(2, 1, 2, true);
        assert_eq!(story.guarantee(), Some("NOT_ADMITTED_UNPERMITTED"));
    }

    #[test]
    fn changes_at_the_same_time_leave_both_possible() {
        let mut story = Story::default();
        story.change(1, true, 10, Some(30));
        story.change(2, false, 20, Some(40));
        story.put(1, 100, 110, true);
        story.put(2, 100, 110, false);
        assert_eq!(story.guarantee(), None);
    }

    #[test]
    fn nobody_admitted_says_little_before_anybody_was_permitted() {
        // Swarm seed 6014024: no change of a permission was answered.
        let mut story = Story::default();
        for op in 0..OPERATIONS_TELLING as u64 {
            story.put(op, op, op, false);
        }
        let verdict = |story: &Story| check(&story.0, &story.0.operations());
        assert_eq!(verdict(&story), Verdict::Pass);
        for change in 0..CHANGES_TELLING as u64 {
            story.change(change, false, 1_000 + change, Some(1_000 + change));
        }
        assert!(matches!(verdict(&story), Verdict::Inconclusive { .. }));
    }
}
