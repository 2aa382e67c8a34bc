//! Errors are answers: each must have been right at some moment between its call and its end, and no compacted revision
//! may be read once its compaction was acknowledged (etcd's errors, `ErrCompacted`, `ErrFutureRev` and others; its API
//! guarantees, history window).

use super::anchor::{Effect, effect, may_delete, puts};
use super::{Committed, Findings, violation};
use crate::history::{
    LeaseRequest, Micros, Operation, Outcome, PutRequest, Refusal, RefusalKind, Request, RequestOp,
    Response, ResponseOp, TxnRequest, TxnResponse,
};
use crate::model::validate;

/// Checks every refusal, every read of an old revision, and every compaction.
pub(super) fn check(committed: &Committed<'_>, findings: &mut Findings) {
    for operation in committed.operations {
        let problem = match (operation.outcome, operation.end) {
            (Outcome::Fail(refusal), Some(end)) => {
                let problem = unjust(committed, operation, refusal, end);
                problem.map(|why| ("REFUSAL", why))
            }
            (Outcome::Ok(response), Some(end)) => match effect(operation.request, response) {
                Some(Effect::Saw | Effect::Wrote) => {
                    let revisions = read_revisions(operation.request, response);
                    compacted_read(committed, operation, &revisions)
                        .map(|why| ("COMPACTED_READ", why))
                }
                Some(Effect::Compacted) => {
                    unjust_compaction(committed, operation, end).map(|why| ("REFUSAL", why))
                }
                Some(Effect::Local | Effect::Aside) | None => None,
            },
            (Outcome::Info(_), _) | (_, None) => None,
        };
        if let Some((guarantee, why)) = problem {
            let Operation { op, request, call, .. } = operation;
            let text = format!("{request} by operation {op}, called at {call} us, {why}");
            findings.add(violation(guarantee, text).at(*op, *call));
        }
    }
}

fn unjust(
    committed: &Committed<'_>,
    operation: &Operation<'_>,
    refusal: &Refusal,
    end: Micros,
) -> Option<String> {
    let request = operation.request;
    let revisions = named_revisions(request);
    match refusal.kind {
        // Of these the checker of alarms knows more.
        RefusalKind::NoSpace | RefusalKind::Corrupt | RefusalKind::NotServed => None,
        RefusalKind::Invalid => {
            validate(request).is_ok().then(|| "was refused as invalid, which it is not".to_owned())
        }
        RefusalKind::LeaseNotFound => {
            let leased = matches!(request, Request::Lease(_) | Request::Lock(_))
                || puts(request).iter().any(|put| put.lease != 0);
            (!leased).then(|| "was refused for its lease, which it does not name".to_owned())
        }
        RefusalKind::LeaseExists => {
            let grants = matches!(request, Request::Lease(LeaseRequest::Grant { id: 1.., .. }));
            (!grants).then(|| "was refused for a lease, but grants none by name".to_owned())
        }
        RefusalKind::Compacted => {
            let compacted = committed.compactions.possible_by(end);
            let inclusive = i64::from(matches!(request, Request::Compact(_)));
            let just = revisions.iter().any(|revision| *revision < compacted + inclusive);
            (!just).then(|| {
                format!(
                    "was refused as compacted, but no compaction beyond {compacted} was \
                    called by then"
                )
            })
        }
        RefusalKind::FutureRevision if is_local(request) => None,
        RefusalKind::FutureRevision => {
            let known = committed.known_before(operation.call);
            let just = revisions.iter().any(|revision| *revision > known);
            (!just).then(|| {
                format!("was refused as a future revision, but revision {known} was known before")
            })
        }
        RefusalKind::KeyNotFound => key_was_there(committed, operation, end),
    }
}

fn is_local(request: &Request) -> bool {
    matches!(request, Request::Range(range) if range.serializable)
}

