//! Locks and elections as etcd builds them: from keys with leases, transactions and watches, by a client
//! of this very member.
//!
//! Who wants something puts a key `name/LEASE` (the lease in hex), attached to its lease; whose key
//! was created first has it, and everybody else waits for the keys created before its own to be
//! deleted. Errors are those of a client in etcd: the text is kept, the code is `Unknown`.

mod election;
mod lock;
mod wait;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use detcd_api::etcdserverpb::kv_server::Kv;
use detcd_api::etcdserverpb::lease_server::Lease;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::response_op::Response as Answer;
use detcd_api::etcdserverpb::{
    Compare, DeleteRangeRequest, DeleteRangeResponse, LeaseGrantRequest, PutRequest, RangeRequest,
    RangeResponse, RequestOp, TxnRequest, TxnResponse,
};
use detcd_api::mvccpb::KeyValue;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::kv::KvService;
use super::lease::LeaseService;
use crate::runtime::Runtime;
use crate::watch::WatchService;

pub(super) use self::election::ElectionService;
pub(super) use self::lock::LockService;

/// Seconds that the lease of a caller lives who brings none (G91).
const SESSION_TTL: i64 = 60;

/// A client of this member, on behalf of a caller.
pub(super) struct Client<R: Runtime> {
    kv: KvService<R>,
    lease: LeaseService<R>,
    watch: WatchService<R>,
    caller: MetadataMap,
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self {
            kv: self.kv.clone(),
            lease: self.lease.clone(),
            watch: self.watch.clone(),
            caller: self.caller.clone(),
        }
    }
}

impl<R: Runtime> Client<R> {
    pub(super) fn new(kv: KvService<R>, lease: LeaseService<R>, watch: WatchService<R>) -> Self {
        Self { kv, lease, watch, caller: MetadataMap::new() }
    }

    /// With the credentials of a caller.
    fn on_behalf_of(&self, caller: &MetadataMap) -> Self {
        Self { caller: caller.clone(), ..self.clone() }
    }

    fn request<T>(&self, message: T) -> Request<T> {
        Request::from_parts(self.caller.clone(), http::Extensions::new(), message)
    }

    async fn range(&self, range: RangeRequest) -> Result<RangeResponse, Status> {
        self.kv.range(self.request(range)).await.map(tonic::Response::into_inner)
    }

    async fn txn(&self, txn: TxnRequest) -> Result<TxnResponse, Status> {
        self.kv.txn(self.request(txn)).await.map(tonic::Response::into_inner)
    }

    async fn delete(&self, key: Bytes) -> Result<DeleteRangeResponse, Status> {
        let delete = DeleteRangeRequest { key, ..Default::default() };
        self.kv.delete_range(self.request(delete)).await.map(tonic::Response::into_inner)
    }

    /// The caller's lease, or a new one.
    async fn session(&self, lease: i64) -> Result<i64, Status> {
        if lease != 0 {
            return Ok(lease);
        }
        let grant = LeaseGrantRequest { ttl: SESSION_TTL, id: 0 };
        Ok(self.lease.lease_grant(self.request(grant)).await?.into_inner().id)
    }
}

/// Where the keys of all who want `name` lie.
fn prefix(name: &[u8]) -> Bytes {
    [name, b"/"].concat().into()
}

/// The key of one of them.
fn own_key(name: &[u8], lease: i64) -> Bytes {
    [name, format!("/{lease:x}").as_bytes()].concat().into()
}

/// The end of the range of keys that begin with `prefix`, which ends with a slash.
fn prefix_end(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end.into()
}

/// Holds if the key was created at that revision; at 0, if it does not exist.
fn created_at(key: &Bytes, revision: i64) -> Compare {
    Compare {
        key: key.clone(),
        result: CompareResult::Equal.into(),
        target: CompareTarget::Create.into(),
        target_union: Some(TargetUnion::CreateRevision(revision)),
        ..Default::default()
    }
}

fn put(key: Bytes, value: Bytes, lease: i64) -> RequestOp {
    op(Op::RequestPut(PutRequest { key, value, lease, ..Default::default() }))
}

fn get(key: Bytes) -> RangeRequest {
    RangeRequest { key, ..Default::default() }
}

fn op(request: Op) -> RequestOp {
    RequestOp { request: Some(request) }
}

/// What the range at a position of a transaction has found.
fn found(response: &TxnResponse, at: usize) -> Option<&KeyValue> {
    match response.responses.get(at)?.response.as_ref()? {
        Answer::ResponseRange(range) => range.kvs.first(),
        Answer::ResponsePut(_) | Answer::ResponseDeleteRange(_) | Answer::ResponseTxn(_) => None,
    }
}

fn revision(response: &TxnResponse) -> i64 {
    response.header.as_ref().map_or(0, |header| header.revision)
}

/// The error of a client, as etcd hands it on.
fn unknown(status: Status) -> Status {
    Status::unknown(status.message())
}

fn lost_leader() -> Status {
    Error::ElectionNotLeader.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_their_lease_in_hex() {
        assert_eq!(own_key(b"l", 0x15), "l/15");
        assert_eq!(own_key(b"l", i64::MAX), "l/7fffffffffffffff");
        assert_eq!(own_key(b"", 0xab), "/ab");
        assert_eq!((prefix(b"l"), prefix_end(b"l/")), ("l/".into(), "l0".into()));
    }

    #[test]
    fn errors_keep_their_text_and_lose_their_code() {
        let status = unknown(Error::LeaseNotFound.into());
        assert_eq!(status.code(), tonic::Code::Unknown);
        assert_eq!(status.message(), Error::LeaseNotFound.message());
    }
}
