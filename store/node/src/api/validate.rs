//! What can be said of a request without looking at the state: pure, first error wins, in etcd's order.

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::range_request::{SortOrder, SortTarget};
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{
    Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};
use prost::Message;

use super::overlap;

/// Bytes that etcd's own envelope adds to a request at most, besides the request and its length:
/// the limit is on the whole, so that the largest value that a client can store is the same.
const ENVELOPE_BYTES: usize = 15;

/// Transactions within transactions, the outermost included. A message may be nested at most 100 deep
/// to be decoded; a transaction takes two levels, and its answer, wrapped once more, has to fit too.
pub(super) const TXN_DEPTH_MAX: usize = 40;

/// Limits on requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most comparisons, or operations of one branch, in a transaction, nested ones included.
    pub max_txn_ops: usize,
    /// Largest request that enters the log, in bytes.
    pub max_request_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_txn_ops: 128, max_request_bytes: 1_572_864 }
    }
}

impl Limits {
    /// Refuses a request that is too large for the log (G24).
    pub(crate) fn check_size(&self, request: &impl Message) -> Result<(), Error> {
        let body = request.encoded_len();
        let total = ENVELOPE_BYTES + prost::length_delimiter_len(body) + body;
        if total > self.max_request_bytes { Err(Error::RequestTooLarge) } else { Ok(()) }
    }
}

/// G7.
pub(crate) fn range(request: &RangeRequest) -> Result<(), Error> {
    key(&request.key)?;
    let sort_known = SortOrder::try_from(request.sort_order).is_ok()
        && SortTarget::try_from(request.sort_target).is_ok();
    if sort_known { Ok(()) } else { Err(Error::InvalidSortOption) }
}

/// G20, as far as it does not depend on the state.
pub(crate) fn put(request: &PutRequest) -> Result<(), Error> {
    key(&request.key)?;
    if request.ignore_value && !request.value.is_empty() {
        return Err(Error::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Error::LeaseProvided);
    }
    Ok(())
}

/// A deletion needs a key.
pub(crate) fn delete_range(request: &DeleteRangeRequest) -> Result<(), Error> {
    key(&request.key)
}

/// G26, G33, the rules of every operation, then G31.
pub(crate) fn txn(request: &TxnRequest, limits: &Limits) -> Result<(), Error> {
    operations(request, limits.max_txn_ops, TXN_DEPTH_MAX)?;
    overlap::check(&request.success)?;
    overlap::check(&request.failure)
}

fn operations(request: &TxnRequest, budget: usize, depth: usize) -> Result<(), Error> {
    let count = request.compare.len().max(request.success.len()).max(request.failure.len());
    let (Some(budget), Some(depth)) = (budget.checked_sub(count), depth.checked_sub(1)) else {
        return Err(Error::TooManyOps);
    };
    request.compare.iter().try_for_each(compare)?;
    let mut ops = request.success.iter().chain(&request.failure);
    ops.try_for_each(|op| operation(op, budget, depth))
}

fn operation(op: &RequestOp, budget: usize, depth: usize) -> Result<(), Error> {
    match &op.request {
        Some(Op::RequestRange(request)) => range(request),
        Some(Op::RequestPut(request)) => put(request),
        Some(Op::RequestDeleteRange(request)) => delete_range(request),
        Some(Op::RequestTxn(request)) => operations(request, budget, depth),
        None => Err(Error::KeyNotFound),
    }
}

fn compare(compare: &Compare) -> Result<(), Error> {
    key(&compare.key)
}

