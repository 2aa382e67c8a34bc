//! Requests to the machine's types and back.

use bytes::Bytes;
use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::compare::{self, TargetUnion};
use detcd_api::etcdserverpb::range_request;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_machine::{
    Compact, Compare, CompareResult, CompareTarget, DeleteRange, Put, Range, SortOrder, SortTarget,
    Txn, TxnOp,
};

/// A read.
pub(crate) fn range(request: rpc::RangeRequest) -> Range {
    Range {
        sort_order: match request.sort_order() {
            range_request::SortOrder::None => SortOrder::None,
            range_request::SortOrder::Ascend => SortOrder::Ascend,
            range_request::SortOrder::Descend => SortOrder::Descend,
        },
        sort_target: match request.sort_target() {
            range_request::SortTarget::Key => SortTarget::Key,
            range_request::SortTarget::Version => SortTarget::Version,
            range_request::SortTarget::Create => SortTarget::Create,
            range_request::SortTarget::Mod => SortTarget::Mod,
            range_request::SortTarget::Value => SortTarget::Value,
        },
        key: request.key,
        range_end: request.range_end,
        limit: request.limit,
        revision: request.revision,
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    }
}

/// A write.
pub(crate) fn put(request: rpc::PutRequest) -> Put {
    Put {
        key: request.key,
        value: request.value,
        lease: request.lease,
        prev_kv: request.prev_kv,
        ignore_value: request.ignore_value,
        ignore_lease: request.ignore_lease,
    }
}

/// A deletion.
pub(crate) fn delete_range(request: rpc::DeleteRangeRequest) -> DeleteRange {
    DeleteRange { key: request.key, range_end: request.range_end, prev_kv: request.prev_kv }
}

/// A transaction. Operations that say nothing do not get here.
pub(crate) fn txn(request: rpc::TxnRequest) -> Txn {
    let ops = |ops: Vec<rpc::RequestOp>| ops.into_iter().filter_map(|op| op.request).map(txn_op);
    Txn {
        compare: request.compare.into_iter().map(compare).collect(),
        success: ops(request.success).collect(),
        failure: ops(request.failure).collect(),
    }
}

fn txn_op(op: Op) -> TxnOp {
    match op {
        Op::RequestRange(request) => TxnOp::Range(range(request)),
        Op::RequestPut(request) => TxnOp::Put(put(request)),
        Op::RequestDeleteRange(request) => TxnOp::DeleteRange(delete_range(request)),
        Op::RequestTxn(request) => TxnOp::Txn(txn(request)),
    }
}

/// A comparison. The target decides which value of the union is read, and reads zero where the union
/// holds another one.
///
/// Numbers that no enum names get here too, and etcd answers them: with an unknown target the two
/// sides count as equal, and an unknown relation holds, except between the value of a key that does
/// not exist and anything. What always or never holds stays a comparison of its keys, which only those may
/// name who may read them.
fn compare(request: rpc::Compare) -> Compare {
    let relation = match compare::CompareResult::try_from(request.result) {
        Ok(compare::CompareResult::Equal) => Some(CompareResult::Equal),
        Ok(compare::CompareResult::Greater) => Some(CompareResult::Greater),
        Ok(compare::CompareResult::Less) => Some(CompareResult::Less),
        Ok(compare::CompareResult::NotEqual) => Some(CompareResult::NotEqual),
        Err(_) => None,
    };
    let target = compare::CompareTarget::try_from(request.target).ok();
    let union = request.target_union;
    let (result, target) = match (relation, target) {
        (Some(result), Some(target)) => (result, compare_target(target, union)),
        (None, Some(compare::CompareTarget::Value)) => {
            (CompareResult::Greater, CompareTarget::Version(0))
        }
        // No version is that large: always holds.
        (None | Some(CompareResult::Equal), _) => {
            (CompareResult::Less, CompareTarget::Version(i64::MAX))
        }
        // And this never.
        (Some(_), None) => (CompareResult::Greater, CompareTarget::Version(i64::MAX)),
    };
    Compare { key: request.key, range_end: request.range_end, result, target }
}

fn compare_target(target: compare::CompareTarget, union: Option<TargetUnion>) -> CompareTarget {
    match (target, union) {
        (compare::CompareTarget::Version, Some(TargetUnion::Version(version))) => {
            CompareTarget::Version(version)
        }
        (compare::CompareTarget::Version, _) => CompareTarget::Version(0),
        (compare::CompareTarget::Create, Some(TargetUnion::CreateRevision(revision))) => {
            CompareTarget::CreateRevision(revision)
        }
        (compare::CompareTarget::Create, _) => CompareTarget::CreateRevision(0),
        (compare::CompareTarget::Mod, Some(TargetUnion::ModRevision(revision))) => {
            CompareTarget::ModRevision(revision)
        }
        (compare::CompareTarget::Mod, _) => CompareTarget::ModRevision(0),
        (compare::CompareTarget::Value, Some(TargetUnion::Value(value))) => {
            CompareTarget::Value(value)
        }
        (compare::CompareTarget::Value, _) => CompareTarget::Value(Bytes::new()),
        (compare::CompareTarget::Lease, Some(TargetUnion::Lease(lease))) => {
            CompareTarget::Lease(lease)
        }
        (compare::CompareTarget::Lease, _) => CompareTarget::Lease(0),
    }
}

/// A compaction; how long its client waits is not the machine's business.
pub(crate) fn compact(request: &rpc::CompactionRequest) -> Compact {
    Compact { revision: request.revision }
}

