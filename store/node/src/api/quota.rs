//! What a request may add to the database, as etcd reckons it (G72).

use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{PutRequest, RequestOp, TxnRequest};

/// What a key-value takes besides key and value.
const PUT_OVERHEAD_BYTES: u64 = 256;

/// Bytes that a put may add.
pub(crate) fn put(request: &PutRequest) -> u64 {
    PUT_OVERHEAD_BYTES + (request.key.len() + request.value.len()) as u64
}

/// Bytes that the larger branch of a transaction may add.
pub(crate) fn txn(request: &TxnRequest) -> u64 {
    let branch = |ops: &[RequestOp]| ops.iter().map(operation).sum::<u64>();
    branch(&request.success).max(branch(&request.failure))
}

fn operation(op: &RequestOp) -> u64 {
    match &op.request {
        Some(Op::RequestPut(request)) => put(request),
        Some(Op::RequestTxn(request)) => txn(request),
        Some(Op::RequestRange(_) | Op::RequestDeleteRange(_)) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(value: &'static [u8]) -> RequestOp {
        let put = PutRequest { key: "k".into(), value: value.into(), ..Default::default() };
        RequestOp { request: Some(Op::RequestPut(put)) }
    }

    #[test]
    fn a_transaction_may_add_what_its_larger_branch_puts() {
        let inner = TxnRequest { failure: vec![op(b"abc")], ..Default::default() };
        let nested = RequestOp { request: Some(Op::RequestTxn(inner)) };
        let request = TxnRequest {
            success: vec![op(b""), nested],
            failure: vec![op(b"abcdef")],
            ..Default::default()
        };
        assert_eq!(txn(&request), 257 + 260);
        assert_eq!(txn(&TxnRequest::default()), 0);
    }
}
