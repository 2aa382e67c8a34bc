//! Between the types of a history and those of the wire.

use bytes::Bytes;
use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::compare::TargetUnion;
use detcd_api::mvccpb;
use detcd_api::peer::{self, command::Command};
use jepsen_like::history::{
    Blob, CompactResponse, Compare, CompareResult, CompareTarget, DeleteRangeRequest,
    DeleteRangeResponse, Header, KeyValue, KvEvent, KvEventKind, PutRequest, PutResponse,
    RangeRequest, RangeResponse, Request, RequestOp, ResponseOp, SortOrder, SortTarget, TxnRequest,
    TxnResponse,
};
use prost::Message as _;

use super::lease_calls::lock_commands;

pub(super) fn bytes(blob: &Blob) -> Bytes {
    Bytes::copy_from_slice(blob.as_bytes())
}

pub(super) fn range(request: &RangeRequest) -> rpc::RangeRequest {
    use rpc::range_request::{SortOrder as Order, SortTarget as Target};
    let order = match request.sort_order {
        SortOrder::None => Order::None,
        SortOrder::Ascend => Order::Ascend,
        SortOrder::Descend => Order::Descend,
    };
    let target = match request.sort_target {
        SortTarget::Key => Target::Key,
        SortTarget::Version => Target::Version,
        SortTarget::Create => Target::Create,
        SortTarget::Mod => Target::Mod,
        SortTarget::Value => Target::Value,
    };
    rpc::RangeRequest {
        key: bytes(&request.key),
        range_end: bytes(&request.range_end),
        limit: request.limit,
        revision: request.revision,
        sort_order: order.into(),
        sort_target: target.into(),
        serializable: request.serializable,
        keys_only: request.keys_only,
        count_only: request.count_only,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
    }
}

pub(super) fn put(request: &PutRequest) -> rpc::PutRequest {
    rpc::PutRequest {
        key: bytes(&request.key),
        value: bytes(&request.value),
        lease: request.lease,
        prev_kv: request.prev_kv,
        ignore_value: request.ignore_value,
        ignore_lease: request.ignore_lease,
    }
}

pub(super) fn delete_range(request: &DeleteRangeRequest) -> rpc::DeleteRangeRequest {
    rpc::DeleteRangeRequest {
        key: bytes(&request.key),
        range_end: bytes(&request.range_end),
        prev_kv: request.prev_kv,
    }
}

pub(super) fn txn(request: &TxnRequest) -> rpc::TxnRequest {
    rpc::TxnRequest {
        compare: request.compare.iter().map(compare).collect(),
        success: request.success.iter().map(request_op).collect(),
        failure: request.failure.iter().map(request_op).collect(),
    }
}

fn compare(compare: &Compare) -> rpc::Compare {
    use rpc::compare::{CompareResult as Relation, CompareTarget as Target};
    let result = match compare.result {
        CompareResult::Equal => Relation::Equal,
        CompareResult::Greater => Relation::Greater,
        CompareResult::Less => Relation::Less,
        CompareResult::NotEqual => Relation::NotEqual,
    };
    let (target, union) = match &compare.target {
        CompareTarget::Version(version) => (Target::Version, TargetUnion::Version(*version)),
        CompareTarget::Create(at) => (Target::Create, TargetUnion::CreateRevision(*at)),
        CompareTarget::Mod(at) => (Target::Mod, TargetUnion::ModRevision(*at)),
        CompareTarget::Value(value) => (Target::Value, TargetUnion::Value(bytes(value))),
        CompareTarget::Lease(lease) => (Target::Lease, TargetUnion::Lease(*lease)),
    };
    rpc::Compare {
        result: result.into(),
        target: target.into(),
        key: bytes(&compare.key),
        range_end: bytes(&compare.range_end),
        target_union: Some(union),
    }
}

fn request_op(op: &RequestOp) -> rpc::RequestOp {
    use rpc::request_op::Request;
    let request = match op {
        RequestOp::Range(request) => Request::RequestRange(range(request)),
        RequestOp::Put(request) => Request::RequestPut(put(request)),
        RequestOp::DeleteRange(request) => Request::RequestDeleteRange(delete_range(request)),
        RequestOp::Txn(request) => Request::RequestTxn(txn(request)),
    };
    rpc::RequestOp { request: Some(request) }
}

