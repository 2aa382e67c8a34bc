//! Transactions.

use detcd_api::etcdserverpb::compare::TargetUnion;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{Compare, PutRequest, RequestOp, TxnRequest};

use super::draw::Draw;
use super::kv;

/// What a transaction may do besides reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    /// Nothing: it takes another way through the server.
    Read,
    /// Put with what was there before. Beside a deletion that could end an etcd 3.5.1.
    Keep,
    /// Delete.
    Delete,
}

/// A transaction, sometimes a large one.
pub(super) fn txn(draw: &mut Draw) -> TxnRequest {
    let may = draw.one(&[May::Read, May::Keep, May::Delete, May::Delete]);
    let depth = draw.depth_max;
    if draw.chance(1) { large(draw) } else { nested(draw, depth, may) }
}

/// A transaction that may write.
pub(super) fn writing(draw: &mut Draw) -> TxnRequest {
    let may = draw.one(&[May::Keep, May::Delete]);
    let depth = draw.depth_max;
    nested(draw, depth, may)
}

fn nested(draw: &mut Draw, depth: usize, may: May) -> TxnRequest {
    let lengths = [0, 0, 1, 1, 1, 2, 3, 5];
    let [compares, successes, failures] = [(); 3].map(|()| draw.one(&lengths));
    let ops = |draw: &mut Draw, count| (0..count).map(|_| op(draw, depth, may)).collect();
    TxnRequest {
        success: ops(draw, successes),
        failure: ops(draw, failures),
        compare: (0..compares).map(|_| compare(draw)).collect(),
    }
}

fn op(draw: &mut Draw, depth: usize, may: May) -> RequestOp {
    let request = match (draw.below(100), may) {
        (0, _) => None,
        (1..12, _) if depth > 0 => Some(Op::RequestTxn(nested(draw, depth - 1, may))),
        (_, May::Read) => Some(Op::RequestRange(kv::range(draw))),
        (12..40, _) => Some(Op::RequestRange(kv::range(draw))),
        (40..70, May::Delete) => Some(Op::RequestDeleteRange(kv::delete_range(draw))),
        _ => Some(Op::RequestPut(put(draw, may))),
    };
    RequestOp { request }
}

fn put(draw: &mut Draw, may: May) -> PutRequest {
    let request = kv::put(draw);
    match may {
        May::Keep => request,
        May::Read | May::Delete => {
            PutRequest { ignore_value: false, ignore_lease: false, ..request }
        }
    }
}

fn compare(draw: &mut Draw) -> Compare {
    let key = draw.key();
    let range_end = if draw.chance(25) { draw.range_end(&key) } else { bytes::Bytes::new() };
    let mut target = draw.one(&[0, 1, 2, 3, 4]);
    // Mostly the value that the target asks for.
    let union = if draw.chance(90) { target } else { draw.one(&[0, 1, 2, 3, 4, 5]) };
    let target_union = match union {
        0 => Some(TargetUnion::Version(draw.one(&[0, 1, 1, 2, 3, -1, i64::MAX]))),
        1 => Some(TargetUnion::CreateRevision(draw.revision())),
        2 => Some(TargetUnion::ModRevision(draw.revision())),
        3 => Some(TargetUnion::Value(draw.value())),
        4 => Some(TargetUnion::Lease(draw.lease())),
        _ => None,
    };
    if draw.chance(3) {
        target = draw.one(&[5, -1, 64, i32::MAX, i32::MIN]);
    }
    let result = if draw.chance(97) {
        draw.one(&[0, 1, 2, 3])
    } else {
        draw.one(&[4, -1, i32::MAX, i32::MIN])
    };
    Compare { result, target, key, target_union, range_end }
}

/// As many operations as are allowed, or one more.
fn large(draw: &mut Draw) -> TxnRequest {
    let count = draw.one(&[127, 128, 129]);
    let read = || RequestOp { request: Some(Op::RequestRange(Default::default())) };
    let mut request = TxnRequest::default();
    match draw.below(4) {
        0 => request.compare = (0..count).map(|_| compare(draw)).collect(),
        1 => request.success = (0..count).map(|_| op(draw, 0, May::Read)).collect(),
        2 => request.failure = (0..count).map(|_| op(draw, 0, May::Read)).collect(),
        _ => {
            let inner = TxnRequest { success: vec![read(); count], ..Default::default() };
            request.success = vec![RequestOp { request: Some(Op::RequestTxn(inner)) }];
        }
    }
    request
}
