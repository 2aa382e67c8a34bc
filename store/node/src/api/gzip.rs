//! Messages that are compressed.

use axum::body::Body;
use axum::http::header::HeaderName;
use axum::http::{HeaderValue, Request};

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// A request whose answer is compressed if it is, and else is not, whatever its client understands: so
/// do gRPC's servers in Go, and most clients understand what they never use.
pub(super) fn answered_alike(mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    if headers.get(ENCODING) == Some(&GZIP) {
        headers.insert(ACCEPTED, GZIP);
    } else {
        headers.remove(ACCEPTED);
    }
    request
}
