//! Which operation belongs to which revision, and what was known when: no two writes own one revision ("each atomic
//! mutative operation creates a new revision": etcd's data model), none is below the first, and there are no more
//! revisions than writes.

use super::super::staircase::{Staircase, Step};
use super::{Findings, Violation, violation};
use crate::history::{
    Event, History, LeaseRequest, LeaseResponse, LockRequest, LockResponse, Operation, Outcome,
    PutRequest, Request, RequestOp, Response, ResponseOp, TxnRequest, TxnResponse, WatchId,
    WatchRecord,
};
use crate::model::{Span, validate};

/// Who showed that a revision exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checker) enum Witness {
    /// The answer of an operation, by its position.
    Operation(usize),
    /// A watch.
    Watch(WatchId),
}

/// Revisions and when they were known to be committed.
pub(in crate::checker) type Sightings = Staircase<Witness>;

/// The operations by what their answers say about their place in the order.
#[derive(Debug)]
pub(super) struct Anchors<'h> {
    pub(super) operations: &'h [Operation<'h>],
    /// Revision and operation of the writes that own one, in order.
    pub(super) writes: Vec<(i64, usize)>,
    /// Revision and operation of everything else that saw exactly one state, in order.
    pub(super) readers: Vec<(i64, usize)>,
    /// Writes that may have taken effect, in the order of their calls.
    pub(super) unknown: Vec<usize>,
    /// Keys that may vanish with a lease, or because who waited for a lock gave up.
    pub(super) leased_puts: usize,
    pub(super) sightings: Sightings,
}

impl<'h> Anchors<'h> {
    pub(super) fn new(
        history: &'h History,
        operations: &'h [Operation<'h>],
        findings: &mut Findings,
    ) -> Self {
        let mut anchors = Self {
            operations,
            writes: Vec::new(),
            readers: Vec::new(),
            unknown: Vec::new(),
            leased_puts: 0,
            sightings: Staircase::new(Vec::new()),
        };
        let mut sightings = Vec::with_capacity(operations.len());
        for (index, operation) in operations.iter().enumerate() {
            if puts(operation.request).iter().any(|put| put.lease != 0) {
                anchors.leased_puts += 1;
            }
            if let Request::Lock(LockRequest::Lock { .. }) = operation.request {
                anchors.leased_puts += 2;
            }
            match operation.outcome {
                Outcome::Ok(response) => {
                    sightings.extend(anchors.answered(index, operation, response, findings));
                    // Its answer does not name what it wrote.
                    if matches!(operation.request, Request::Lock(_)) {
                        anchors.unknown.push(index);
                    }
                }
                Outcome::Info(_) if may_write(operation.request) => anchors.unknown.push(index),
                Outcome::Info(_) | Outcome::Fail(_) => {}
            }
        }
        sightings.extend(history.events.iter().filter_map(watched));
        anchors.sightings = Staircase::new(sightings);
        anchors.writes.sort_unstable();
        anchors.readers.sort_unstable();
        anchors.keep_one_owner_each(findings);
        anchors
    }

    fn answered(
        &mut self,
        index: usize,
        operation: &Operation<'h>,
        response: &Response,
        findings: &mut Findings,
    ) -> Option<Step<Witness>> {
        let Operation { op, request, .. } = operation;
        let time = operation.end?;
        let revision = response.header().revision;
        if let Err(invalid) = validate(request) {
            let text =
                format!("{request} by operation {op} was answered although invalid: {invalid}");
            findings.add(violation("REFUSAL", text).at(*op, time));
            return None;
        }
        let wrote = match effect(request, response) {
            Some(Effect::Wrote) => true,
            Some(Effect::Saw) => false,
            Some(Effect::Local | Effect::Aside) => {
                return Some(Step { time, value: revision, source: Witness::Operation(index) });
            }
            // etcd takes the revision in the answer to a compaction at no defined moment.
            Some(Effect::Compacted) => return None,
            None => {
                let text =
                    format!("{request} by operation {op} was answered by another kind of answer");
                findings.add(violation("ANSWER", text).at(*op, time));
                return None;
            }
        };
        if revision < 1 + i64::from(wrote) {
            let text = format!(
                "{request} by operation {op} was answered with revision {revision}, below the first"
            );
            findings.add(violation("ANSWER", text).at(*op, time));
            return None;
        }
        let anchored = if wrote { &mut self.writes } else { &mut self.readers };
        anchored.push((revision, index));
        Some(Step { time, value: revision, source: Witness::Operation(index) })
    }

    fn keep_one_owner_each(&mut self, findings: &mut Findings) {
        let operations = self.operations;
        self.writes.dedup_by(|(later, second), (revision, first)| {
            if later != revision {
                return false;
            }
            if let (Some(a), Some(b)) = (operations.get(*first), operations.get(*second)) {
                let text = format!(
                    "{} by operation {} and {} by operation {} were both acknowledged with \
                        revision {revision}",
                    a.request, a.op, b.request, b.op
                );
                let found = violation("UNIQUE", text);
                findings
                    .add(found.at(a.op, a.end.unwrap_or(a.call)).at(b.op, b.end.unwrap_or(b.call)));
            }
            true
        });
    }

    /// The highest revision that anybody saw.
    pub(super) fn highest(&self) -> i64 {
        self.sightings.highest().map_or(1, |step| step.value.max(1))
    }

    /// There cannot be more revisions than writes; this also keeps absurd numbers out of loops.
    pub(super) fn too_many_revisions(&self) -> Option<Violation> {
        let highest = self.highest();
        let writes = self.writes.len() + self.unknown.len() + self.leased_puts;
        if u64::try_from(highest - 1).is_ok_and(|revisions| revisions <= writes as u64) {
            return None;
        }
        let source = self.sightings.highest()?;
        let text = format!(
            "revision {highest} was seen, but only {writes} writes can have taken effect \
             ({} acknowledged, {} unknown): \
             revision {} has no writer",
            self.writes.len(),
            self.unknown.len(),
            self.first_gap()
        );
        let op = match source.source {
            Witness::Operation(index) => self.operations.get(index).map(|operation| operation.op),
            Witness::Watch(_) => None,
        };
        Some(violation("PHANTOM", text).at(op, source.time))
    }

    fn first_gap(&self) -> i64 {
        let mut expected = 2;
        for &(revision, _) in &self.writes {
            if revision != expected {
                break;
            }
            expected += 1;
        }
        expected
    }

    /// The operation that was acknowledged with a revision.
    pub(super) fn owner(&self, revision: i64) -> Option<usize> {
        let position =
            self.writes.binary_search_by_key(&revision, |(revision, _)| *revision).ok()?;
        self.writes.get(position).map(|(_, index)| *index)
    }

    pub(super) fn is_unknown(&self, index: usize) -> bool {
        let outcome = self.operations.get(index).map(|operation| operation.outcome);
        matches!(outcome, Some(Outcome::Info(_)))
    }
}

