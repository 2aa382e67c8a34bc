//! `v3electionpb.Election` (G92).

use std::pin::Pin;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{DeleteRangeRequest, ResponseHeader, TxnRequest};
use detcd_api::mvccpb::KeyValue;
use detcd_api::mvccpb::event::EventType;
use detcd_api::v3electionpb::election_server::Election;
use detcd_api::v3electionpb::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ProclaimRequest,
    ProclaimResponse, ResignRequest, ResignResponse,
};
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::lock::Claim;
use super::wait::first_created;
use super::{
    Client, created_at, found, get, lost_leader, op, own_key, prefix, prefix_end, put, revision,
    unknown,
};
use crate::runtime::Runtime;

/// Leaders told and not yet taken by the connection.
const OBSERVED_MAX: usize = 16;

/// The service.
pub(crate) struct ElectionService<R: Runtime> {
    client: Client<R>,
}

impl<R: Runtime> Clone for ElectionService<R> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone() }
    }
}

impl<R: Runtime> ElectionService<R> {
    pub(crate) fn new(client: Client<R>) -> Self {
        Self { client }
    }
}

fn leader_key(leader: Option<LeaderKey>) -> Result<LeaderKey, Status> {
    leader.ok_or_else(|| Error::MissingLeaderKey.into())
}

async fn campaign<R: Runtime>(
    client: &Client<R>,
    request: CampaignRequest,
) -> Result<CampaignResponse, Status> {
    let CampaignRequest { name, lease, value } = request;
    let lease = client.session(lease).await?;
    let (prefix, key) = (prefix(&name), own_key(&name, lease));
    let entered = client
        .txn(TxnRequest {
            compare: vec![created_at(&key, 0)],
            success: vec![put(key.clone(), value.clone(), lease)],
            failure: vec![op(Op::RequestRange(get(key.clone())))],
        })
        .await?;
    let claim = Claim::new(client.clone(), key.clone());
    let mut rev = revision(&entered);
    if let Some(own) = found(&entered, 0).filter(|_| !entered.succeeded) {
        rev = own.create_revision;
        if own.value != value {
            let leader = LeaderKey { name: name.clone(), key: key.clone(), rev, lease };
            proclaim(client, &leader, value).await?;
        }
    }
    client.wait_for_predecessors(&prefix, rev - 1).await?;
    claim.keep();
    let leader = Some(LeaderKey { name, key, rev, lease });
    Ok(CampaignResponse { header: entered.header, leader })
}

async fn proclaim<R: Runtime>(
    client: &Client<R>,
    leader: &LeaderKey,
    value: Bytes,
) -> Result<Option<ResponseHeader>, Status> {
    let lease = client.session(leader.lease).await?;
    let proclaimed = client
        .txn(TxnRequest {
            compare: vec![created_at(&leader.key, leader.rev)],
            success: vec![put(leader.key.clone(), value, lease)],
            failure: Vec::new(),
        })
        .await?;
    if proclaimed.succeeded { Ok(proclaimed.header) } else { Err(lost_leader()) }
}

async fn resign<R: Runtime>(
    client: &Client<R>,
    leader: LeaderKey,
) -> Result<Option<ResponseHeader>, Status> {
    let delete = DeleteRangeRequest { key: leader.key.clone(), ..Default::default() };
    let resigned = client
        .txn(TxnRequest {
            compare: vec![created_at(&leader.key, leader.rev)],
            success: vec![op(Op::RequestDeleteRange(delete))],
            failure: Vec::new(),
        })
        .await?;
    Ok(resigned.header)
}

type Observed = mpsc::Sender<Result<LeaderResponse, Status>>;