/// A read, as it is written into the log inside a transaction.
pub(super) fn range_request(range: &Range) -> rpc::RangeRequest {
    rpc::RangeRequest {
        key: range.key.clone(),
        range_end: range.range_end.clone(),
        limit: range.limit,
        revision: range.revision,
        sort_order: match range.sort_order {
            SortOrder::None => range_request::SortOrder::None,
            SortOrder::Ascend => range_request::SortOrder::Ascend,
            SortOrder::Descend => range_request::SortOrder::Descend,
        }
        .into(),
        sort_target: match range.sort_target {
            SortTarget::Key => range_request::SortTarget::Key,
            SortTarget::Version => range_request::SortTarget::Version,
            SortTarget::Create => range_request::SortTarget::Create,
            SortTarget::Mod => range_request::SortTarget::Mod,
            SortTarget::Value => range_request::SortTarget::Value,
        }
        .into(),
        serializable: false,
        keys_only: range.keys_only,
        count_only: range.count_only,
        min_mod_revision: range.min_mod_revision,
        max_mod_revision: range.max_mod_revision,
        min_create_revision: range.min_create_revision,
        max_create_revision: range.max_create_revision,
    }
}

/// A write, as it is written into the log.
pub(super) fn put_request(put: &Put) -> rpc::PutRequest {
    rpc::PutRequest {
        key: put.key.clone(),
        value: put.value.clone(),
        lease: put.lease,
        prev_kv: put.prev_kv,
        ignore_value: put.ignore_value,
        ignore_lease: put.ignore_lease,
    }
}

/// A deletion, as it is written into the log.
pub(super) fn delete_range_request(delete: &DeleteRange) -> rpc::DeleteRangeRequest {
    rpc::DeleteRangeRequest {
        key: delete.key.clone(),
        range_end: delete.range_end.clone(),
        prev_kv: delete.prev_kv,
    }
}

/// A transaction, as it is written into the log.
pub(super) fn txn_request(txn: &Txn) -> rpc::TxnRequest {
    rpc::TxnRequest {
        compare: txn.compare.iter().map(compare_request).collect(),
        success: txn.success.iter().map(request_op).collect(),
        failure: txn.failure.iter().map(request_op).collect(),
    }
}

fn request_op(op: &TxnOp) -> rpc::RequestOp {
    let request = match op {
        TxnOp::Range(range) => Op::RequestRange(range_request(range)),
        TxnOp::Put(put) => Op::RequestPut(put_request(put)),
        TxnOp::DeleteRange(delete) => Op::RequestDeleteRange(delete_range_request(delete)),
        TxnOp::Txn(txn) => Op::RequestTxn(txn_request(txn)),
    };
    rpc::RequestOp { request: Some(request) }
}

fn compare_request(compare: &Compare) -> rpc::Compare {
    let (target, union) = match &compare.target {
        CompareTarget::Version(version) => {
            (compare::CompareTarget::Version, TargetUnion::Version(*version))
        }
        CompareTarget::CreateRevision(revision) => {
            (compare::CompareTarget::Create, TargetUnion::CreateRevision(*revision))
        }
        CompareTarget::ModRevision(revision) => {
            (compare::CompareTarget::Mod, TargetUnion::ModRevision(*revision))
        }
        CompareTarget::Value(value) => {
            (compare::CompareTarget::Value, TargetUnion::Value(value.clone()))
        }
        CompareTarget::Lease(lease) => (compare::CompareTarget::Lease, TargetUnion::Lease(*lease)),
    };
    let result = match compare.result {
        CompareResult::Equal => compare::CompareResult::Equal,
        CompareResult::Greater => compare::CompareResult::Greater,
        CompareResult::Less => compare::CompareResult::Less,
        CompareResult::NotEqual => compare::CompareResult::NotEqual,
    };
    rpc::Compare {
        result: result.into(),
        target: target.into(),
        key: compare.key.clone(),
        target_union: Some(union),
        range_end: compare.range_end.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn with(result: i32, target: i32, union: Option<TargetUnion>) -> Compare {
        let key = b("k");
        compare(rpc::Compare { result, target, key, target_union: union, range_end: b("z") })
    }

    #[test]
    fn the_target_decides_which_value_is_compared() {
        let compared = with(1, 2, Some(TargetUnion::ModRevision(9)));
        assert_eq!(compared.target, CompareTarget::ModRevision(9));
        assert_eq!(compared.result, CompareResult::Greater);
        assert_eq!(compared.range_end, b("z"));
        for union in [None, Some(TargetUnion::ModRevision(9))] {
            let target = |target| with(0, target, union.clone()).target;
            assert_eq!(target(0), CompareTarget::Version(0));
            assert_eq!(target(1), CompareTarget::CreateRevision(0));
            assert_eq!(target(3), CompareTarget::Value(Bytes::new()));
            assert_eq!(target(4), CompareTarget::Lease(0));
        }
    }

    #[test]
    fn unknown_targets_count_as_equal_and_unknown_relations_hold() {
        for (result, target) in [(0, 9), (9, 0), (9, 9)] {
            let always = with(result, target, None);
            assert_eq!(always.result, CompareResult::Less);
            assert_eq!(always.target, CompareTarget::Version(i64::MAX));
            assert_eq!((always.key, always.range_end), (b("k"), b("z")), "they need permission");
        }
        let never = with(3, 9, None);
        assert_eq!(never.result, CompareResult::Greater);
        assert_eq!(never.target, CompareTarget::Version(i64::MAX));
        let exists = with(9, 3, None);
        assert_eq!(exists.result, CompareResult::Greater);
        assert_eq!(exists.target, CompareTarget::Version(0));
    }
}
