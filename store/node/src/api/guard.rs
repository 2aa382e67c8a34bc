//! What holds for every gRPC call, before and after its service.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response};
use axum::middleware::Next;
use detcd_api::Error;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::{gzip, identity, wording};
use crate::replica::{MemberStatus, Replica};
use crate::runtime::Runtime;

/// Methods that a learner answers; a range only if it is serializable, which its service checks.
const FOR_LEARNERS: [&str; 3] = [
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.Maintenance/Status",
    "/etcdserverpb.Maintenance/Snapshot",
];

/// Refuses what this member cannot do at all, then lets the service answer.
pub(super) async fn guard<R: Runtime>(
    State(replica): State<Replica<R>>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    if let Err(error) = admit(&replica.status(), request.uri().path(), request.headers()) {
        return Status::from(error).into_http::<Body>();
    }
    let path = request.uri().path().to_owned();
    let metadata = MetadataMap::from_headers(request.headers().clone());
    if let Err(error) = identity::admit(&replica, request.uri().path(), &metadata).await {
        return Status::from(error).into_http::<Body>();
    }
    wording::like_grpc(next.run(gzip::answered_alike(request)).await, &path)
}

/// G69 and G93.
fn admit(status: &MemberStatus, path: &str, headers: &HeaderMap) -> Result<(), Error> {
    if status.is_learner && !FOR_LEARNERS.contains(&path) {
        return Err(Error::NotSupportedForLearner);
    }
    if needs_leader(headers) && status.leader == 0 {
        return Err(Error::NoLeader);
    }
    Ok(())
}

pub(super) fn needs_leader(headers: &HeaderMap) -> bool {
    headers.get("hasleader").is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: &str = "/etcdserverpb.KV/Put";
    const STATUS: &str = "/etcdserverpb.Maintenance/Status";

    fn status(leader: u64, is_learner: bool) -> MemberStatus {
        MemberStatus {
            leader,
            raft_index: 9,
            raft_applied_index: 9,
            raft_term: 2,
            is_learner,
            db_size: 0,
            db_size_in_use: 0,
            db_size_quota: 0,
        }
    }

    #[test]
    fn a_learner_answers_only_what_needs_no_vote() {
        let headers = HeaderMap::new();
        assert_eq!(admit(&status(1, true), PUT, &headers), Err(Error::NotSupportedForLearner));
        for path in FOR_LEARNERS {
            assert_eq!(admit(&status(1, true), path, &headers), Ok(()));
        }
        assert_eq!(admit(&status(1, false), PUT, &headers), Ok(()));
    }

    #[test]
    fn who_asks_for_a_leader_is_told_at_once_that_there_is_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(admit(&status(0, false), STATUS, &headers), Ok(()));
        headers.insert("hasleader", "true".parse().unwrap());
        assert_eq!(admit(&status(0, false), STATUS, &headers), Err(Error::NoLeader));
        assert_eq!(admit(&status(1, false), STATUS, &headers), Ok(()));
    }
}