/// What an answered operation did.
pub(in crate::checker) enum Effect {
    /// It changed something and owns its revision.
    Wrote,
    /// It saw the newest state.
    Saw,
    /// It saw its member's own state.
    Local,
    /// It saw something else; its revision is that of its member at some moment.
    Aside,
    /// It compacted.
    Compacted,
}

/// What an answered operation did, by its answer; `None` if that is not an answer to its request.
pub(in crate::checker) fn effect(request: &Request, response: &Response) -> Option<Effect> {
    Some(match (request, response) {
        (Request::Range(range), Response::Range(_)) if range.serializable => Effect::Local,
        (Request::Range(_), Response::Range(_)) => Effect::Saw,
        (Request::Put(_), Response::Put(_)) => Effect::Wrote,
        (Request::DeleteRange(_), Response::DeleteRange(delete)) if delete.deleted > 0 => {
            Effect::Wrote
        }
        (Request::DeleteRange(_), Response::DeleteRange(_)) => Effect::Saw,
        (Request::Txn(txn), Response::Txn(_)) if is_local(txn) => Effect::Local,
        (Request::Txn(_), Response::Txn(txn)) if wrote(txn) => Effect::Wrote,
        (Request::Txn(_), Response::Txn(_)) => Effect::Saw,
        (Request::Compact(_), Response::Compact(_)) => Effect::Compacted,
        (Request::Lease(request), Response::Lease(response)) => lease_effect(request, response)?,
        (Request::Lock(request), Response::Lock(response)) => lock_effect(request, response)?,
        _ => return None,
    })
}

/// Whether a revocation deleted keys, and so made its revision, its answer does not tell; either way no
/// key is left at that revision.
fn lease_effect(request: &LeaseRequest, response: &LeaseResponse) -> Option<Effect> {
    Some(match (request, response) {
        (LeaseRequest::Grant { .. }, LeaseResponse::Grant { .. })
        | (LeaseRequest::Revoke { .. }, LeaseResponse::Revoke { .. }) => Effect::Saw,
        (LeaseRequest::KeepAlive { .. }, LeaseResponse::KeepAlive { .. })
        | (LeaseRequest::TimeToLive { .. }, LeaseResponse::TimeToLive { .. })
        | (LeaseRequest::List, LeaseResponse::List { .. }) => Effect::Aside,
        _ => return None,
    })
}

