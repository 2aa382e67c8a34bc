//! `etcdserverpb.Lease`.

use std::pin::Pin;

use detcd_api::Error;
use detcd_api::etcdserverpb::lease_server::Lease;
use detcd_api::etcdserverpb::{
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse,
    LeaseLeasesRequest, LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseStatus,
    LeaseTimeToLiveRequest, LeaseTimeToLiveResponse,
};
use detcd_machine::{Command, LeaseCommand, LeaseGrant, LeaseOutcome, Outcome, Requester};
use futures_util::future::{self, Either};
use futures_util::{Stream, StreamExt, stream};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::{guard, header, identity, status};
use crate::replica::{Replica, Unavailable};
use crate::runtime::Runtime;

/// Longest TTL, in seconds (G54).
const TTL_MAX: i64 = 9_000_000_000;

/// What a lease counts against the quota (G72).
const GRANT_BYTES: u64 = 64;

/// Most renewals of one stream under way at once; they are answered in the order in which they came.
const RENEWALS_MAX: usize = 64;

/// The service.
#[derive(Debug, Clone)]
pub(super) struct LeaseService<R: Runtime> {
    replica: Replica<R>,
}

/// What is granted to who asks for `request`: the least is granted to who asks for less (G54).
fn granted(request: &LeaseGrantRequest, id: i64, ttl_min: i64) -> Result<LeaseGrant, Error> {
    if request.ttl > TTL_MAX {
        return Err(Error::LeaseTTLTooLarge);
    }
    Ok(LeaseGrant { id, ttl: request.ttl.max(ttl_min) })
}

/// What a renewal is refused with, in etcd's words (E73).
fn not_renewed(reason: Unavailable) -> Error {
    match reason {
        Unavailable::NotLeader => Error::NotPrimaryLessor,
        other => status::unavailable(other),
    }
}

/// etcd's clients ask again after this error, and not after that of a renewal.
fn not_known(reason: Unavailable) -> Error {
    match reason {
        Unavailable::NotLeader => Error::LeaderChanged,
        other => status::unavailable(other),
    }
}

impl<R: Runtime> LeaseService<R> {
    pub(super) fn new(replica: Replica<R>) -> Self {
        Self { replica }
    }

    async fn propose(
        &self,
        by: Requester,
        command: LeaseCommand,
    ) -> Result<(i64, LeaseOutcome), Status> {
        let answer = self.replica.propose(by, Command::Lease(command)).await;
        let answer = answer.map_err(status::unavailable)?;
        match answer.outcome.map_err(status::rejection)? {
            Outcome::Lease(outcome) => Ok((answer.revision, outcome)),
            other => Err(Status::internal(format!("the outcome is of another kind: {other:?}"))),
        }
    }

    /// A client that may not write the keys of a lease may not keep them alive either (G84).
    async fn renew(
        &self,
        metadata: &MetadataMap,
        id: i64,
    ) -> Result<LeaseKeepAliveResponse, Status> {
        let by = identity::requester(&self.replica, metadata).await?;
        self.replica.check_renewable(&by, id).map_err(status::auth)?;
        // Before the renewal, so that nobody takes its revision for one at which the lease was alive
        // still (G56).
        let header = header::now(&self.replica);
        let ttl = self.replica.renew_lease(id).await.map_err(not_renewed)?;
        Ok(LeaseKeepAliveResponse { header, id, ttl: ttl.unwrap_or(0) })
    }
}

/// Ids are positive, and 0 is none.
fn random_id<R: Runtime>() -> i64 {
    loop {
        let id = (R::random_u64() >> 1).cast_signed();
        if id != 0 {
            return id;
        }
    }
}

/// Ends after the first error.
fn until_error<T: Send + 'static>(
    answers: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> impl Stream<Item = Result<T, Status>> + Send + 'static {
    answers.scan(false, |failed, answer| {
        let ended = std::mem::replace(failed, answer.is_err());
        future::ready((!ended).then_some(answer))
    })
}

#[tonic::async_trait]
impl<R: Runtime> Lease for LeaseService<R> {
    type LeaseKeepAliveStream =
        Pin<Box<dyn Stream<Item = Result<LeaseKeepAliveResponse, Status>> + Send>>;

