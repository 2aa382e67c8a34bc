//! One HTTP/2 connection as the transport of generated clients.
//!
//! This is h2 without hyper's client on top: there a request passes through three tasks, its headers leave before its
//! body is looked at, and a stream of messages is polled twice for each. Here whoever asks hands all that there is of
//! the request to the connection at once, and only a body that is not at its end gets a task.
//!
//! Must never know: which services are called.

mod answer;
mod driver;
mod life_signs;
mod request_body;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use tonic::body::Body;
use tower_service::Service;

use self::answer::Answering;
use self::driver::Driver;
use self::life_signs::LifeSigns;
use crate::runtime::{Network, Runtime};

pub use self::answer::ResponseBody;

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
    /// The connection ended before the first words of HTTP/2 were out.
    #[error("HTTP/2 handshake with {address}: {source}")]
    Handshake {
        /// `host:port`.
        address: String,
        /// What h2 said.
        source: h2::Error,
    },
}

/// Why a request has no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The other side did not answer a ping.
    #[error("the connection was given up: no answer to a ping in time")]
    Silent,
    /// The connection ended, or this request was ended by the other side.
    #[error("HTTP/2: {0}")]
    Http2(#[source] h2::Error),
}

/// An HTTP/2 connection; clones share it. It never reconnects by itself.
#[derive(Debug, Clone)]
pub struct Channel {
    sender: h2::client::SendRequest<Bytes>,
    state: Arc<State>,
    spawn: fn(BoxFuture<'static, ()>),
}

/// What a connection and its requests know of each other.
#[derive(Debug, Default)]
struct State {
    /// Requests whose answers are not at their ends.
    running: AtomicUsize,
    /// Wakes the driver. h2 wakes it for a new request as well, but not always: not while it is not ready to send.
    driver: AtomicWaker,
    /// It takes no more requests.
    is_closed: AtomicBool,
    is_silent: AtomicBool,
}

impl State {
    fn error(&self, error: h2::Error) -> RequestError {
        if self.is_silent.load(Ordering::Relaxed) {
            RequestError::Silent
        } else {
            RequestError::Http2(error)
        }
    }
}

/// A request whose answer is not at its end.
#[derive(Debug)]
struct Running(Arc<State>);

impl Running {
    fn new(state: &Arc<State>) -> Self {
        if state.running.fetch_add(1, Ordering::AcqRel) == 0 {
            state.driver.wake();
        }
        Self(Arc::clone(state))
    }

    fn error(&self, error: h2::Error) -> RequestError {
        self.0.error(error)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Channel {
    /// Whether the connection takes no more requests: it has ended, or does so when the running ones are answered.
    pub fn is_closed(&self) -> bool {
        self.state.is_closed.load(Ordering::Relaxed)
    }
}

/// Bytes of one stream that may be under way to a client that has not read them.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same of all streams of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 22;
/// Bytes of all headers of one answer.
const HEADERS_BYTES_MAX: u32 = 1 << 14;
/// Bytes of one request that may wait to be sent.
const SEND_BUFFER_BYTES: usize = 1 << 20;
/// Requests that may be begun before the other side has said how many it takes.
const STREAMS_BEFORE_SETTINGS: usize = 100;

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
    let (stream, heard) = driver::listened(stream);
    let (sender, connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(stream_window_bytes)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .initial_max_send_streams(STREAMS_BEFORE_SETTINGS)
        .max_header_list_size(HEADERS_BYTES_MAX)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .handshake(stream)
        .await
        .map_err(|source| ChannelError::Handshake { address: address.to_owned(), source })?;
    let state = Arc::<State>::default();
    let life_signs = LifeSigns::<R>::new(keep_alive);
    drop(R::spawn(Driver::new(connection, life_signs, heard, Arc::clone(&state))));
    Ok(Channel { sender, state, spawn: |task| drop(R::spawn(task)) })
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<ResponseBody>;
    type Error = RequestError;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        self.sender.poll_ready(context).map_err(|error| {
            // Said goodbye, or has no number left for a stream: no request will ever be taken.
            self.state.is_closed.store(true, Ordering::Relaxed);
            self.state.error(error)
        })
    }

    fn call(&mut self, request: http::Request<Body>) -> Answering {
        let (head, body) = request.into_parts();
        let request = http::Request::from_parts(head, ());
        // Counted first: the driver looks for silence only if something is asked.
        let running = Running::new(&self.state);
        let begun = self.sender.send_request(request, false);
        Answering::new(begun, body, running, self.spawn)
    }
}
