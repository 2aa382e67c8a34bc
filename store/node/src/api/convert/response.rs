//! The machine's outcomes to answers.

use std::sync::Arc;

use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::response_op::Response as Op;
use detcd_api::mvccpb;
use detcd_machine::{DeleteRangeOutcome, KeyValue, Outcome, PutOutcome, RangeOutcome, TxnOutcome};

use crate::wire;

fn key_values(kvs: &[Arc<KeyValue>]) -> Vec<mvccpb::KeyValue> {
    kvs.iter().map(|kv| wire::key_value(kv)).collect()
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
    rpc::PutResponse { header, prev_kv: outcome.prev_kv.as_deref().map(wire::key_value) }
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

/// Of a transaction. The answers inside tell a revision and nothing else of the header, those of
/// nested transactions not even that (G2); without a header they have none.
///
/// The revision is the one at that point: the transaction's own from its first change on, and the one
/// before it until then (G34).
pub(crate) fn txn_response(
    outcome: &TxnOutcome,
    header: Option<rpc::ResponseHeader>,
) -> rpc::TxnResponse {
    let changes = outcome.responses.iter().any(is_change);
    let revision = header.as_ref().map(|header| header.revision - i64::from(changes));
    let mut inside = Inside { revision, changed: false };
    rpc::TxnResponse {
        header,
        succeeded: outcome.succeeded,
        responses: inside.response_ops(&outcome.responses),
    }
}

fn is_change(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Put(_) => true,
        Outcome::DeleteRange(outcome) => outcome.deleted > 0,
        Outcome::Txn(outcome) => outcome.responses.iter().any(is_change),
        Outcome::Range(_)
        | Outcome::Compact
        | Outcome::SetMember
        | Outcome::Auth(_)
        | Outcome::Alarm(_)
        | Outcome::Lease(_)
        | Outcome::Cluster => false,
    }
}

/// How far the answers inside a transaction are told.
struct Inside {
    /// The revision when it began, if answers have headers.
    revision: Option<i64>,
    /// Whether it has changed anything up to here.
    changed: bool,
}

impl Inside {
    fn response_ops(&mut self, outcomes: &[Outcome]) -> Vec<rpc::ResponseOp> {
        outcomes.iter().filter_map(|outcome| self.response_op(outcome)).collect()
    }

    fn response_op(&mut self, outcome: &Outcome) -> Option<rpc::ResponseOp> {
        let response = match outcome {
            Outcome::Range(range) => Op::ResponseRange(range_response(range, self.header(outcome))),
            Outcome::Put(put) => Op::ResponsePut(put_response(put, self.header(outcome))),
            Outcome::DeleteRange(delete) => {
                Op::ResponseDeleteRange(delete_range_response(delete, self.header(outcome)))
            }
            Outcome::Txn(txn) => Op::ResponseTxn(rpc::TxnResponse {
                header: self.revision.map(|_| rpc::ResponseHeader::default()),
                succeeded: txn.succeeded,
                responses: self.response_ops(&txn.responses),
            }),
            Outcome::Compact
            | Outcome::SetMember
            | Outcome::Auth(_)
            | Outcome::Alarm(_)
            | Outcome::Lease(_)
            | Outcome::Cluster => {
                return None;
            }
        };
        Some(rpc::ResponseOp { response: Some(response) })
    }

    /// The header of the answer to an operation.
    fn header(&mut self, outcome: &Outcome) -> Option<rpc::ResponseHeader> {
        self.changed |= is_change(outcome);
        let revision = self.revision? + i64::from(self.changed);
        Some(rpc::ResponseHeader { revision, ..Default::default() })
    }
}

/// Of a compaction.
pub(crate) fn compact_response(header: Option<rpc::ResponseHeader>) -> rpc::CompactionResponse {
    rpc::CompactionResponse { header }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(revision: i64) -> Option<rpc::ResponseHeader> {
        Some(rpc::ResponseHeader { revision, ..Default::default() })
    }

    #[test]
    fn answers_inside_a_transaction_tell_only_the_revision_at_their_point() {
        let nested =
            TxnOutcome { succeeded: false, responses: vec![Outcome::Put(PutOutcome::default())] };
        let range = || Outcome::Range(RangeOutcome::default());
        let nothing = Outcome::DeleteRange(DeleteRangeOutcome::default());
        let outcome = TxnOutcome {
            succeeded: true,
            responses: vec![range(), nothing, Outcome::Txn(nested), range()],
        };
        let whole = rpc::ResponseHeader { cluster_id: 1, member_id: 2, revision: 3, raft_term: 4 };
        let response = txn_response(&outcome, Some(whole));
        assert_eq!(response.header, Some(whole));
        let ops: Vec<_> = response.responses.into_iter().filter_map(|op| op.response).collect();
        let [
            Op::ResponseRange(before),
            Op::ResponseDeleteRange(nothing),
            Op::ResponseTxn(nested),
            Op::ResponseRange(after),
        ] = ops.as_slice()
        else {
            panic!("{ops:?}")
        };
        let Some(Op::ResponsePut(put)) = &nested.responses[0].response else {
            panic!("{nested:?}")
        };
        assert_eq!([before.header, nothing.header], [header(2); 2]);
        assert_eq!(nested.header, Some(rpc::ResponseHeader::default()));
        assert_eq!([put.header, after.header], [header(3); 2]);
    }

    #[test]
    fn a_transaction_that_changes_nothing_tells_one_revision() {
        let outcome = TxnOutcome {
            succeeded: true,
            responses: vec![Outcome::DeleteRange(DeleteRangeOutcome::default())],
        };
        let response = txn_response(&outcome, header(3));
        let Some(Op::ResponseDeleteRange(nothing)) = &response.responses[0].response else {
            panic!("{response:?}")
        };
        assert_eq!(nothing.header, header(3));
    }
}
