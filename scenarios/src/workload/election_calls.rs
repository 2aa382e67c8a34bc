//! Calls of the election service, written down as what they do to keys: to campaign is to wait for a lock
//! (G92), to proclaim and to resign are transactions that compare the leader's key.

use detcd_api::etcdserverpb::{self as rpc, request_op, response_op};
use detcd_api::peer::command::Command;
use detcd_api::v3electionpb as election;
use jepsen_like::history::{
    Blob, CompareTarget, LeaseId, LockRequest, LockResponse, Request, RequestOp, Response,
    TxnRequest, lock_key,
};
use tonic::Status;

use super::convert::{bytes, header, txn_response};
use super::lease_calls::created;
use super::login::Caller;

/// Asks the election service, if it can do what is asked.
pub(super) async fn elect(client: &Caller, request: &Request) -> Option<Result<Response, Status>> {
    match request {
        Request::Lock(LockRequest::Lock { name, lease }) => {
            Some(campaign(client, name, *lease).await.map(Response::Lock))
        }
        Request::Txn(txn) => {
            let (key, rev) = guard(txn)?;
            let name = key.as_bytes().split(|byte| *byte == b'/').next().unwrap_or_default();
            let (name, key_bytes) = (name.to_vec().into(), bytes(key));
            let leader = |lease| election::LeaderKey { name, key: key_bytes, rev, lease };
            match txn.success.as_slice() {
                [RequestOp::Put(put)] if put.key == *key => {
                    Some(proclaim(client, leader(put.lease), bytes(&put.value)).await)
                }
                [RequestOp::DeleteRange(delete)] if delete.key == *key => {
                    Some(resign(client, leader(0)).await)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The key that a transaction depends on, and when it was created.
fn guard(txn: &TxnRequest) -> Option<(&Blob, i64)> {
    match txn.compare.as_slice() {
        [compare] => match compare.target {
            CompareTarget::Create(token) => Some((&compare.key, token)),
            _ => None,
        },
        _ => None,
    }
}

/// The answer to a campaign says when the candidate entered. When it led a later question tells: to the
/// same service, and for the key itself where somebody else leads.
async fn campaign(client: &Caller, name: &Blob, lease: LeaseId) -> Result<LockResponse, Status> {
    let request = election::CampaignRequest { name: bytes(name), lease, ..Default::default() };
    let elected = client.election().campaign(request).await?.into_inner();
    let own = elected.leader.ok_or_else(|| Status::unknown("elected without a key"))?.key;
    let request = election::LeaderRequest { name: bytes(name) };
    let told = client.election().leader(request).await?.into_inner();
    let head = header(told.header.as_ref());
    if told.kv.is_none_or(|kv| kv.key != own) {
        let revision = head.revision;
        let get = rpc::RangeRequest { key: own.clone(), revision, ..Default::default() };
        if client.kv().range(get).await?.into_inner().kvs.is_empty() {
            return Err(Status::unavailable("the lease has ended since"));
        }
        // Somebody else leads, although this one was told so and is still there: the checker will say it.
    }
    Ok(LockResponse::Lock { header: head, key: Blob::from(own.as_ref()) })
}

async fn proclaim(
    client: &Caller,
    leader: election::LeaderKey,
    value: bytes::Bytes,
) -> Result<Response, Status> {
    let request = election::ProclaimRequest { leader: Some(leader), value };
    let proclaimed = client.election().proclaim(request).await?.into_inner();
    let revision = proclaimed.header.as_ref().map_or(0, |header| header.revision);
    let nested = rpc::ResponseHeader { revision, ..Default::default() };
    let put = rpc::PutResponse { header: Some(nested), prev_kv: None };
    let put = rpc::ResponseOp { response: Some(response_op::Response::ResponsePut(put)) };
    let answer =
        rpc::TxnResponse { header: proclaimed.header, succeeded: true, responses: vec![put] };
    Ok(Response::Txn(txn_response(answer)))
}

/// Who resigns is not told whether it still led.
async fn resign(client: &Caller, leader: election::LeaderKey) -> Result<Response, Status> {
    client.election().resign(election::ResignRequest { leader: Some(leader) }).await?;
    Err(Status::unavailable("resigned, from whatever was left"))
}

/// What the service writes for a candidate that enters.
pub(super) fn entry(name: &Blob, lease: LeaseId) -> Command {
    let op = |request| rpc::RequestOp { request: Some(request) };
    let key = bytes(&lock_key(name, lease));
    let put = rpc::PutRequest { key: key.clone(), lease, ..Default::default() };
    let get = rpc::RangeRequest { key: key.clone(), ..Default::default() };
    Command::Txn(rpc::TxnRequest {
        compare: vec![created(key, 0)],
        success: vec![op(request_op::Request::RequestPut(put))],
        failure: vec![op(request_op::Request::RequestRange(get))],
    })
}
