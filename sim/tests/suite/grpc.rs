//! The real gRPC stack over simulated connections.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::kv_client::KvClient;
use detcd_api::etcdserverpb::kv_server::{Kv, KvServer};
use detcd_api::etcdserverpb::watch_client::WatchClient;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::watch_server::{Watch, WatchServer};
use detcd_node::grpc::{self, KeepAlive, ServerOptions};
use detcd_node::tasks::Tasks;
use futures_util::stream::{self, BoxStream, StreamExt};
use openraft_rt::AsyncRuntime;
use sim::network::{LinkOptions, NetworkOptions};
use sim::trace::Digest;
use sim::{Host, SimRuntime, Surroundings, Trace, World, run};
use tokio::sync::oneshot;
use tonic::{Request, Response, Status, Streaming};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
/// After that long a server says goodbye.
const SERVED: Duration = Duration::from_secs(100);
const KEEP_ALIVE: KeepAlive = KeepAlive { interval: SECOND, timeout: SECOND, while_idle: true };

/// Counts puts.
#[derive(Default)]
struct Counter(AtomicI64);

#[tonic::async_trait]
impl Kv for Counter {
    async fn put(&self, _: Request<rpc::PutRequest>) -> Result<Response<rpc::PutResponse>, Status> {
        let revision = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        let header = Some(rpc::ResponseHeader { revision, ..Default::default() });
        Ok(Response::new(rpc::PutResponse { header, ..Default::default() }))
    }

    async fn range(
        &self,
        _: Request<rpc::RangeRequest>,
    ) -> Result<Response<rpc::RangeResponse>, Status> {
        Err(Status::unimplemented("range"))
    }

    type RangeStreamStream = BoxStream<'static, Result<rpc::RangeStreamResponse, Status>>;

    async fn range_stream(
        &self,
        _: Request<rpc::RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        Err(Status::unimplemented("range"))
    }

    async fn delete_range(
        &self,
        _: Request<rpc::DeleteRangeRequest>,
    ) -> Result<Response<rpc::DeleteRangeResponse>, Status> {
        Err(Status::unimplemented("delete"))
    }

    async fn txn(&self, _: Request<rpc::TxnRequest>) -> Result<Response<rpc::TxnResponse>, Status> {
        Err(Status::unimplemented("txn"))
    }

    async fn compact(
        &self,
        _: Request<rpc::CompactionRequest>,
    ) -> Result<Response<rpc::CompactionResponse>, Status> {
        Err(Status::unimplemented("compact"))
    }
}

/// Answers every request of a watch, until one asks for progress: then it ends by itself.
struct Echo;

#[tonic::async_trait]
impl Watch for Echo {
    type WatchStream = BoxStream<'static, Result<rpc::WatchResponse, Status>>;

    async fn watch(
        &self,
        requests: Request<Streaming<rpc::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let is_watch = |request: &Result<rpc::WatchRequest, Status>| {
            let union = request.as_ref().ok().and_then(|request| request.request_union.as_ref());
            ready(matches!(union, Some(RequestUnion::CreateRequest(_))))
        };
        let answers = requests.into_inner().take_while(is_watch);
        let answers = answers.map(|_| Ok(rpc::WatchResponse::default()));
        Ok(Response::new(answers.boxed()))
    }
}

async fn serve(around: Surroundings) {
    let router = axum::Router::new()
        .route_service("/etcdserverpb.KV/{*method}", KvServer::new(Counter::default()))
        .route_service("/etcdserverpb.Watch/{*method}", WatchServer::new(Echo));
    let network = Arc::new(around.network);
    let (options, tasks) = (ServerOptions::default(), Tasks::<R>::default());
    let served = grpc::serve::<R>(network, "0.0.0.0:2379", router, options, &tasks).await;
    served.expect("the port is free");
    R::sleep(SERVED).await;
    tasks.stop().stop();
    std::future::pending().await
}

async fn channel(host: &Host, keep_alive: KeepAlive) -> grpc::Channel {
    let network = host.network();
    grpc::connect::<R>(&network, "server:2379", keep_alive).await.expect("it listens")
}

