//! The real gRPC stack over simulated connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::kv_client::KvClient;
use detcd_api::etcdserverpb::kv_server::{Kv, KvServer};
use detcd_node::grpc::{self, KeepAlive, ServerOptions};
use detcd_node::tasks::Tasks;
use futures_util::stream::BoxStream;
use openraft_rt::AsyncRuntime;
use sim::network::{LinkOptions, NetworkOptions};
use sim::trace::Digest;
use sim::{Host, SimRuntime, Surroundings, Trace, World, run};
use tonic::{Request, Response, Status};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
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

async fn serve(around: Surroundings) {
    let service = KvServer::new(Counter::default());
    let router = axum::Router::new().route_service("/etcdserverpb.KV/{*method}", service);
    let network = Arc::new(around.network);
    let options = ServerOptions::default();
    let served =
        grpc::serve::<R>(network, "0.0.0.0:2379", router, options, &Tasks::<R>::default()).await;
    served.expect("the port is free");
    std::future::pending().await
}

async fn connect(host: &Host) -> KvClient<grpc::Channel> {
    let network = host.network();
    let channel = grpc::connect::<R>(&network, "server:2379", KEEP_ALIVE).await;
    KvClient::with_origin(channel.expect("it listens"), "http://server".parse().expect("a URI"))
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
