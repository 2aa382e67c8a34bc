//! One HTTP/2 connection as the transport of generated clients.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use tonic::body::Body;
use tower_service::Service;

use super::executor::{Executor, Timer};
use crate::runtime::{Network, Runtime};

/// How a connection notices that the other side is gone: a ping after `interval` without traffic,
/// and the end when no answer came within `timeout`.
#[derive(Debug, Clone, Copy)]
pub struct KeepAlive {
    /// Silence before a ping.
    pub interval: Duration,
    /// Silence after it.
    pub timeout: Duration,
    /// Whether to ping while nothing is asked, which servers of clients do not like (G96).
    pub while_idle: bool,
}

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The network refused.
    #[error("connecting to {address}: {source}")]
    Connect {
        /// `host:port`.
        address: String,
        /// What the network said.
        source: io::Error,
    },
    /// The other side does not speak HTTP/2.
    #[error("HTTP/2 handshake with {address}: {source}")]
    Handshake {
        /// `host:port`.
        address: String,
        /// What hyper said.
        source: hyper::Error,
    },
}

/// An HTTP/2 connection; clones share it. It never reconnects by itself.
#[derive(Debug, Clone)]
pub struct Channel {
    sender: http2::SendRequest<Body>,
}

impl Channel {
    /// Whether the connection has ended: requests on it would fail.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// Bytes of one stream that may be under way to a client that has not read them.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// Opens a connection to `address` (`host:port`).
pub async fn connect<R: Runtime>(
    network: &dyn Network,
    address: &str,
    keep_alive: KeepAlive,
) -> Result<Channel, ChannelError> {
    connect_with_window::<R>(network, address, keep_alive, STREAM_WINDOW_BYTES).await
}

/// The same for a client that has room for so many bytes of one stream that it has not read.
pub async fn connect_with_window<R: Runtime>(
    network: &dyn Network,
    address: &str,
    keep_alive: KeepAlive,
    stream_window_bytes: u32,
) -> Result<Channel, ChannelError> {
    let stream = network
        .connect(address)
        .await
        .map_err(|source| ChannelError::Connect { address: address.to_owned(), source })?;
    let (sender, connection) = http2::Builder::new(Executor::<R>::default())
        .timer(Timer::<R>::default())
        .keep_alive_interval(Some(keep_alive.interval))
        .keep_alive_timeout(keep_alive.timeout)
        .keep_alive_while_idle(keep_alive.while_idle)
        .initial_stream_window_size(stream_window_bytes)
        .initial_connection_window_size(1 << 22)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|source| ChannelError::Handshake { address: address.to_owned(), source })?;
    drop(R::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    }));
    Ok(Channel { sender })
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.sender.send_request(request))
    }
}