fn origin() -> http::Uri {
    "http://server".parse().expect("a URI")
}

async fn connect(host: &Host) -> KvClient<grpc::Channel> {
    KvClient::with_origin(channel(host, KEEP_ALIVE).await, origin())
}

async fn put(client: &mut KvClient<grpc::Channel>, value_bytes: usize) -> Result<i64, Status> {
    let value = vec![1; value_bytes].into();
    let response = client.put(rpc::PutRequest { value, ..Default::default() }).await?;
    Ok(response.into_inner().header.expect("it was set").revision)
}

fn world(trace: &Trace) -> (World, Host, Host) {
    let link = LinkOptions { loss_per_million: 5_000, ..LinkOptions::default() };
    let options = NetworkOptions { link, ..NetworkOptions::default() };
    let world = World::new(trace.clone(), options);
    let (server, client) = (world.host("server", "10.0.0.1"), world.host("client", "10.0.0.2"));
    server.start(serve);
    (world, server, client)
}

/// Concurrent puts, some of them larger than any window.
fn puts(seed: u64) -> Digest {
    run(seed, || async {
        let trace = Trace::default();
        let (_world, _server, client) = world(&trace);
        R::sleep(SECOND).await;
        let host = client.clone();
        let task = client.spawn(async move {
            let shared = connect(&host).await;
            let tasks = (0..50).map(|number| {
                let mut shared = shared.clone();
                R::spawn(async move {
                    for round in 0..5 {
                        put(&mut shared, (number * round) << 12).await.expect("nothing is wrong");
                    }
                })
            });
            for task in tasks.collect::<Vec<_>>() {
                task.await.expect("it is not cancelled");
            }
            put(&mut shared.clone(), 0).await.expect("nothing is wrong")
        });
        assert_eq!(task.await.expect("it is not cancelled"), 251);
        trace.digest()
    })
}

