//! The words in which calls are refused before any service sees them: those of gRPC's servers in Go, in
//! place of the library's own.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use tonic::{Code, Status};

/// Methods whose clients send more than one message, so that one of them can be none when the answer has
/// begun.
const STREAMS: [&str; 2] = ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"];

/// What the library says of a message that is none.
const MALFORMED: &str = "failed to decode Protobuf message: ";

/// Replaces the words of a message that is too large (E78), of one that is none or in a form that nobody
/// knows, and of a method that its service does not have.
pub(super) fn like_grpc(response: Response<Body>, path: &str) -> Response<Body> {
    let refused =
        Status::from_header_map(response.headers()).and_then(|status| reworded(&status, path));
    match refused {
        Some(status) => status.into_http::<Body>(),
        None if STREAMS.contains(&path) => {
            response.map(|body| Body::new(body.map_frame(last_frame)))
        }
        None => response,
    }
}

fn reworded(status: &Status, path: &str) -> Option<Status> {
    let text = status.message();
    match status.code() {
        Code::OutOfRange => too_large(text),
        Code::ResourceExhausted => too_large_inside(text),
        Code::Internal if text.starts_with(MALFORMED) => Some(Status::internal(
            "grpc: error unmarshalling request: proto: cannot parse invalid wire-format data",
        )),
        // Go's reader at its end.
        Code::Internal if text == "Missing request message." => Some(Status::unknown("EOF")),
        Code::Unimplemented if text.is_empty() => Some(unknown_method(path)),
        Code::Unimplemented => unknown_encoding(text),
        _ => None,
    }
}

/// The same at the end of a stream.
fn last_frame<D>(frame: Frame<D>) -> Frame<D> {
    let trailers = match frame.into_trailers() {
        Ok(trailers) => trailers,
        Err(frame) => return frame,
    };
    let status = Status::from_header_map(&trailers);
    let is_malformed = |status: &Status| {
        status.code() == Code::Internal && status.message().starts_with(MALFORMED)
    };
    if !status.as_ref().is_some_and(is_malformed) {
        return Frame::trailers(trailers);
    }
    let status = Status::internal(
        "grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data",
    );
    let mut reworded = HeaderMap::new();
    match status.add_header(&mut reworded) {
        Ok(()) => Frame::trailers(reworded),
        Err(_) => Frame::trailers(trailers),
    }
}

fn unknown_method(path: &str) -> Status {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
    Status::unimplemented(format!("unknown method {method} for service {service}"))
}

fn unknown_encoding(text: &str) -> Option<Status> {
    let encoding = text.strip_prefix("Content is compressed with `")?;
    let encoding = encoding.strip_suffix("` which isn't supported")?;
    let text = format!("grpc: Decompressor is not installed for grpc-encoding \"{encoding}\"");
    Some(Status::unimplemented(text))
}

fn too_large(text: &str) -> Option<Status> {
    let sizes = text.strip_prefix("Error, decoded message length too large: found ")?;
    let (found, sizes) = sizes.split_once(" bytes, the limit is: ")?;
    let limit = sizes.strip_suffix(" bytes")?;
    Some(Status::resource_exhausted(format!(
        "grpc: received message larger than max ({found} vs. {limit})"
    )))
}

fn too_large_inside(text: &str) -> Option<Status> {
    let limit = text.strip_prefix("Error decompressing: size limit, of ")?;
    let (limit, _) = limit.split_once(" bytes")?;
    let text = format!("grpc: received message after decompression larger than max {limit}");
    Some(Status::resource_exhausted(text))
}

/// What no service answers: in gRPC's way to a gRPC client, in HTTP's to others (H13).
pub(super) async fn not_found(request: Request<Body>) -> Response<Body> {
    let content_type = request.headers().get("content-type");
    let is_grpc =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if !is_grpc {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    let path = request.uri().path();
    let text = match path.trim_start_matches('/').rsplit_once('/') {
        Some((service, _)) => format!("unknown service {service}"),
        None => format!("malformed method name: {path:?}"),
    };
    Status::unimplemented(text).into_http::<NoBody>().map(Body::new)
}

/// Nothing, whose length is not told: headers that end a call have no other field.
#[derive(Debug, Default)]
struct NoBody;

impl http_body::Body for NoBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_library_refuses_is_refused_in_etcds_words() {
        for (code, said, expected) in [
            (
                Code::OutOfRange,
                "Error, decoded message length too large: found 3000000 bytes, the limit is: 2097152 bytes",
                "grpc: received message larger than max (3000000 vs. 2097152)",
            ),
            (
                Code::ResourceExhausted,
                "Error decompressing: size limit, of 2097152 bytes, exceeded while decompressing message",
                "grpc: received message after decompression larger than max 2097152",
            ),
            (
                Code::Unimplemented,
                "Content is compressed with `deflate` which isn't supported",
                "grpc: Decompressor is not installed for grpc-encoding \"deflate\"",
            ),
            (Code::Unimplemented, "", "unknown method Get for service etcdserverpb.KV"),
            (Code::Internal, "Missing request message.", "EOF"),
        ] {
            let reworded = reworded(&Status::new(code, said), "/etcdserverpb.KV/Get").unwrap();
            assert_eq!(reworded.message(), expected);
        }
    }

    #[test]
    fn etcds_own_words_stay() {
        use detcd_api::Error;
        for error in [Error::FutureRev, Error::NoSpace, Error::Compacted] {
            assert!(reworded(&error.into(), "/etcdserverpb.KV/Range").is_none());
        }
    }
}
