//! `v3lockpb.Lock` (G91).

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::TxnRequest;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::v3lockpb::lock_server::Lock;
use detcd_api::v3lockpb::{LockRequest, LockResponse, UnlockRequest, UnlockResponse};
use tonic::{Request, Response, Status};

use super::wait::first_created;
use super::{Client, created_at, found, get, op, own_key, prefix, put, revision, unknown};
use crate::runtime::Runtime;

/// The service.
pub(crate) struct LockService<R: Runtime> {
    client: Client<R>,
}

impl<R: Runtime> Clone for LockService<R> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone() }
    }
}

impl<R: Runtime> LockService<R> {
    pub(crate) fn new(client: Client<R>) -> Self {
        Self { client }
    }
}

/// Deletes a key unless it is told that the key has come to be what was wanted: also when the caller has
/// gone, and with it whoever waited for it.
pub(super) struct Claim<R: Runtime> {
    client: Client<R>,
    key: Option<Bytes>,
}

impl<R: Runtime> Claim<R> {
    pub(super) fn new(client: Client<R>, key: Bytes) -> Self {
        Self { client, key: Some(key) }
    }

    /// The key stays.
    pub(super) fn keep(mut self) {
        self.key = None;
    }
}

impl<R: Runtime> Drop for Claim<R> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let client = self.client.clone();
        drop(R::spawn(async move {
            if let Err(error) = client.delete(key).await {
                tracing::debug!(%error, "a claim that was given up stays until its lease ends");
            }
        }));
    }
}

async fn lock<R: Runtime>(
    client: &Client<R>,
    request: LockRequest,
) -> Result<LockResponse, Status> {
    let lease = client.session(request.lease).await?;
    let (prefix, key) = (prefix(&request.name), own_key(&request.name, lease));
    let owner = op(Op::RequestRange(first_created(&prefix)));
    let acquired = client
        .txn(TxnRequest {
            compare: vec![created_at(&key, 0)],
            success: vec![put(key.clone(), Bytes::new(), lease), owner.clone()],
            failure: vec![op(Op::RequestRange(get(key.clone()))), owner],
        })
        .await?;
    let own_revision = match found(&acquired, 0) {
        Some(own) if !acquired.succeeded => own.create_revision,
        _ => revision(&acquired),
    };
    if found(&acquired, 1).is_none_or(|owner| owner.create_revision == own_revision) {
        return Ok(LockResponse { header: acquired.header, key });
    }
    let claim = Claim::new(client.clone(), key.clone());
    client.wait_for_predecessors(&prefix, own_revision - 1).await?;
    // The lease may have ended while the others had the lock.
    let own = client.range(get(key.clone())).await?;
    claim.keep();
    if own.kvs.is_empty() {
        return Err(Error::SessionExpired.into());
    }
    Ok(LockResponse { header: own.header, key })
}

#[tonic::async_trait]
impl<R: Runtime> Lock for LockService<R> {
    async fn lock(&self, request: Request<LockRequest>) -> Result<Response<LockResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let client = self.client.on_behalf_of(&metadata);
        lock(&client, request).await.map(Response::new).map_err(unknown)
    }

    async fn unlock(
        &self,
        request: Request<UnlockRequest>,
    ) -> Result<Response<UnlockResponse>, Status> {
        let (metadata, _, UnlockRequest { key }) = request.into_parts();
        let deleted = self.client.on_behalf_of(&metadata).delete(key).await.map_err(unknown)?;
        Ok(Response::new(UnlockResponse { header: deleted.header }))
    }
}
