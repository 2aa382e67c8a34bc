//! Locks: nobody owns a lock while somebody else does, unless the lease of the other has ended, or
//! somebody has deleted its key without asking the lock service; and writes
//! that compare the owner's key, whose create revision is a fencing token, are never interleaved by those
//! of an earlier owner (etcd's lock service, G91; Kleppmann 2016 on fencing).
//!
//! That the key of who is answered is the oldest of its lock at that revision the replay of all
//! revisions shows.

use std::collections::BTreeMap;

use super::strict_serializability::{Committed, Owner};
use super::{Findings, Verdict, Violation};
use crate::history::{
    Blob, CompareTarget, KvEventKind, LeaseId, LockRequest, LockResponse, Micros, OpId, Operation,
    Operations, Outcome, Request, RequestOp, Response, lock_prefix,
};

const CHECKER: &str = "lock";

/// One time that a lock was owned, as its owner sees it.
#[derive(Debug, Clone)]
struct Hold {
    op: OpId,
    key: Blob,
    lease: LeaseId,
    /// When it was told that it owns the lock.
    from: Micros,
    /// When it gave the lock back; never, if it did not.
    to: Micros,
    /// At this revision it owned the lock.
    revision: i64,
}

/// Checks all locks of a history.
pub fn check(operations: &Operations<'_>, committed: Option<&Committed<'_>>) -> Verdict {
    let holds = holds(operations);
    if holds.is_empty() {
        return Verdict::Pass;
    }
    let Some(committed) = committed else {
        return Verdict::inconclusive("the committed log is not known");
    };
    let mut findings = Findings::default();
    for holds in holds.values() {
        check_overlaps(holds, committed, &mut findings);
    }
    check_tokens(committed, holds.keys(), &mut findings);
    findings.verdict()
}

/// The times that each lock was owned, by its name, in the order of the revisions at which it was: an answer may
/// come late, when its lock is lost again.
fn holds(operations: &Operations<'_>) -> BTreeMap<Blob, Vec<Hold>> {
    let mut returned: BTreeMap<&Blob, Micros> = BTreeMap::new();
    for operation in &operations.list {
        if let Request::Lock(LockRequest::Unlock { key }) = operation.request {
            let first = returned.entry(key).or_insert(operation.call);
            *first = operation.call.min(*first);
        }
    }
    let mut holds: BTreeMap<Blob, Vec<Hold>> = BTreeMap::new();
    for operation in &operations.list {
        let (Request::Lock(LockRequest::Lock { name, lease }), Some(from)) =
            (operation.request, operation.end)
        else {
            continue;
        };
        let Outcome::Ok(Response::Lock(LockResponse::Lock { header, key })) = operation.outcome
        else {
            continue;
        };
        let to = returned.get(key).copied().unwrap_or(Micros::MAX);
        let (op, revision) = (operation.op, header.revision);
        let hold = Hold { op, key: key.clone(), lease: *lease, from, to, revision };
        holds.entry(name.clone()).or_default().push(hold);
    }
    holds.values_mut().for_each(|holds| holds.sort_by_key(|hold| (hold.revision, hold.from)));
    holds
}

/// Who owns the lock at a later revision does so only if who owned it before had lost it by then.
fn check_overlaps(holds: &[Hold], committed: &Committed<'_>, findings: &mut Findings) {
    for (number, later) in holds.iter().enumerate() {
        let earlier = holds.iter().take(number);
        for earlier in earlier.filter(|earlier| later.from < earlier.to) {
            if has_lost(earlier, later.revision, committed) {
                continue;
            }
            let text = format!(
                "operation {} was told at {} us that {} owns the lock, while {} of operation {} did, \
                 from {} us on, and its lease {} lived",
                later.op,
                later.from,
                later.key,
                earlier.key,
                earlier.op,
                earlier.from,
                earlier.lease
            );
            let found = Violation::new(CHECKER, "EXCLUSIVE", text);
            findings.add(found.at(earlier.op, earlier.from).at(later.op, later.from));
        }
    }
}

/// Whether the end of a lease, or a deletion of the key, had taken the lock away by a revision.
fn has_lost(hold: &Hold, by: i64, committed: &Committed<'_>) -> bool {
    let changes = committed.state.changes_of(hold.key.as_bytes());
    let changes = changes.iter().filter_map(|&at| committed.state.changes().get(at));
    let deleted = changes.filter(|change| change.kind == KvEventKind::Delete);
    let mut ends = deleted.map(|change| change.kv.mod_revision).filter(|at| *at <= by);
    ends.any(|at| match committed.writer(at) {
        Some(operation) => !matches!(operation.request, Request::Lock(_)),
        None => committed.owner(at) == Some(Owner::Lease(hold.lease)),
    })
}

/// Writes under a lock come in the order of their tokens.
fn check_tokens<'a>(
    committed: &Committed<'_>,
    names: impl Iterator<Item = &'a Blob>,
    findings: &mut Findings,
) {
    let prefixes: Vec<Blob> = names.map(lock_prefix).collect();
    let mut newest: BTreeMap<&Blob, (i64, OpId, i64)> = BTreeMap::new();
    for revision in 2..=committed.state.revision() {
        let Some(operation) = committed.writer(revision) else { continue };
        let Some((prefix, token)) = guarded(operation, &prefixes) else { continue };
        let (highest, by, at) = *newest.entry(prefix).or_insert((token, operation.op, revision));
        if token < highest {
            let text = format!(
                "operation {} wrote at revision {revision} with the token {token} of {prefix}, after \
                 operation {by} had with {highest} at revision {at}",
                operation.op
            );
            let found = Violation::new(CHECKER, "FENCED", text);
            findings.add(found.at(by, operation.call).at(operation.op, operation.call));
        } else {
            newest.insert(prefix, (token, operation.op, revision));
        }
    }
}

/// The lock that guards a write, and its token.
fn guarded<'a>(operation: &Operation<'_>, prefixes: &'a [Blob]) -> Option<(&'a Blob, i64)> {
    let Request::Txn(txn) = operation.request else { return None };
    let writes = txn.success.iter().any(|inner| matches!(inner, RequestOp::Put(_)));
    txn.compare.iter().filter(|_| writes).find_map(|compare| {
        let CompareTarget::Create(token) = compare.target else { return None };
        let guards = |prefix: &&Blob| compare.key.as_bytes().starts_with(prefix.as_bytes());
        Some((prefixes.iter().find(guards)?, token))
    })
}
