//! Serving HTTP/1 and HTTP/2 on a listener.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use openraft_rt::{AsyncRuntime, Instant, Select2};

use super::admission::{Admission, Guest};
use super::calm::Calm;
use super::executor::{Executor, Timer};
use super::flowing::Flowing;
use super::opening::Opening;
use crate::runtime::{Connection, Listener, Network, Runtime};
use crate::stop::Stop;
use crate::tasks::Tasks;

/// Limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Most connections at once. For a further one the oldest ends that was never used; if all are used it
    /// waits to be accepted.
    pub connections_max: usize,
    /// Most streams at once on one HTTP/2 connection.
    pub concurrent_streams_max: u32,
    /// Silence before the server pings an HTTP/2 client.
    pub keep_alive_interval: Duration,
    /// Silence after a ping before the connection is given up.
    pub keep_alive_timeout: Duration,
    /// Distance that a client's pings have to keep, or it is told to calm down (G96); any will do if there
    /// is none.
    pub ping_distance: Option<Duration>,
    /// Longest that a client may take from its connection to its first words.
    pub opening_timeout: Duration,
    /// Longest that a client may take from its connection to its first request.
    pub unused_timeout: Duration,
    /// Longest that a client may take no byte of what is to be sent to it.
    pub write_timeout: Duration,
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
            ping_distance: None,
            opening_timeout: Duration::from_secs(2 * 60),
            unused_timeout: Duration::from_secs(10 * 60),
            write_timeout: Duration::from_secs(2 * 60),
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
        let admission = Admission::new(options.connections_max);
        accept::<R>(listener, router, options, stop, &admission).await;
        admission.emptied().await;
    }));
    Ok(Listening { address })
}

async fn accept<R: Runtime>(
    listener: Box<dyn Listener>,
    router: axum::Router,
    options: ServerOptions,
    stop: Stop,
    admission: &Admission,
) {
    loop {
        let next = async {
            let guest = admission.enter().await;
            (guest, listener.accept().await)
        };
        let (guest, accepted) = match R::select2(stop.stopped(), next).await {
            Select2::First(()) => return,
            Select2::Second(next) => next,
        };
        match accepted {
            Ok((connection, _peer)) => {
                let serving =
                    connection_task::<R>(connection, router.clone(), options, stop.clone(), guest);
                drop(R::spawn(serving));
            }
            Err(error) => {
                // Out of file descriptors, most likely: it may pass, the sooner for one that goes.
                tracing::warn!(%error, "accepting a connection failed");
                admission.evict_oldest();
                R::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Tells when the first request comes.
struct Noticing {
    service: TowerToHyperService<axum::Router>,
    guest: Arc<Guest>,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Noticing {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<axum::Router> as hyper::service::Service<
        hyper::Request<Incoming>,
    >>::Future;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        self.guest.used();
        self.service.call(request)
    }
}

fn builder<R: Runtime>(options: &ServerOptions) -> auto::Builder<Executor<R>> {
    let mut builder = auto::Builder::new(Executor::<R>::default());
    builder.http1().timer(Timer::<R>::default()).header_read_timeout(options.header_read_timeout);
    builder
        .http2()
        // gRPC has no dates.
        .auto_date_header(false)
        .timer(Timer::<R>::default())
        .keep_alive_interval(Some(options.keep_alive_interval))
        .keep_alive_timeout(options.keep_alive_timeout)
        .max_concurrent_streams(options.concurrent_streams_max)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(1 << 22);
    builder
}

async fn connection_task<R: Runtime>(
    connection: Connection,
    router: axum::Router,
    options: ServerOptions,
    stop: Stop,
    guest: Guest,
) {
    let guest = Arc::new(guest);
    let builder = builder::<R>(&options);
    let connection = Opening::new(connection, Box::pin(R::sleep(options.opening_timeout)));
    let patience = options.write_timeout;
    let sleep = move || -> BoxFuture<'static, ()> { Box::pin(R::sleep(patience)) };
    let connection = Flowing::new(connection, sleep);
    let begin = <R as AsyncRuntime>::Instant::now();
    let connection = Calm::new(connection, options.ping_distance, move || begin.elapsed());
    let service = Noticing { service: TowerToHyperService::new(router), guest: Arc::clone(&guest) };
    let mut serving = pin!(builder.serve_connection(TokioIo::new(connection), service));
    let mut stopped = pin!(stop.stopped());
    let mut unwanted = pin!(unwanted::<R>(&guest, &options));
    let mut stopping = false;
    let result = std::future::poll_fn(|context| {
        if !stopping && stopped.as_mut().poll(context).is_ready() {
            stopping = true;
            serving.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(result) = serving.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        // Nothing was asked, so nothing is lost: a client that wants it back connects anew.
        unwanted.as_mut().poll(context).map(Ok)
    })
    .await;
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

/// Ends when nobody has used the connection for too long, or another one needs its place.
async fn unwanted<R: Runtime>(guest: &Guest, options: &ServerOptions) {
    let too_long = R::sleep(options.unused_timeout);
    R::select2(guest.evicted(), too_long).await;
    if guest.is_used() {
        pending().await
    }
}
