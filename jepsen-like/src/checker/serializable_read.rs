//! Local reads: each shows exactly some committed state, no newer than could be committed by then,
//! and a session never sees one member go back while that member runs (etcd's API guarantees for
//! `serializable` requests; sequential consistency per session, Terry et al. 1994, monotonic
//! reads).

use std::collections::{BTreeMap, HashMap};

use super::staircase::{Staircase, Step};
use super::strict_serializability::{Committed, is_local_answer};
use super::{Findings, Verdict, Violation};
use crate::history::{
    ClientId, Event, History, MemberId, Micros, Operation, Operations, Outcome, RefusalKind,
    Request, Response,
};
use crate::model::{Unanswerable, difference};
use crate::observation::Fact;

const CHECKER: &str = "serializable_read";

/// Checks all local reads against the committed log.
pub fn check(
    history: &History,
    operations: &Operations<'_>,
    committed: Option<&Committed<'_>>,
) -> Verdict {
    let members = Members::new(history);
    let mut sessions = Sessions::default();
    let (mut findings, mut reads) = (Findings::default(), 0);
    for operation in &operations.list {
        match operation.outcome {
            Outcome::Ok(response) if is_local_answer(operation.request, response) => {
                reads += 1;
                let revision = response.header().revision;
                if let Some(committed) = committed {
                    findings_of_state(committed, operation, response, &mut findings);
                }
                members.check_applied(operation, revision, &mut findings);
                sessions.check(&members, operation, revision, &mut findings);
            }
            Outcome::Fail(refusal) if refusal.kind == RefusalKind::FutureRevision => {
                sessions.check_future(&members, operation, &mut findings);
            }
            Outcome::Ok(_) | Outcome::Fail(_) | Outcome::Info(_) => {}
        }
    }
    let otherwise = if reads > 0 && committed.is_none() {
        Verdict::inconclusive("the committed log is not known")
    } else {
        Verdict::Pass
    };
    findings.verdict_or(otherwise)
}

fn violation(guarantee: &'static str, operation: &Operation<'_>, text: &str) -> Violation {
    let Operation { op, client, member, request, call, .. } = operation;
    let time = operation.end.unwrap_or(*call);
    let text =
        format!("{request} by client {client} at member {member}, answered at {time} us, {text}");
    Violation::new(CHECKER, guarantee, text).at(*op, time)
}

/// The answer is the model's at its own revision, and that revision could be committed by then.
fn findings_of_state(
    committed: &Committed<'_>,
    operation: &Operation<'_>,
    given: &Response,
    findings: &mut Findings,
) {
    let revision = given.header().revision;
    let possible = committed.possible_by(operation.end.unwrap_or(Micros::MAX));
    if revision > possible {
        let text =
            format!("shows revision {revision}, but at most {possible} can have been committed");
        findings.add(violation("AHEAD", operation, &text));
        return;
    }
    let problem = match committed.state.answer_at(operation.request, revision) {
        Ok(right) => difference(&right, given),
        Err(Unanswerable::Refused(kind)) => Some(format!("it must be refused ({kind:?})")),
        Err(Unanswerable::Changes | Unanswerable::NotOwner) => {
            Some("it must change something".to_owned())
        }
    };
    if let Some(problem) = problem {
        let text = format!("differs from the state at its own revision {revision}: {problem}");
        findings.add(violation("STATE", operation, &text));
    }
}

/// When members started, and what they had applied.
struct Members {
    started: BTreeMap<MemberId, Vec<Micros>>,
    applied: BTreeMap<MemberId, Staircase<()>>,
}

impl Members {
    fn new(history: &History) -> Self {
        let mut started: BTreeMap<MemberId, Vec<Micros>> = BTreeMap::new();
        let mut applied: BTreeMap<MemberId, Vec<Step<()>>> = BTreeMap::new();
        for event in &history.events {
            match event {
                Event::Observed(seen) if matches!(seen.fact, Fact::Started { .. }) => {
                    started.entry(seen.member).or_default().push(seen.time);
                }
                Event::Applied(tap) => {
                    let step = Step { time: tap.time, value: tap.revision, source: () };
                    applied.entry(tap.member).or_default().push(step);
                }
                _ => {}
            }
        }
        let applied =
            applied.into_iter().map(|(member, steps)| (member, Staircase::new(steps))).collect();
        Self { started, applied }
    }

    /// Which run of the member this is; `None` if it is not known or changed on the way.
    fn incarnation(&self, operation: &Operation<'_>) -> Option<usize> {
        let started = self.started.get(&operation.member)?;
        let by = |time: Micros| started.iter().filter(|start| **start <= time).count();
        let incarnation = by(operation.call);
        (incarnation == by(operation.end?)).then_some(incarnation)
    }

    fn check_applied(&self, operation: &Operation<'_>, revision: i64, findings: &mut Findings) {
        let Some(applied) = self.applied.get(&operation.member) else { return };
        let Some(end) = operation.end else { return };
        let highest = applied.by(end).map_or(1, |step| step.value.max(1));
        // A member that got a snapshot applied nothing of it one by one.
        let tapped_later = applied.reaching(revision).is_some_and(|step| step.time > end);
        if revision > highest && tapped_later {
            let text =
                format!("shows revision {revision}, but the member had applied only {highest}");
            findings.add(violation("AHEAD", operation, &text));
        }
    }
}

type Session = (ClientId, MemberId, usize);

/// What each session has seen of each run of a member.
#[derive(Default)]
struct Sessions {
    seen: HashMap<Session, (i64, Micros)>,
}

impl Sessions {
    fn check(
        &mut self,
        members: &Members,
        operation: &Operation<'_>,
        revision: i64,
        findings: &mut Findings,
    ) {
        let (Some(incarnation), Some(end)) = (members.incarnation(operation), operation.end) else {
            return;
        };
        let session = (operation.client, operation.member, incarnation);
        let (highest, when) = self.seen.entry(session).or_insert((revision, end));
        if revision < *highest && *when < operation.call {
            let text = format!(
                "shows revision {revision}, but the same member had shown the client revision \
                    {highest} at {when} us"
            );
            findings.add(violation("BACKWARDS", operation, &text));
        }
        if revision > *highest {
            (*highest, *when) = (revision, end);
        }
    }

    fn check_future(&self, members: &Members, operation: &Operation<'_>, findings: &mut Findings) {
        let Request::Range(range) = operation.request else { return };
        let Some(incarnation) = members.incarnation(operation).filter(|_| range.serializable)
        else {
            return;
        };
        let session = (operation.client, operation.member, incarnation);
        let Some((highest, when)) = self.seen.get(&session) else { return };
        if range.revision <= *highest && *when < operation.call {
            let text = format!(
                "was refused as a future revision, but the same member had shown the client \
                    revision {highest} at {when} us"
            );
            findings.add(violation("BACKWARDS", operation, &text));
        }
    }
}