/// What the service wrote its answer does not tell, only when the lock was owned, or given back.
fn lock_effect(request: &LockRequest, response: &LockResponse) -> Option<Effect> {
    match (request, response) {
        (LockRequest::Lock { .. }, LockResponse::Lock { .. })
        | (LockRequest::Unlock { .. }, LockResponse::Unlock { .. }) => Some(Effect::Saw),
        _ => None,
    }
}

fn wrote(txn: &TxnResponse) -> bool {
    txn.responses.iter().any(|response| match response {
        ResponseOp::Put(_) => true,
        ResponseOp::DeleteRange(delete) => delete.deleted > 0,
        ResponseOp::Txn(inner) => wrote(inner),
        ResponseOp::Range(_) => false,
    })
}

/// etcd serves a transaction locally when both branches hold nothing but local reads.
fn is_local(txn: &TxnRequest) -> bool {
    let mut operations = txn.success.iter().chain(&txn.failure);
    operations.all(|operation| matches!(operation, RequestOp::Range(range) if range.serializable))
}

/// Whether a request may change anything, in some state.
pub(super) fn may_write(request: &Request) -> bool {
    fn any(operations: &[RequestOp]) -> bool {
        operations.iter().any(|operation| match operation {
            RequestOp::Put(_) | RequestOp::DeleteRange(_) => true,
            RequestOp::Txn(inner) => any(&inner.success) || any(&inner.failure),
            RequestOp::Range(_) => false,
        })
    }
    match request {
        Request::Put(_) | Request::DeleteRange(_) => validate(request).is_ok(),
        Request::Txn(txn) => (any(&txn.success) || any(&txn.failure)) && validate(request).is_ok(),
        Request::Lock(_) => true,
        // Which keys a lease takes with it is not the request's to say.
        Request::Range(_) | Request::Compact(_) | Request::Lease(_) => false,
    }
}

/// The puts that a request may do.
pub(in crate::checker) fn puts(request: &Request) -> Vec<&PutRequest> {
    fn collect<'r>(operations: &'r [RequestOp], found: &mut Vec<&'r PutRequest>) {
        for operation in operations {
            match operation {
                RequestOp::Put(put) => found.push(put),
                RequestOp::Txn(inner) => {
                    collect(&inner.success, found);
                    collect(&inner.failure, found);
                }
                RequestOp::Range(_) | RequestOp::DeleteRange(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    match request {
        Request::Put(put) => found.push(put),
        Request::Txn(txn) => {
            collect(&txn.success, &mut found);
            collect(&txn.failure, &mut found);
        }
        Request::Range(_)
        | Request::DeleteRange(_)
        | Request::Compact(_)
        | Request::Lease(_)
        | Request::Lock(_) => {}
    }
    found
}

/// Whether a transaction may delete a key, before it does something else with it.
pub(super) fn may_delete(request: &Request, key: &[u8]) -> bool {
    fn any(operations: &[RequestOp], key: &[u8]) -> bool {
        operations.iter().any(|operation| match operation {
            RequestOp::DeleteRange(delete) => {
                Span::new(&delete.key, &delete.range_end).contains(key)
            }
            RequestOp::Txn(inner) => any(&inner.success, key) || any(&inner.failure, key),
            RequestOp::Put(_) | RequestOp::Range(_) => false,
        })
    }
    matches!(request, Request::Txn(txn) if any(&txn.success, key) || any(&txn.failure, key))
}

/// The revision that a watch was told of.
pub(super) fn watched(event: &Event) -> Option<Step<Witness>> {
    let Event::Watch(line) = event else { return None };
    let value = match &line.record {
        WatchRecord::Created { revision, .. }
        | WatchRecord::Resumed { revision, .. }
        | WatchRecord::Progress { revision } => *revision,
        WatchRecord::Events { revision, events, .. } => {
            events.iter().map(|event| event.kv.mod_revision).fold(*revision, i64::max)
        }
        WatchRecord::Canceled { .. } | WatchRecord::Broken { .. } => return None,
    };
    Some(Step { time: line.time, value, source: Witness::Watch(line.watch) })
}
