//! Serving HTTP/1 and HTTP/2 on a listener.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use openraft_rt::Select2;
use tokio::sync::Semaphore;

use super::executor::{Executor, Timer};
use super::opening::Opening;
use crate::runtime::{Connection, Listener, Network, Runtime};
use crate::stop::Stop;
use crate::tasks::Tasks;

/// Limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Most connections at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// Most streams at once on one HTTP/2 connection.
    pub concurrent_streams_max: u32,
    /// Silence before the server pings an HTTP/2 client.
    pub keep_alive_interval: Duration,
    /// Silence after a ping before the connection is given up.
    pub keep_alive_timeout: Duration,
    /// Longest that a client may take from its connection to its first words.
    pub opening_timeout: Duration,
    /// Longest that a client may take to send its request's headers (HTTP/1).
    pub header_read_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            connections_max: 65_536,
            concurrent_streams_max: u32::MAX,
            keep_alive_interval: Duration::from_secs(2 * 60 * 60),
            keep_alive_timeout: Duration::from_secs(20),
            opening_timeout: Duration::from_secs(2 * 60),
            header_read_timeout: Duration::from_secs(5 * 60),
        }
    }
}

/// A server that accepts connections until its stop signal.
#[derive(Debug)]
pub struct Listening {
    /// The bound address, with the real port.
    pub address: String,
}

/// Binds `address` and serves `router` there in a task of its own.
///
/// When the tasks are to stop, no further connection is accepted and each open one ends after its running
/// requests; the task ends after the last of them.
pub async fn serve<R: Runtime>(
    network: Arc<dyn Network>,
    address: &str,
    router: axum::Router,
    options: ServerOptions,
    tasks: &Tasks<R>,
) -> io::Result<Listening> {
    let listener = network.listen(address).await?;
    let address = listener.local_address();
    let stop = tasks.stop().clone();
    tasks.add(R::spawn(async move {
        let slots = Arc::new(Semaphore::new(options.connections_max));
        accept::<R>(listener, router, options, stop, &slots).await;
        let all = u32::try_from(options.connections_max).unwrap_or(u32::MAX);
        let ended = slots.acquire_many(all).await;
        assert!(ended.is_ok(), "the semaphore is never closed");
    }));
    Ok(Listening { address })
}

async fn accept<R: Runtime>(
    listener: Box<dyn Listener>,
    router: axum::Router,
    options: ServerOptions,
    stop: Stop,
    slots: &Arc<Semaphore>,
) {
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
            (slot, listener.accept().await)
        };
        let (slot, accepted) = match R::select2(stop.stopped(), next).await {
            Select2::First(()) => return,
            Select2::Second(next) => next,
        };
        match accepted {
            Ok((connection, _peer)) => {
                let serving =
                    connection_task::<R>(connection, router.clone(), options, stop.clone());
                drop(R::spawn(async move {
                    serving.await;
                    drop(slot);
                }));
            }
            Err(error) => {
                // Out of file descriptors, most likely: it may pass.
                tracing::warn!(%error, "accepting a connection failed");
                R::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection_task<R: Runtime>(
    connection: Connection,
    router: axum::Router,
    options: ServerOptions,
    stop: Stop,
) {
    let mut builder = auto::Builder::new(Executor::<R>::default());
    builder.http1().timer(Timer::<R>::default()).header_read_timeout(options.header_read_timeout);
    builder
        .http2()
        .timer(Timer::<R>::default())
        .keep_alive_interval(Some(options.keep_alive_interval))
        .keep_alive_timeout(options.keep_alive_timeout)
        .max_concurrent_streams(options.concurrent_streams_max)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(1 << 22);
    let connection = Opening::new(connection, Box::pin(R::sleep(options.opening_timeout)));
    let mut serving =
        pin!(builder.serve_connection(TokioIo::new(connection), TowerToHyperService::new(router)));
    let mut stopped = pin!(stop.stopped());
    let mut stopping = false;
    let result = std::future::poll_fn(|context| {
        if !stopping && stopped.as_mut().poll(context).is_ready() {
            stopping = true;
            serving.as_mut().graceful_shutdown();
        }
        match serving.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}
