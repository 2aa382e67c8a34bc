//! JSON in Go's way (C6, C7): one line, numbers exact, bytes as base64, empty fields left out, and the
//! names that etcd's types happen to have.

use detcd_api::etcdserverpb::{self as rpc, response_op};
use detcd_api::mvccpb;
use serde::Serialize;

use super::{Answer, base64};
use crate::duration;
use crate::failure::Failure;

/// The text.
pub(super) fn print(answer: &Answer) -> Result<Vec<u8>, Failure> {
    let line = match answer {
        Answer::Put(put) => serde_json::to_vec(&Put::from(put)),
        Answer::Range(range) | Answer::Values(range) => serde_json::to_vec(&Range::from(range)),
        Answer::Del(del) => serde_json::to_vec(&Del::from(del)),
        Answer::Txn(txn) => serde_json::to_vec(&Txn::from(txn)),
        Answer::Watch(watch) => serde_json::to_vec(&Watch::from(watch)),
        Answer::Members(list) => serde_json::to_vec(&Members::from(list)),
        // It has a text of its own.
        Answer::Report(_) => Ok(Vec::new()),
        Answer::Health(all) => serde_json::to_vec(&all.iter().map(health).collect::<Vec<_>>()),
        Answer::Status(all) => {
            let all = all
                .iter()
                .map(|(endpoint, status)| Status { endpoint, status: StatusBody::from(status) });
            serde_json::to_vec(&all.collect::<Vec<_>>())
        }
    };
    let mut line = line.map_err(|error| Failure::error(error.to_string()))?;
    line.push(b'\n');
    Ok(line)
}

/// A list of members with hexadecimal ids, in etcd's order and spelling (C6).
pub(super) fn members_in_hex(list: &rpc::MemberListResponse) -> Result<Vec<u8>, Failure> {
    #[derive(Serialize)]
    struct Head {
        cluster_id: String,
        member_id: String,
        raft_term: u64,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Named<'a> {
        #[serde(rename = "ID")]
        id: String,
        name: &'a str,
        #[serde(rename = "peerURLs")]
        peer_urls: &'a [String],
        #[serde(rename = "clientURLs")]
        client_urls: &'a [String],
        #[serde(skip_serializing_if = "is_default")]
        is_learner: bool,
    }
    #[derive(Serialize)]
    struct List<'a> {
        header: Option<Head>,
        members: Vec<Named<'a>>,
    }
    let header = list.header.as_ref().map(|header| Head {
        cluster_id: format!("{:x}", header.cluster_id),
        member_id: format!("{:x}", header.member_id),
        raft_term: header.raft_term,
    });
    let members = list.members.iter().map(|member| Named {
        id: format!("{:x}", member.id),
        name: &member.name,
        peer_urls: &member.peer_ur_ls,
        client_urls: &member.client_ur_ls,
        is_learner: member.is_learner,
    });
    let list = List { header, members: members.collect() };
    let line = serde_json::to_string(&list).map_err(|error| Failure::error(error.to_string()))?;
    Ok((line + "\n").into_bytes())
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The head of an answer.
#[derive(Serialize)]
pub(crate) struct Header {
    #[serde(skip_serializing_if = "is_default")]
    cluster_id: u64,
    #[serde(skip_serializing_if = "is_default")]
    member_id: u64,
    #[serde(skip_serializing_if = "is_default")]
    revision: i64,
    #[serde(skip_serializing_if = "is_default")]
    raft_term: u64,
}

/// The head of an answer.
pub(crate) fn header(header: &Option<rpc::ResponseHeader>) -> Option<Header> {
    header.as_ref().map(|header| Header {
        cluster_id: header.cluster_id,
        member_id: header.member_id,
        revision: header.revision,
        raft_term: header.raft_term,
    })
}

#[derive(Serialize)]
struct KeyValue {
    #[serde(skip_serializing_if = "is_default")]
    key: String,
    #[serde(skip_serializing_if = "is_default")]
    create_revision: i64,
    #[serde(skip_serializing_if = "is_default")]
    mod_revision: i64,
    #[serde(skip_serializing_if = "is_default")]
    version: i64,
    #[serde(skip_serializing_if = "is_default")]
    value: String,
    #[serde(skip_serializing_if = "is_default")]
    lease: i64,
}

impl From<&mvccpb::KeyValue> for KeyValue {
    fn from(kv: &mvccpb::KeyValue) -> Self {
        Self {
            key: base64::encode(&kv.key),
            create_revision: kv.create_revision,
            mod_revision: kv.mod_revision,
            version: kv.version,
            value: base64::encode(&kv.value),
            lease: kv.lease,
        }
    }
}

#[derive(Serialize)]
struct Put {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_kv: Option<KeyValue>,
}

impl From<&rpc::PutResponse> for Put {
    fn from(put: &rpc::PutResponse) -> Self {
        Self { header: header(&put.header), prev_kv: put.prev_kv.as_ref().map(Into::into) }
    }
}

#[derive(Serialize)]
struct Range {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(skip_serializing_if = "is_empty")]
    kvs: Vec<KeyValue>,
    #[serde(skip_serializing_if = "is_default")]
    more: bool,
    #[serde(skip_serializing_if = "is_default")]
    count: i64,
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

impl From<&rpc::RangeResponse> for Range {
    fn from(range: &rpc::RangeResponse) -> Self {
        Self {
            header: header(&range.header),
            kvs: range.kvs.iter().map(Into::into).collect(),
            more: range.more,
            count: range.count,
        }
    }
}

#[derive(Serialize)]
struct Del {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(skip_serializing_if = "is_default")]
    deleted: i64,
    #[serde(skip_serializing_if = "is_empty")]
    prev_kvs: Vec<KeyValue>,
}