/// Tells each leader and each value that it proclaims, until nobody listens.
async fn observe<R: Runtime>(
    client: &Client<R>,
    name: &[u8],
    observed: &Observed,
) -> Result<(), Status> {
    let prefix = prefix(name);
    loop {
        let (header, kv) = leader_or_next(client, &prefix).await?;
        let from = header.revision + 1;
        let key = kv.key.clone();
        if tell(observed, header, kv).await.is_err() {
            return Ok(());
        }
        let mut changes = client.changes(key, Bytes::new(), from)?;
        'led: loop {
            let response = changes.next().await?;
            let header = response.header.unwrap_or_default();
            for event in response.events {
                if event.r#type() == EventType::Delete {
                    break 'led;
                }
                let Some(kv) = event.kv else { continue };
                let header = ResponseHeader { revision: kv.mod_revision, ..header };
                if tell(observed, header, kv).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

async fn tell(observed: &Observed, header: ResponseHeader, kv: KeyValue) -> Result<(), ()> {
    let response = LeaderResponse { header: Some(header), kv: Some(kv) };
    observed.send(Ok(response)).await.map_err(|_gone| ())
}

/// Who leads, or who is the first to want to.
async fn leader_or_next<R: Runtime>(
    client: &Client<R>,
    prefix: &Bytes,
) -> Result<(ResponseHeader, KeyValue), Status> {
    let found = client.range(first_created(prefix)).await?;
    let header = found.header.unwrap_or_default();
    if let Some(kv) = found.kvs.into_iter().next() {
        return Ok((header, kv));
    }
    let mut changes = client.changes(prefix.clone(), prefix_end(prefix), header.revision)?;
    loop {
        let response = changes.next().await?;
        let header = response.header.unwrap_or_default();
        let mut puts = response.events.into_iter().filter(|event| event.r#type() == EventType::Put);
        if let Some(kv) = puts.next().and_then(|event| event.kv) {
            return Ok((ResponseHeader { revision: kv.mod_revision, ..header }, kv));
        }
    }
}

#[tonic::async_trait]
impl<R: Runtime> Election for ElectionService<R> {
    type ObserveStream = Pin<Box<dyn Stream<Item = Result<LeaderResponse, Status>> + Send>>;

    async fn campaign(
        &self,
        request: Request<CampaignRequest>,
    ) -> Result<Response<CampaignResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let client = self.client.on_behalf_of(&metadata);
        campaign(&client, request).await.map(Response::new).map_err(unknown)
    }

    async fn proclaim(
        &self,
        request: Request<ProclaimRequest>,
    ) -> Result<Response<ProclaimResponse>, Status> {
        let (metadata, _, ProclaimRequest { leader, value }) = request.into_parts();
        let leader = leader_key(leader)?;
        let client = self.client.on_behalf_of(&metadata);
        let header = proclaim(&client, &leader, value).await.map_err(unknown)?;
        Ok(Response::new(ProclaimResponse { header }))
    }

    async fn leader(
        &self,
        request: Request<LeaderRequest>,
    ) -> Result<Response<LeaderResponse>, Status> {
        let (metadata, _, LeaderRequest { name }) = request.into_parts();
        let client = self.client.on_behalf_of(&metadata);
        let found = client.range(first_created(&prefix(&name))).await.map_err(unknown)?;
        match found.kvs.into_iter().next() {
            Some(kv) => Ok(Response::new(LeaderResponse { header: found.header, kv: Some(kv) })),
            None => Err(Error::ElectionNoLeader.into()),
        }
    }

    async fn observe(
        &self,
        request: Request<LeaderRequest>,
    ) -> Result<Response<Self::ObserveStream>, Status> {
        let (metadata, _, LeaderRequest { name }) = request.into_parts();
        let client = self.client.on_behalf_of(&metadata);
        let (observed, responses) = mpsc::channel(OBSERVED_MAX);
        drop(R::spawn(async move {
            let gone = observed.closed();
            let observing = observe(&client, &name, &observed);
            if let openraft_rt::Select2::Second(Err(error)) = R::select2(gone, observing).await {
                tracing::debug!(%error, "an election is not observed any more");
                let _ = observed.send(Err(Status::unknown(OBSERVE_CLOSED))).await;
            }
        }));
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }

    async fn resign(
        &self,
        request: Request<ResignRequest>,
    ) -> Result<Response<ResignResponse>, Status> {
        let (metadata, _, ResignRequest { leader }) = request.into_parts();
        let leader = leader_key(leader)?;
        let client = self.client.on_behalf_of(&metadata);
        let header = resign(&client, leader).await.map_err(unknown)?;
        Ok(Response::new(ResignResponse { header }))
    }
}

/// What etcd says when it cannot watch any more.
const OBSERVE_CLOSED: &str = "election: observe closed early";
