//! The machine's outcomes to answers.

use std::sync::Arc;

use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::response_op::Response as Op;
use detcd_api::mvccpb;
use detcd_machine::{DeleteRangeOutcome, KeyValue, Outcome, PutOutcome, RangeOutcome, TxnOutcome};

/// A key-value as clients see it.
pub(crate) fn key_value(kv: &KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key.clone(),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        value: kv.value.clone(),
        lease: kv.lease,
    }
}

fn key_values(kvs: &[Arc<KeyValue>]) -> Vec<mvccpb::KeyValue> {
    kvs.iter().map(|kv| key_value(kv)).collect()
}

/// Of a range.
pub(crate) fn range_response(
    outcome: &RangeOutcome,
    header: Option<rpc::ResponseHeader>,
) -> rpc::RangeResponse {
    rpc::RangeResponse {
        header,
        kvs: key_values(&outcome.kvs),
        more: outcome.more,
        count: outcome.count,
    }
}

/// Of a put.
pub(crate) fn put_response(
    outcome: &PutOutcome,
    header: Option<rpc::ResponseHeader>,
) -> rpc::PutResponse {
    rpc::PutResponse { header, prev_kv: outcome.prev_kv.as_deref().map(key_value) }
}

/// Of a deletion.
pub(crate) fn delete_range_response(
    outcome: &DeleteRangeOutcome,
    header: Option<rpc::ResponseHeader>,
) -> rpc::DeleteRangeResponse {
    rpc::DeleteRangeResponse {
        header,
        deleted: outcome.deleted,
        prev_kvs: key_values(&outcome.prev_kvs),
    }
}

/// Of a transaction. The answers inside tell the same revision as the whole and nothing else of the
/// header (G2, G34), those of nested transactions not even that; without a header they have none.
pub(crate) fn txn_response(
    outcome: &TxnOutcome,
    header: Option<rpc::ResponseHeader>,
) -> rpc::TxnResponse {
    let inner = header
        .as_ref()
        .map(|header| rpc::ResponseHeader { revision: header.revision, ..Default::default() });
    rpc::TxnResponse {
        header,
        succeeded: outcome.succeeded,
        responses: response_ops(&outcome.responses, inner),
    }
}

fn response_ops(outcomes: &[Outcome], header: Option<rpc::ResponseHeader>) -> Vec<rpc::ResponseOp> {
    outcomes.iter().filter_map(|outcome| response_op(outcome, header)).collect()
}

fn response_op(outcome: &Outcome, header: Option<rpc::ResponseHeader>) -> Option<rpc::ResponseOp> {
    let response = match outcome {
        Outcome::Range(outcome) => Op::ResponseRange(range_response(outcome, header)),
        Outcome::Put(outcome) => Op::ResponsePut(put_response(outcome, header)),
        Outcome::DeleteRange(outcome) => {
            Op::ResponseDeleteRange(delete_range_response(outcome, header))
        }
        Outcome::Txn(outcome) => Op::ResponseTxn(rpc::TxnResponse {
            header: header.map(|_| rpc::ResponseHeader::default()),
            succeeded: outcome.succeeded,
            responses: response_ops(&outcome.responses, header),
        }),
        Outcome::Compact | Outcome::SetMember => return None,
    };
    Some(rpc::ResponseOp { response: Some(response) })
}

/// Of a compaction.
pub(crate) fn compact_response(header: Option<rpc::ResponseHeader>) -> rpc::CompactionResponse {
    rpc::CompactionResponse { header }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_inside_a_transaction_tell_only_the_revision() {
        let nested =
            TxnOutcome { succeeded: false, responses: vec![Outcome::Put(PutOutcome::default())] };
        let outcome = TxnOutcome {
            succeeded: true,
            responses: vec![Outcome::Range(RangeOutcome::default()), Outcome::Txn(nested)],
        };
        let header = rpc::ResponseHeader { cluster_id: 1, member_id: 2, revision: 3, raft_term: 4 };
        let inner = Some(rpc::ResponseHeader { revision: 3, ..Default::default() });
        let response = txn_response(&outcome, Some(header));
        assert_eq!(response.header, Some(header));
        let [range, nested] = response.responses.as_slice() else { panic!("{response:?}") };
        let Some(Op::ResponseRange(range)) = &range.response else { panic!("{range:?}") };
        let Some(Op::ResponseTxn(nested)) = &nested.response else { panic!("{nested:?}") };
        let Some(Op::ResponsePut(put)) = &nested.responses[0].response else {
            panic!("{nested:?}")
        };
        assert_eq!(range.header, inner);
        assert_eq!(nested.header, Some(rpc::ResponseHeader::default()));
        assert_eq!(put.header, inner);
    }
}
