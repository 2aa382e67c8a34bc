//! A request is refused for want of a lease only when the lease did not exist at some moment of the
//! request, and a grant for a lease of that id only when there was one (etcd's errors; E12, E13).

use super::life::Lives;
use super::violation;
use crate::checker::Violation;
use crate::checker::strict_serializability::puts;
use crate::history::{
    LeaseId, LeaseRequest, LockRequest, Operation, Operations, Outcome, RefusalKind, Request,
};

pub(super) fn check(operations: &Operations<'_>, lives: &Lives, found: &mut Vec<Violation>) {
    for operation in &operations.list {
        let (Outcome::Fail(refusal), Some(end)) = (operation.outcome, operation.end) else {
            continue;
        };
        let Operation { op, request, call, .. } = operation;
        let named = named(request);
        let unjust = match refusal.kind {
            RefusalKind::LeaseNotFound => {
                !named.is_empty() && named.iter().all(|id| lives.lived(*id, *call, end))
            }
            RefusalKind::LeaseExists => {
                let could = |id: &LeaseId| {
                    let began = lives.get(*id).and_then(|life| life.began);
                    began.is_some_and(|began| began <= end)
                };
                lives.are_told && !named.iter().any(could)
            }
            _ => false,
        };
        if unjust {
            let text = format!(
                "{request} by operation {op} was refused ({:?}), which was not so from {call} us to \
                 {end} us",
                refusal.kind
            );
            found.push(violation("REFUSAL", text).at(*op, end));
        }
    }
}

/// The leases that a request may need.
fn named(request: &Request) -> Vec<LeaseId> {
    match request {
        Request::Lease(
            LeaseRequest::Grant { id, .. }
            | LeaseRequest::Revoke { id }
            | LeaseRequest::KeepAlive { id }
            | LeaseRequest::TimeToLive { id, .. },
        ) => vec![*id],
        Request::Lease(LeaseRequest::List) => Vec::new(),
        Request::Lock(LockRequest::Lock { lease, .. }) => vec![*lease],
        _ => puts(request).iter().map(|put| put.lease).filter(|lease| *lease != 0).collect(),
    }
}
