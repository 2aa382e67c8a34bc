//! Calls of methods that are known only by name, with messages that stay bytes: what a gateway does,
//! and what a test of the wire wants.

use axum::Router;
use bytes::{Buf, BufMut, Bytes};
use futures_util::Stream;
use http::Uri;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Response, Status, Streaming};

/// Calls a unary method, named as `package.Service/Method`.
pub(crate) async fn call(
    channel: Router,
    method: &str,
    token: Option<&str>,
    request: Bytes,
) -> Result<Bytes, Status> {
    let mut client = client(channel).await?;
    let request = with_token(request, token);
    client.unary(request, path(method), Raw).await.map(Response::into_inner)
}

/// Opens a stream in both directions.
pub(crate) async fn open(
    channel: Router,
    method: &str,
    token: Option<&str>,
    requests: impl Stream<Item = Bytes> + Send + 'static,
) -> Result<Streaming<Bytes>, Status> {
    let mut client = client(channel).await?;
    client.streaming(with_token(requests, token), path(method), Raw).await.map(Response::into_inner)
}

fn with_token<T>(message: T, token: Option<&str>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let token = token.parse().expect("tokens are plain text");
        request.metadata_mut().insert("token", token);
    }
    request
}

async fn client(channel: Router) -> Result<Grpc<Router>, Status> {
    let mut client = Grpc::with_origin(channel, Uri::from_static("http://member"));
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(client)
}

fn path(method: &str) -> PathAndQuery {
    PathAndQuery::try_from(format!("/{method}")).expect("methods have plain names")
}

#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
