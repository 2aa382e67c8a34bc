//! Calls of the lease and lock services, between the types of a history and those of the wire.

use detcd_api::etcdserverpb::{self as rpc, request_op};
use detcd_api::peer::{self, command::Command};
use detcd_api::v3lockpb;
use jepsen_like::history::{
    Blob, LeaseChange, LeaseId, LeaseRequest, LeaseResponse, LockRequest, LockResponse, lock_key,
    lock_prefix,
};
use prost::Message as _;
use tonic::Status;

use super::convert::{bytes, header};
use super::election_calls::entry;
use super::login::Caller;

/// Asks about a lease.
pub(super) async fn lease(
    client: &Caller,
    request: &LeaseRequest,
) -> Result<LeaseResponse, Status> {
    Ok(match *request {
        LeaseRequest::Grant { id, ttl } => {
            let answer = client.lease().lease_grant(rpc::LeaseGrantRequest { ttl, id }).await?;
            let answer = answer.into_inner();
            let header = header(answer.header.as_ref());
            LeaseResponse::Grant { header, id: answer.id, ttl: answer.ttl }
        }
        LeaseRequest::Revoke { id } => {
            let answer = client.lease().lease_revoke(rpc::LeaseRevokeRequest { id }).await?;
            LeaseResponse::Revoke { header: header(answer.into_inner().header.as_ref()) }
        }
        LeaseRequest::KeepAlive { id } => {
            let requests = tokio_stream::once(rpc::LeaseKeepAliveRequest { id });
            let mut answers = client.lease().lease_keep_alive(requests).await?.into_inner();
            let Some(answer) = answers.message().await? else {
                return Err(Status::unknown("the stream ended without an answer"));
            };
            let header = header(answer.header.as_ref());
            LeaseResponse::KeepAlive { header, id: answer.id, ttl: answer.ttl }
        }
        LeaseRequest::TimeToLive { id, keys } => {
            let request = rpc::LeaseTimeToLiveRequest { id, keys };
            let answer = client.lease().lease_time_to_live(request).await?.into_inner();
            LeaseResponse::TimeToLive {
                header: header(answer.header.as_ref()),
                id: answer.id,
                ttl: answer.ttl,
                granted_ttl: answer.granted_ttl,
                keys: answer.keys.iter().map(|key| Blob::from(key.as_ref())).collect(),
            }
        }
        LeaseRequest::List => {
            let answer = client.lease().lease_leases(rpc::LeaseLeasesRequest {}).await?;
            let answer = answer.into_inner();
            let header = header(answer.header.as_ref());
            let leases = answer.leases.into_iter().map(|lease| lease.id).collect();
            LeaseResponse::List { header, leases }
        }
    })
}

/// Asks about a lock.
pub(super) async fn lock(client: &Caller, request: &LockRequest) -> Result<LockResponse, Status> {
    Ok(match request {
        LockRequest::Lock { name, lease } => {
            let request = v3lockpb::LockRequest { name: bytes(name), lease: *lease };
            let answer = client.lock().lock(request).await?.into_inner();
            let header = header(answer.header.as_ref());
            LockResponse::Lock { header, key: Blob::from(answer.key.as_ref()) }
        }
        LockRequest::Unlock { key } => {
            let request = v3lockpb::UnlockRequest { key: bytes(key) };
            let answer = client.lock().unlock(request).await?.into_inner();
            LockResponse::Unlock { header: header(answer.header.as_ref()) }
        }
    })
}

/// What the lock service, or that of elections, may write for a request: the claim, and its end.
pub(super) fn lock_commands(request: &LockRequest) -> Vec<Command> {
    match request {
        LockRequest::Lock { name, lease } => {
            let key = lock_key(name, *lease);
            vec![claim(name, &key, *lease), entry(name, *lease), deletion(&key)]
        }
        LockRequest::Unlock { key } => vec![deletion(key)],
    }
}

fn deletion(key: &Blob) -> Command {
    Command::DeleteRange(rpc::DeleteRangeRequest { key: bytes(key), ..Default::default() })
}

/// That a key was created at a revision; at 0 if it does not exist.
pub(super) fn created(key: bytes::Bytes, revision: i64) -> rpc::Compare {
    use rpc::compare::{CompareResult, CompareTarget, TargetUnion};
    rpc::Compare {
        key,
        result: CompareResult::Equal.into(),
        target: CompareTarget::Create.into(),
        target_union: Some(TargetUnion::CreateRevision(revision)),
        ..Default::default()
    }
}

/// Writes the key if it does not exist; either way tells who owns the lock.
fn claim(name: &Blob, key: &Blob, lease: LeaseId) -> Command {
    use rpc::range_request::{SortOrder, SortTarget};
    let op = |request| rpc::RequestOp { request: Some(request) };
    let prefix = lock_prefix(name);
    let mut end = prefix.as_bytes().to_vec();
    end.last_mut().into_iter().for_each(|last| *last += 1);
    let owner = op(request_op::Request::RequestRange(rpc::RangeRequest {
        key: bytes(&prefix),
        range_end: end.into(),
        limit: 1,
        sort_order: SortOrder::Ascend.into(),
        sort_target: SortTarget::Create.into(),
        ..Default::default()
    }));
    let put = rpc::PutRequest { key: bytes(key), lease, ..Default::default() };
    let get = rpc::RangeRequest { key: bytes(key), ..Default::default() };
    Command::Txn(rpc::TxnRequest {
        compare: vec![created(bytes(key), 0)],
        success: vec![op(request_op::Request::RequestPut(put)), owner.clone()],
        failure: vec![op(request_op::Request::RequestRange(get)), owner],
    })
}

/// What an applied command does to a lease.
pub(crate) fn lease_change(command: &[u8]) -> Option<(LeaseId, LeaseChange)> {
    use peer::requester::Requester;
    let command = peer::Command::decode(command).ok()?;
    let by = command.requester.and_then(|by| by.requester);
    match command.command? {
        Command::LeaseGrant(grant) => Some((grant.id, LeaseChange::Granted)),
        Command::LeaseRevoke(lease) => {
            let expired = matches!(by, Some(Requester::Member(_)));
            let change = if expired { LeaseChange::Expired } else { LeaseChange::Revoked };
            Some((lease, change))
        }
        _ => None,
    }
}
