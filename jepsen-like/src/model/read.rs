//! Answers that change nothing: reads, and writes that find nothing to do, at any revision.

use std::cmp::{Ordering, Reverse};

use super::{Span, State};
use crate::history::{
    Compare, CompareResult, CompareTarget, DeleteRangeResponse, Header, KeyValue, RangeRequest,
    RangeResponse, RefusalKind, Request, RequestOp, Response, ResponseOp, SortOrder, SortTarget,
    TxnRequest, TxnResponse,
};

/// Why a request has no answer that changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswerable {
    /// The store refuses it in this state.
    Refused(RefusalKind),
    /// The request changes this state.
    Changes,
    /// It was answered as if it owned a lock, or had given it back, and in this state it is not so.
    NotOwner,
}

impl From<RefusalKind> for Unanswerable {
    fn from(kind: RefusalKind) -> Self {
        Self::Refused(kind)
    }
}

pub(super) fn header(revision: i64) -> Header {
    Header { revision, ..Header::default() }
}

impl State {
    /// What the store answers at `current`, which may be in the past, if that changes nothing.
    pub fn answer_at(&self, request: &Request, current: i64) -> Result<Response, Unanswerable> {
        match request {
            Request::Range(range) => Ok(Response::Range(self.range_at(range, current)?)),
            Request::DeleteRange(delete) => {
                let span = Span::new(&delete.key, &delete.range_end);
                self.nothing_to_delete(&span, current).map(Response::DeleteRange)
            }
            Request::Txn(txn) => {
                let mut path = Vec::new();
                self.choose(txn, current, &mut path);
                let mut path = path.into_iter();
                self.check_branch(txn, current, &mut path.clone())?;
                Ok(Response::Txn(self.answer_txn(txn, current, &mut path)?))
            }
            Request::Lease(request) => self.lease_answer_at(request, current),
            Request::Lock(request) => self.lock_answer_at(request, current),
            Request::Put(_) | Request::Compact(_) => Err(Unanswerable::Changes),
        }
    }

    /// A read as of `current`, or of the older revision that it names.
    pub fn range_at(
        &self,
        request: &RangeRequest,
        current: i64,
    ) -> Result<RangeResponse, RefusalKind> {
        self.check_range(request, current)?;
        let at = if request.revision > 0 { request.revision } else { current };
        let span = Span::new(&request.key, &request.range_end);
        let mut response = RangeResponse { header: header(current), ..RangeResponse::default() };
        let found = self.span_at(&span, at).inspect(|_| response.count += 1);
        if request.count_only {
            found.for_each(drop);
            return Ok(response);
        }
        let mut found: Vec<&KeyValue> = found.filter(|kv| within_bounds(request, kv)).collect();
        let limit = usize::try_from(request.limit).unwrap_or(0);
        if limit > 0 && is_cut_before_sorting(request) {
            found.truncate(limit.saturating_add(1));
        }
        sort(&mut found, request);
        if limit > 0 && found.len() > limit {
            found.truncate(limit);
            response.more = true;
        }
        response.kvs = found.into_iter().cloned().collect();
        if request.keys_only {
            response.kvs.iter_mut().for_each(|kv| kv.value = Default::default());
        }
        Ok(response)
    }

    fn check_range(&self, request: &RangeRequest, current: i64) -> Result<(), RefusalKind> {
        let at = if request.revision > 0 { request.revision } else { current };
        if at > current {
            return Err(RefusalKind::FutureRevision);
        }
        if at < self.compacted {
            return Err(RefusalKind::Compacted);
        }
        Ok(())
    }

    fn nothing_to_delete(
        &self,
        span: &Span<'_>,
        at: i64,
    ) -> Result<DeleteRangeResponse, Unanswerable> {
        if self.span_at(span, at).next().is_some() {
            return Err(Unanswerable::Changes);
        }
        Ok(DeleteRangeResponse { header: header(at), ..DeleteRangeResponse::default() })
    }

    /// Decides all comparisons, nested ones too, before anything is done: etcd compares with the
    /// state from before the transaction. The answers are in the order of execution.
    pub(super) fn choose(&self, txn: &TxnRequest, at: i64, path: &mut Vec<bool>) {
        let holds = txn.compare.iter().all(|compare| self.holds(compare, at));
        path.push(holds);
        for operation in if holds { &txn.success } else { &txn.failure } {
            if let RequestOp::Txn(inner) = operation {
                self.choose(inner, at, path);
            }
        }
    }