/// What the log may hold of a request that writes, as bytes that tell requests apart; the same for
/// [`proposed`] bytes. Nothing for requests that make no revision, and for those about leases: what ends
/// a lease is told apart.
pub(crate) fn commands(request: &Request) -> Vec<Vec<u8>> {
    let command = match request {
        Request::Put(request) => Command::Put(put(request)),
        Request::DeleteRange(request) => Command::DeleteRange(delete_range(request)),
        Request::Txn(request) => Command::Txn(txn(request)),
        Request::Lock(request) => {
            return lock_commands(request).into_iter().map(normalized).collect();
        }
        Request::Range(_) | Request::Compact(_) | Request::Lease(_) => return Vec::new(),
    };
    vec![normalized(command)]
}

/// The same for a command that a member applied; `None` where no client can have asked for it.
pub(crate) fn proposed(bytes: &[u8]) -> Option<Vec<u8>> {
    let command = peer::Command::decode(bytes).ok()?.command?;
    match command {
        Command::Put(_) | Command::DeleteRange(_) | Command::Txn(_) => Some(normalized(command)),
        Command::Compaction(_)
        | Command::MemberAttributes(_)
        | Command::Auth(_)
        | Command::Alarm(_)
        | Command::LeaseGrant(_)
        | Command::LeaseRevoke(_)
        | Command::LeaseCheckpoint(_)
        | Command::Cluster(_) => None,
    }
}

fn normalized(mut command: Command) -> Vec<u8> {
    if let Command::Txn(txn) = &mut command {
        forget_where_to_read(txn);
    }
    // Whoever asked, it is the same command.
    peer::Command { command: Some(command), requester: None }.encode_to_vec()
}

/// Whether a read may be local is decided before a command is made, so the log does not keep it.
fn forget_where_to_read(txn: &mut rpc::TxnRequest) {
    use rpc::request_op::Request;
    for op in txn.success.iter_mut().chain(&mut txn.failure) {
        match &mut op.request {
            Some(Request::RequestRange(range)) => range.serializable = false,
            Some(Request::RequestTxn(nested)) => forget_where_to_read(nested),
            Some(Request::RequestPut(_) | Request::RequestDeleteRange(_)) | None => {}
        }
    }
}

pub(super) fn header(header: Option<&rpc::ResponseHeader>) -> Header {
    header.map_or(Header::default(), |header| Header {
        revision: header.revision,
        member_id: header.member_id,
        raft_term: header.raft_term,
    })
}

fn key_value(kv: mvccpb::KeyValue) -> KeyValue {
    KeyValue {
        key: Blob::from(kv.key.as_ref()),
        value: Blob::from(kv.value.as_ref()),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

pub(super) fn range_response(response: rpc::RangeResponse) -> RangeResponse {
    RangeResponse {
        header: header(response.header.as_ref()),
        kvs: response.kvs.into_iter().map(key_value).collect(),
        more: response.more,
        count: response.count,
    }
}

pub(super) fn put_response(response: rpc::PutResponse) -> PutResponse {
    PutResponse {
        header: header(response.header.as_ref()),
        prev_kv: response.prev_kv.map(key_value),
    }
}

pub(super) fn delete_range_response(response: rpc::DeleteRangeResponse) -> DeleteRangeResponse {
    DeleteRangeResponse {
        header: header(response.header.as_ref()),
        deleted: response.deleted,
        prev_kvs: response.prev_kvs.into_iter().map(key_value).collect(),
    }
}

pub(super) fn txn_response(response: rpc::TxnResponse) -> TxnResponse {
    TxnResponse {
        header: header(response.header.as_ref()),
        succeeded: response.succeeded,
        responses: response.responses.into_iter().filter_map(response_op).collect(),
    }
}

/// A part without content cannot be written down; the checker then misses one part and says so.
fn response_op(op: rpc::ResponseOp) -> Option<ResponseOp> {
    use rpc::response_op::Response;
    Some(match op.response? {
        Response::ResponseRange(response) => ResponseOp::Range(range_response(response)),
        Response::ResponsePut(response) => ResponseOp::Put(put_response(response)),
        Response::ResponseDeleteRange(response) => {
            ResponseOp::DeleteRange(delete_range_response(response))
        }
        Response::ResponseTxn(response) => ResponseOp::Txn(txn_response(response)),
    })
}

pub(super) fn compact_response(response: &rpc::CompactionResponse) -> CompactResponse {
    CompactResponse { header: header(response.header.as_ref()) }
}

pub(super) fn event(event: mvccpb::Event) -> KvEvent {
    let kind = match event.r#type() {
        mvccpb::event::EventType::Put => KvEventKind::Put,
        mvccpb::event::EventType::Delete => KvEventKind::Delete,
    };
    let kv = event.kv.map(key_value).unwrap_or_default();
    KvEvent { kind, kv, prev_kv: event.prev_kv.map(key_value) }
}