#[test]
fn concurrent_and_large_requests_are_answered_the_same_in_every_run() {
    let digests: Vec<_> = (0..3).map(puts).collect();
    assert_eq!(digests, (0..3).map(puts).collect::<Vec<_>>());
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn a_connection_to_a_vanished_server_is_given_up_by_its_keep_alive() {
    run(1, || async {
        let (_world, server, client) = world(&Trace::default());
        R::sleep(SECOND).await;
        let host = client.clone();
        let task = client.spawn(async move {
            let mut connection = connect(&host).await;
            put(&mut connection, 10).await.expect("nothing is wrong");
            server.power_loss();
            let failed = R::timeout(5 * SECOND, put(&mut connection, 10)).await;
            failed.expect("it is not left waiting").expect_err("nobody is there");
            server.restart();
            R::sleep(SECOND).await;
            put(&mut connect(&host).await, 10).await.expect("it is back")
        });
        assert_eq!(task.await.expect("it is not cancelled"), 1);
    });
}

#[test]
fn a_request_and_its_answer_are_one_segment_each() {
    run(1, || async {
        let (world, _server, client) = world(&Trace::default());
        R::sleep(SECOND).await;
        let host = client.clone();
        let task = client.spawn(async move {
            let mut connection = connect(&host).await;
            put(&mut connection, 10).await.expect("nothing is wrong");
            let before = world.network().counters().segments;
            for _ in 0..100 {
                put(&mut connection, 10).await.expect("nothing is wrong");
            }
            world.network().counters().segments - before
        });
        assert_eq!(task.await.expect("it is not cancelled"), 200);
    });
}

/// Tells when it is dropped.
struct Requests {
    left: BoxStream<'static, rpc::WatchRequest>,
    _dropped: oneshot::Sender<()>,
}

/// So many creations, a request for progress if the server is to end the stream, and then nothing for ever.
fn requests(creations: usize, asks_for_progress: bool) -> (Requests, oneshot::Receiver<()>) {
    let request = |request_union| rpc::WatchRequest { request_union: Some(request_union) };
    let creation = request(RequestUnion::CreateRequest(rpc::WatchCreateRequest::default()));
    let progress = request(RequestUnion::ProgressRequest(rpc::WatchProgressRequest {}));
    let some = stream::iter(vec![creation; creations])
        .chain(stream::iter(asks_for_progress.then_some(progress)));
    let (sender, receiver) = oneshot::channel();
    (Requests { left: some.chain(stream::pending()).boxed(), _dropped: sender }, receiver)
}

impl stream::Stream for Requests {
    type Item = rpc::WatchRequest;

    fn poll_next(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<rpc::WatchRequest>> {
        self.left.poll_next_unpin(task)
    }
}

/// How many answers come, and whether the rest of the requests is given up afterwards. The client reads so many.
async fn streamed(host: &Host, asks_for_progress: bool, read_max: usize) -> (usize, bool) {
    let mut client = WatchClient::with_origin(channel(host, KEEP_ALIVE).await, origin());
    let (requests, dropped) = requests(3, asks_for_progress);
    let mut answers = client.watch(requests).await.expect("it is served").into_inner();
    let count = (&mut answers).take(read_max).filter(|answer| ready(answer.is_ok())).count().await;
    if count < read_max {
        // It is at its end, and still there.
        return (count, R::timeout(SECOND, dropped).await.is_ok());
    }
    drop(answers);
    (count, R::timeout(SECOND, dropped).await.is_ok())
}

#[test]
fn what_is_left_of_a_request_goes_when_its_answer_has_ended_or_nobody_reads_it() {
    run(1, || async {
        let (_world, _server, client) = world(&Trace::default());
        R::sleep(SECOND).await;
        let host = client.clone();
        let task = client.spawn(async move {
            assert_eq!(streamed(&host, true, usize::MAX).await, (3, true));
            assert_eq!(streamed(&host, false, 2).await, (2, true));
        });
        task.await.expect("it is not cancelled");
    });
}

#[test]
fn an_idle_connection_is_not_asked_for_signs_of_life_and_a_used_one_is() {
    run(1, || async {
        let (_world, server, client) = world(&Trace::default());
        R::sleep(SECOND).await;
        let host = client.clone();
        let task = client.spawn(async move {
            let options = KeepAlive { while_idle: false, ..KEEP_ALIVE };
            let channel = channel(&host, options).await;
            let mut connection = KvClient::with_origin(channel.clone(), origin());
            put(&mut connection, 10).await.expect("nothing is wrong");
            server.power_loss();
            R::sleep(60 * SECOND).await;
            assert!(!channel.is_closed());
            let failed = R::timeout(5 * SECOND, put(&mut connection, 10)).await;
            let status = failed.expect("it is not left waiting").expect_err("nobody is there");
            assert!(status.message().contains("no answer to a ping"), "{status}");
            assert!(channel.is_closed());
        });
        task.await.expect("it is not cancelled");
    });
}

#[test]
fn a_connection_that_takes_no_more_requests_is_closed_while_an_answer_still_comes() {
    run(1, || async {
        let (_world, _server, client) = world(&Trace::default());
        R::sleep(SECOND).await;
        let host = client.clone();
        let task = client.spawn(async move {
            let channel = channel(&host, KEEP_ALIVE).await;
            let mut watcher = WatchClient::with_origin(channel.clone(), origin());
            let mut connection = KvClient::with_origin(channel.clone(), origin());
            let (requests, _dropped) = requests(1, false);
            let mut answers = watcher.watch(requests).await.expect("it is served").into_inner();
            answers.next().await.expect("it is answered").expect("nothing is wrong");
            R::sleep(SERVED - 10 * SECOND).await;
            put(&mut connection, 10).await.expect("nothing is wrong");
            assert!(!channel.is_closed());
            R::sleep(20 * SECOND).await;
            put(&mut connection, 10).await.expect_err("the server has said goodbye");
            assert!(channel.is_closed());
            let more = R::timeout(SECOND, answers.next()).await;
            assert!(more.is_err(), "the watch goes on: {more:?}");
        });
        task.await.expect("it is not cancelled");
    });
}