    /// Refuses a transaction before it does anything, if one of the operations it would do has to
    /// be.
    pub(super) fn check_branch(
        &self,
        txn: &TxnRequest,
        at: i64,
        path: &mut impl Iterator<Item = bool>,
    ) -> Result<(), RefusalKind> {
        for operation in branch(txn, path) {
            match operation {
                RequestOp::Range(range) => self.check_range(range, at)?,
                RequestOp::Put(put) => {
                    let keeps = put.ignore_value || put.ignore_lease;
                    if keeps && self.at(put.key.as_bytes(), at).is_none() {
                        return Err(RefusalKind::KeyNotFound);
                    }
                }
                RequestOp::DeleteRange(_) => {}
                RequestOp::Txn(inner) => self.check_branch(inner, at, path)?,
            }
        }
        Ok(())
    }

    fn answer_txn(
        &self,
        txn: &TxnRequest,
        at: i64,
        path: &mut (impl Iterator<Item = bool> + Clone),
    ) -> Result<TxnResponse, Unanswerable> {
        let succeeded = path.clone().next().unwrap_or_default();
        let mut responses = Vec::new();
        for operation in branch(txn, path) {
            responses.push(match operation {
                RequestOp::Range(range) => ResponseOp::Range(self.range_at(range, at)?),
                RequestOp::Put(_) => return Err(Unanswerable::Changes),
                RequestOp::DeleteRange(delete) => {
                    let span = Span::new(&delete.key, &delete.range_end);
                    ResponseOp::DeleteRange(self.nothing_to_delete(&span, at)?)
                }
                RequestOp::Txn(inner) => ResponseOp::Txn(self.answer_txn(inner, at, path)?),
            });
        }
        Ok(TxnResponse { header: header(at), succeeded, responses })
    }

    /// Whether a comparison holds. A missing key compares as zero, but no value equals, exceeds or
    /// differs from a missing one.
    fn holds(&self, compare: &Compare, at: i64) -> bool {
        let span = Span::new(&compare.key, &compare.range_end);
        let mut keys = self.span_at(&span, at).peekable();
        if keys.peek().is_none() {
            let absent = KeyValue::default();
            return !matches!(compare.target, CompareTarget::Value(_))
                && relation(compare, &absent);
        }
        keys.all(|kv| relation(compare, kv))
    }
}

/// The operations of the branch that a transaction takes.
pub(super) fn branch<'r>(
    txn: &'r TxnRequest,
    path: &mut impl Iterator<Item = bool>,
) -> &'r [RequestOp] {
    let succeeded = path.next().unwrap_or_default();
    if succeeded { &txn.success } else { &txn.failure }
}

fn relation(compare: &Compare, kv: &KeyValue) -> bool {
    let ordering = match &compare.target {
        CompareTarget::Version(target) => kv.version.cmp(target),
        CompareTarget::Create(target) => kv.create_revision.cmp(target),
        CompareTarget::Mod(target) => kv.mod_revision.cmp(target),
        CompareTarget::Value(target) => kv.value.cmp(target),
        CompareTarget::Lease(target) => kv.lease.cmp(target),
    };
    match compare.result {
        CompareResult::Equal => ordering == Ordering::Equal,
        CompareResult::Greater => ordering == Ordering::Greater,
        CompareResult::Less => ordering == Ordering::Less,
        CompareResult::NotEqual => ordering != Ordering::Equal,
    }
}

fn within_bounds(request: &RangeRequest, kv: &KeyValue) -> bool {
    let within =
        |min: i64, max: i64, value: i64| (min == 0 || value >= min) && (max == 0 || value <= max);
    within(request.min_mod_revision, request.max_mod_revision, kv.mod_revision)
        && within(request.min_create_revision, request.max_create_revision, kv.create_revision)
}

/// Whether etcd takes the first keys, one more than the limit, and sorts only those: without an order and
/// without filters it does (etcd 3.7.1).
fn is_cut_before_sorting(request: &RangeRequest) -> bool {
    let filters = [
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ];
    request.sort_order == SortOrder::None && filters == [0; 4]
}

/// Sorts what is in key order already; equal keys of the sort keep that order.
fn sort(found: &mut [&KeyValue], request: &RangeRequest) {
    let descending = request.sort_order == SortOrder::Descend;
    match request.sort_target {
        SortTarget::Key => {
            if descending {
                found.reverse();
            }
        }
        SortTarget::Version => sort_by(found, descending, |kv| kv.version),
        SortTarget::Create => sort_by(found, descending, |kv| kv.create_revision),
        SortTarget::Mod => sort_by(found, descending, |kv| kv.mod_revision),
        SortTarget::Value => sort_by(found, descending, |kv| kv.value.clone()),
    }
}

fn sort_by<K: Ord>(found: &mut [&KeyValue], descending: bool, key: impl Fn(&KeyValue) -> K) {
    if descending {
        found.sort_by_key(|kv| Reverse(key(kv)));
    } else {
        found.sort_by_key(|kv| key(kv));
    }
}