    async fn lease_grant(
        &self,
        request: Request<LeaseGrantRequest>,
    ) -> Result<Response<LeaseGrantResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let id = if request.id == 0 { random_id::<R>() } else { request.id };
        let grant = granted(&request, id, self.replica.config().lease_ttl_min())?;
        let by = identity::requester(&self.replica, &metadata).await?;
        if !self.replica.has_room(GRANT_BYTES).await {
            return Err(Error::NoSpace.into());
        }
        let (revision, outcome) = self.propose(by, LeaseCommand::Grant(grant)).await?;
        let LeaseOutcome::Granted(LeaseGrant { id, ttl }) = outcome else {
            return Err(Status::internal(format!("a grant came to {outcome:?}")));
        };
        let header = header::at(&self.replica, revision);
        Ok(Response::new(LeaseGrantResponse { header, id, ttl, error: String::new() }))
    }

    async fn lease_revoke(
        &self,
        request: Request<LeaseRevokeRequest>,
    ) -> Result<Response<LeaseRevokeResponse>, Status> {
        let (metadata, _, LeaseRevokeRequest { id }) = request.into_parts();
        let by = identity::requester(&self.replica, &metadata).await?;
        let (revision, _) = self.propose(by, LeaseCommand::Revoke { id }).await?;
        let header = header::at(&self.replica, revision);
        Ok(Response::new(LeaseRevokeResponse { header }))
    }

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let needs_leader = guard::needs_leader(request.metadata().as_ref());
        let service = self.clone();
        let (metadata, _, requests) = request.into_parts();
        let renewals = requests.map(move |request| {
            let (service, metadata) = (service.clone(), metadata.clone());
            async move { service.renew(&metadata, request?.id).await }
        });
        let answers = renewals.buffered(RENEWALS_MAX);
        let answers = if needs_leader {
            let replica = self.replica.clone();
            let lost = stream::once(async move {
                replica.wait_until_leaderless().await;
                Err(Error::NoLeader.into())
            });
            // The client's end is the stream's, however long there is a leader.
            let answers = answers.map(Some).chain(stream::once(future::ready(None)));
            let either = stream::select(answers, lost.map(Some));
            Either::Left(either.scan((), |(), answer| future::ready(answer)))
        } else {
            Either::Right(answers)
        };
        Ok(Response::new(Box::pin(until_error(answers))))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<LeaseTimeToLiveRequest>,
    ) -> Result<Response<LeaseTimeToLiveResponse>, Status> {
        let (metadata, _, LeaseTimeToLiveRequest { id, keys }) = request.into_parts();
        let by = identity::requester(&self.replica, &metadata).await?;
        let left = self.replica.lease_time_to_live(id, keys).await.map_err(not_known)?;
        let shown = left.iter().flat_map(|left| &left.keys);
        self.replica.check_readable(&by, shown).map_err(status::rejection)?;
        let header = header::now(&self.replica);
        let response = match left {
            Some(left) => LeaseTimeToLiveResponse {
                header,
                id,
                ttl: left.ttl,
                granted_ttl: left.granted_ttl,
                keys: left.keys,
            },
            None => LeaseTimeToLiveResponse { header, id, ttl: -1, ..Default::default() },
        };
        Ok(Response::new(response))
    }

    async fn lease_leases(
        &self,
        request: Request<LeaseLeasesRequest>,
    ) -> Result<Response<LeaseLeasesResponse>, Status> {
        let by = identity::requester(&self.replica, request.metadata()).await?;
        self.replica.check_listable(&by).map_err(status::auth)?;
        let leases = self.replica.leases().into_iter().map(|id| LeaseStatus { id }).collect();
        Ok(Response::new(LeaseLeasesResponse { header: header::now(&self.replica), leases }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_is_granted_to_who_asks_for_less_and_nothing_to_who_asks_for_too_much() {
        let ask = |ttl| granted(&LeaseGrantRequest { ttl, id: 7 }, 7, 2).map(|grant| grant.ttl);
        assert_eq!([ask(-5), ask(0), ask(1), ask(3)], [Ok(2), Ok(2), Ok(2), Ok(3)]);
        assert_eq!(ask(TTL_MAX), Ok(TTL_MAX));
        assert_eq!(ask(TTL_MAX + 1), Err(Error::LeaseTTLTooLarge));
    }

    #[tokio::test]
    async fn stream_ends_with_its_first_error() {
        let answers = stream::iter([Ok(1), Err(Status::from(Error::NoLeader)), Ok(2)]);
        let seen: Vec<_> = until_error(answers).map(|answer| answer.ok()).collect().await;
        assert_eq!(seen, [Some(1), None]);
    }
}