fn key(key: &Bytes) -> Result<(), Error> {
    if key.is_empty() { Err(Error::EmptyKey) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn put_op(key: &str) -> RequestOp {
        let put = PutRequest { key: b(key), ..Default::default() };
        RequestOp { request: Some(Op::RequestPut(put)) }
    }

    fn txn_op(txn: TxnRequest) -> RequestOp {
        RequestOp { request: Some(Op::RequestTxn(txn)) }
    }

    fn puts(count: usize) -> Vec<RequestOp> {
        (0..count).map(|n| put_op(&n.to_string())).collect()
    }

    fn check(txn: &TxnRequest) -> Result<(), Error> {
        super::txn(txn, &Limits::default())
    }

    #[test]
    fn range_checks_the_key_before_the_sort_option() {
        let both = RangeRequest { sort_order: 3, ..Default::default() };
        assert_eq!(range(&both), Err(Error::EmptyKey));
        let order = RangeRequest { key: b("k"), sort_order: 3, ..Default::default() };
        assert_eq!(range(&order), Err(Error::InvalidSortOption));
        let target = RangeRequest { key: b("k"), sort_target: 5, ..Default::default() };
        assert_eq!(range(&target), Err(Error::InvalidSortOption));
        let last =
            RangeRequest { key: b("k"), sort_order: 2, sort_target: 4, ..Default::default() };
        assert_eq!(range(&last), Ok(()));
    }

    #[test]
    fn put_checks_key_then_value_then_lease() {
        let mut request =
            PutRequest { value: b("v"), lease: 7, ignore_value: true, ..Default::default() };
        request.ignore_lease = true;
        assert_eq!(put(&request), Err(Error::EmptyKey));
        request.key = b("k");
        assert_eq!(put(&request), Err(Error::ValueProvided));
        request.value = Bytes::new();
        assert_eq!(put(&request), Err(Error::LeaseProvided));
        request.lease = 0;
        assert_eq!(put(&request), Ok(()));
    }

    #[test]
    fn the_longest_of_the_three_lists_counts() {
        let compare = Compare { key: b("k"), ..Default::default() };
        assert_eq!(check(&TxnRequest { success: puts(128), ..Default::default() }), Ok(()));
        for request in [
            TxnRequest { success: puts(129), ..Default::default() },
            TxnRequest { failure: puts(129), ..Default::default() },
            TxnRequest { compare: vec![compare; 129], ..Default::default() },
        ] {
            assert_eq!(check(&request), Err(Error::TooManyOps));
        }
    }

    #[test]
    fn a_nested_transaction_has_what_its_parent_left_over() {
        let nest = |count| {
            let inner = TxnRequest { success: puts(count), ..Default::default() };
            TxnRequest { failure: vec![txn_op(inner)], ..Default::default() }
        };
        assert_eq!(check(&nest(127)), Ok(()));
        assert_eq!(check(&nest(128)), Err(Error::TooManyOps));
    }

    #[test]
    fn transactions_may_be_nested_only_so_deep_that_their_answers_can_be_decoded() {
        let nest = |depth| {
            (1..depth).fold(TxnRequest::default(), |inner, _| TxnRequest {
                success: vec![txn_op(inner)],
                ..Default::default()
            })
        };
        assert_eq!(check(&nest(TXN_DEPTH_MAX)), Ok(()));
        assert_eq!(check(&nest(TXN_DEPTH_MAX + 1)), Err(Error::TooManyOps));
    }

    #[test]
    fn an_operation_that_says_nothing_is_refused() {
        let request = TxnRequest { success: vec![RequestOp::default()], ..Default::default() };
        assert_eq!(check(&request), Err(Error::KeyNotFound));
        let request = TxnRequest { compare: vec![Compare::default()], ..Default::default() };
        assert_eq!(check(&request), Err(Error::EmptyKey));
    }

    #[test]
    fn the_largest_request_is_measured_with_its_envelope() {
        let limits = Limits { max_request_bytes: 1000, ..Default::default() };
        let put =
            |len| PutRequest { key: b("k"), value: vec![0; len].into(), ..Default::default() };
        // 15 for the envelope, 2 for the length, 3 for the key, 3 before the value.
        assert_eq!(limits.check_size(&put(1000 - 23)), Ok(()));
        assert_eq!(limits.check_size(&put(1000 - 22)), Err(Error::RequestTooLarge));
    }
}