impl From<&rpc::DeleteRangeResponse> for Del {
    fn from(del: &rpc::DeleteRangeResponse) -> Self {
        Self {
            header: header(&del.header),
            deleted: del.deleted,
            prev_kvs: del.prev_kvs.iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct Txn {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(skip_serializing_if = "is_default")]
    succeeded: bool,
    #[serde(skip_serializing_if = "is_empty")]
    responses: Vec<TxnResponse>,
}

#[derive(Serialize)]
struct TxnResponse {
    #[serde(rename = "Response")]
    response: Option<Op>,
}

#[derive(Serialize)]
enum Op {
    #[serde(rename = "response_range")]
    Range(Range),
    #[serde(rename = "response_put")]
    Put(Put),
    #[serde(rename = "response_delete_range")]
    Del(Del),
    #[serde(rename = "response_txn")]
    Txn(Txn),
}

impl From<&rpc::TxnResponse> for Txn {
    fn from(txn: &rpc::TxnResponse) -> Self {
        let op = |response: &response_op::Response| match response {
            response_op::Response::ResponseRange(range) => Op::Range(range.into()),
            response_op::Response::ResponsePut(put) => Op::Put(put.into()),
            response_op::Response::ResponseDeleteRange(del) => Op::Del(del.into()),
            response_op::Response::ResponseTxn(txn) => Op::Txn(txn.into()),
        };
        let responses = txn.responses.iter();
        Self {
            header: header(&txn.header),
            succeeded: txn.succeeded,
            responses: responses
                .map(|one| TxnResponse { response: one.response.as_ref().map(op) })
                .collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Watch {
    header: Option<Header>,
    events: Vec<Event>,
    compact_revision: i64,
    canceled: bool,
    created: bool,
}

#[derive(Serialize)]
struct Event {
    #[serde(rename = "type", skip_serializing_if = "is_default")]
    kind: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    kv: Option<KeyValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_kv: Option<KeyValue>,
}

impl From<&rpc::WatchResponse> for Watch {
    fn from(watch: &rpc::WatchResponse) -> Self {
        let event = |event: &mvccpb::Event| Event {
            kind: event.r#type,
            kv: event.kv.as_ref().map(Into::into),
            prev_kv: event.prev_kv.as_ref().map(Into::into),
        };
        Self {
            header: header(&watch.header),
            events: watch.events.iter().map(event).collect(),
            compact_revision: watch.compact_revision,
            canceled: watch.canceled,
            created: watch.created,
        }
    }
}

#[derive(Serialize)]
struct Members<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    members: Vec<Member<'a>>,
}

/// A member of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Member<'a> {
    #[serde(rename = "ID")]
    id: u64,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(rename = "peerURLs", skip_serializing_if = "<[String]>::is_empty")]
    peer_urls: &'a [String],
    #[serde(rename = "clientURLs", skip_serializing_if = "<[String]>::is_empty")]
    client_urls: &'a [String],
    #[serde(skip_serializing_if = "is_default")]
    is_learner: bool,
}

impl<'a> From<&'a rpc::MemberListResponse> for Members<'a> {
    fn from(list: &'a rpc::MemberListResponse) -> Self {
        let members = list.members.iter().map(Into::into).collect();
        Self { header: header(&list.header), members }
    }
}

impl<'a> From<&'a rpc::Member> for Member<'a> {
    fn from(member: &'a rpc::Member) -> Self {
        Self {
            id: member.id,
            name: &member.name,
            peer_urls: &member.peer_ur_ls,
            client_urls: &member.client_ur_ls,
            is_learner: member.is_learner,
        }
    }
}

#[derive(Serialize)]
struct Health<'a> {
    endpoint: &'a str,
    health: bool,
    took: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn health(health: &super::Health) -> Health<'_> {
    Health {
        endpoint: &health.endpoint,
        health: health.error.is_none(),
        took: duration::text(health.took),
        error: health.error.as_deref(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Status<'a> {
    endpoint: &'a str,
    status: StatusBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    db_size: i64,
    #[serde(skip_serializing_if = "is_default")]
    leader: u64,
    #[serde(skip_serializing_if = "is_default")]
    raft_index: u64,
    #[serde(skip_serializing_if = "is_default")]
    raft_term: u64,
    #[serde(skip_serializing_if = "is_default")]
    raft_applied_index: u64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    errors: &'a [String],
    #[serde(skip_serializing_if = "is_default")]
    db_size_in_use: i64,
    #[serde(skip_serializing_if = "is_default")]
    is_learner: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    storage_version: &'a str,
    #[serde(skip_serializing_if = "is_default")]
    db_size_quota: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    downgrade_info: Option<Downgrade<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Downgrade<'a> {
    #[serde(skip_serializing_if = "is_default")]
    enabled: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    target_version: &'a str,
}

impl<'a> From<&'a rpc::StatusResponse> for StatusBody<'a> {
    fn from(status: &'a rpc::StatusResponse) -> Self {
        Self {
            header: header(&status.header),
            version: &status.version,
            db_size: status.db_size,
            leader: status.leader,
            raft_index: status.raft_index,
            raft_term: status.raft_term,
            raft_applied_index: status.raft_applied_index,
            errors: &status.errors,
            db_size_in_use: status.db_size_in_use,
            is_learner: status.is_learner,
            storage_version: &status.storage_version,
            db_size_quota: status.db_size_quota,
            downgrade_info: status.downgrade_info.as_ref().map(|info| Downgrade {
                enabled: info.enabled,
                target_version: &info.target_version,
            }),
        }
    }
}