/// A key that is to be kept must have been missing at some revision while the operation ran, or deleted by the operation
/// itself.
fn key_was_there(
    committed: &Committed<'_>,
    operation: &Operation<'_>,
    end: Micros,
) -> Option<String> {
    let keeping = puts(operation.request);
    let keeping = keeping.into_iter().filter(|put| put.ignore_value || put.ignore_lease);
    let from = committed.known_before(operation.call);
    let to = committed.possible_by(end);
    let missing = |put: &PutRequest| {
        let key = put.key.as_bytes();
        may_delete(operation.request, key)
            || committed.state.at(key, from).is_none()
            || committed.state.changes_of(key).iter().any(|&position| {
                let change = committed.state.changes().get(position);
                change.is_some_and(|change| {
                    let revision = change.kv.mod_revision;
                    revision > from && revision <= to && change.kv.version == 0
                })
            })
    };
    let mut keeping = keeping.peekable();
    if keeping.peek().is_none() {
        return Some("was refused for a missing key, but keeps nothing of any key".to_owned());
    }
    if keeping.any(missing) || committed.may_hide_writes(end) {
        return None;
    }
    Some(format!("was refused for a missing key that was there from revision {from} to {to}"))
}

fn compacted_read(
    committed: &Committed<'_>,
    operation: &Operation<'_>,
    revisions: &[i64],
) -> Option<String> {
    let certain = committed.compactions.certain_before(operation.call);
    let oldest = revisions.iter().copied().min().filter(|revision| *revision < certain)?;
    Some(format!("read revision {oldest} although revision {certain} had been compacted before"))
}

fn unjust_compaction(
    committed: &Committed<'_>,
    operation: &Operation<'_>,
    end: Micros,
) -> Option<String> {
    let Request::Compact(compact) = operation.request else { return None };
    let certain = committed.compactions.certain_before(operation.call);
    if compact.revision <= certain {
        return Some(format!("was done although revision {certain} had been compacted before"));
    }
    let possible = committed.possible_by(end);
    (compact.revision > possible && !committed.may_hide_writes(end))
        .then(|| format!("was done although the revision can only have been {possible} by then"))
}

/// The revisions that were read by name: of a transaction, on the path that was taken.
fn read_revisions(request: &Request, response: &Response) -> Vec<i64> {
    fn collect(txn: &TxnRequest, response: &TxnResponse, found: &mut Vec<i64>) {
        let taken = if response.succeeded { &txn.success } else { &txn.failure };
        for (operation, answer) in taken.iter().zip(&response.responses) {
            match (operation, answer) {
                (RequestOp::Range(range), _) => found.push(range.revision),
                (RequestOp::Txn(inner), ResponseOp::Txn(answer)) => collect(inner, answer, found),
                _ => {}
            }
        }
    }
    let (Request::Txn(txn), Response::Txn(answer)) = (request, response) else {
        return named_revisions(request);
    };
    let mut found = Vec::new();
    collect(txn, answer, &mut found);
    found.retain(|revision| *revision > 0);
    found
}

/// The revisions that a request names.
fn named_revisions(request: &Request) -> Vec<i64> {
    fn collect(operations: &[RequestOp], found: &mut Vec<i64>) {
        for operation in operations {
            match operation {
                RequestOp::Range(range) => found.push(range.revision),
                RequestOp::Txn(inner) => {
                    collect(&inner.success, found);
                    collect(&inner.failure, found);
                }
                RequestOp::Put(_) | RequestOp::DeleteRange(_) => {}
            }
        }
    }
    match request {
        Request::Range(range) if range.revision > 0 => vec![range.revision],
        Request::Compact(compact) => vec![compact.revision],
        Request::Txn(txn) => {
            let mut found = Vec::new();
            collect(&txn.success, &mut found);
            collect(&txn.failure, &mut found);
            found.retain(|revision| *revision > 0);
            found
        }
        Request::Range(_)
        | Request::Put(_)
        | Request::DeleteRange(_)
        | Request::Lease(_)
        | Request::Lock(_) => Vec::new(),
    }
}
