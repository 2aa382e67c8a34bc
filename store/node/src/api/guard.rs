//! What holds for every gRPC call, before and after its service.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse;
use detcd_api::Error;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::identity;
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
    speak_like_grpc(next.run(request).await, &path)
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

/// Replaces the words in which the library refuses by those of etcd's: of a message that is too large
/// (E78), of one that is none, and of a method that its service does not have.
fn speak_like_grpc(response: Response<Body>, path: &str) -> Response<Body> {
    let refused =
        Status::from_header_map(response.headers()).and_then(|status| match status.code() {
            Code::OutOfRange => too_large(status.message()),
            Code::Internal => malformed(status.message()),
            Code::Unimplemented if status.message().is_empty() => Some(unknown_method(path)),
            _ => None,
        });
    match refused {
        Some(status) => status.into_http::<Body>(),
        None => response,
    }
}

fn unknown_method(path: &str) -> Status {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    Status::unimplemented(format!("unknown method {method} for service {service}"))
}

fn malformed(message: &str) -> Option<Status> {
    message.strip_prefix("failed to decode Protobuf message: ")?;
    Some(Status::internal(
        "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data",
    ))
}

fn too_large(message: &str) -> Option<Status> {
    let sizes = message.strip_prefix("Error, decoded message length too large: found ")?;
    let (found, sizes) = sizes.split_once(" bytes, the limit is: ")?;
    let limit = sizes.strip_suffix(" bytes")?;
    Some(Status::resource_exhausted(format!(
        "grpc: received message larger than max ({found} vs. {limit})"
    )))
}

/// What no service answers: in gRPC's way to a gRPC client, in HTTP's to others (H13).
pub(super) async fn not_found(request: Request<Body>) -> Response<Body> {
    let content_type = request.headers().get("content-type");
    let is_grpc =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if is_grpc {
        let service = request.uri().path().trim_start_matches('/').split('/').next();
        let text = format!("unknown service {}", service.unwrap_or_default());
        return Status::unimplemented(text).into_http::<Body>();
    }
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
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

    #[test]
    fn a_message_that_is_too_large_is_refused_in_etcds_words() {
        let status = too_large(
            "Error, decoded message length too large: found 3000000 bytes, the limit is: 2097152 bytes",
        )
        .unwrap();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(
            status.message(),
            "grpc: received message larger than max (3000000 vs. 2097152)"
        );
        assert!(too_large(Error::FutureRev.message()).is_none());
    }
}
