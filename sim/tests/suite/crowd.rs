//! Connections that are opened and not used: they shut nobody out, and they do not stay.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::{PutRequest, RangeRequest};
use detcd_node::grpc::{self, KeepAlive, ServerOptions};
use detcd_node::runtime::{Connection, Network};
use detcd_node::tasks::Tasks;
use openraft_rt::{AsyncRuntime, Instant};
use sim::network::NetworkOptions;
use sim::{Cluster, ClusterConfig, Host, SimInstant, SimRuntime, Surroundings, Trace, World, run};
use tokio::io::AsyncWriteExt;

use crate::http2::{PREFACE, SETTINGS, has_ended, headers};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(5);
/// What one of the crowd says before it falls silent.
fn opening(number: usize) -> Vec<u8> {
    let begun = || [&PREFACE[..], &SETTINGS].concat();
    match number % 4 {
        0 => Vec::new(),
        1 => PREFACE[..number % PREFACE.len()].to_vec(),
        2 => begun(),
        _ => {
            // Streams whose answers nobody reads.
            let streams = (0..20).flat_map(|stream| headers(2 * stream + 1));
            begun().into_iter().chain(streams).collect()
        }
    }
}

async fn join(host: &Host, address: &str, number: usize) -> Connection {
    let mut connection = host.network().connect(address).await.expect("it is accepted");
    connection.write_all(&opening(number)).await.expect("it is open");
    connection
}

#[test]
fn thousands_that_say_nothing_neither_hold_anybody_up_nor_stay() {
    run(1, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig { members: 1, ..Default::default() });
        let (crowd, user) = (cluster.client("crowd", 1), cluster.client("user", 2));
        R::sleep(5 * SECOND).await;
        let silent = crowd.clone();
        let held = crowd.host().spawn(async move {
            let mut held = Vec::new();
            for number in 0..10_000 {
                held.push(join(silent.host(), "10.0.0.1:2379", number).await);
            }
            held
        });
        let mut held = held.await.expect("it is not cancelled");
        let asking = user.clone();
        let served = user.host().spawn(async move {
            let channel = asking.connect(1, LIMIT).await.expect("there is room");
            let client = Client::new(channel, http::Uri::from_static("http://member"));
            let begin = SimInstant::now();
            for number in 0..20 {
                let key = format!("k{number}").into();
                client.kv().put(PutRequest { key, ..Default::default() }).await.expect("it leads");
                let read = RangeRequest { key: "k0".into(), ..Default::default() };
                client.kv().range(read).await.expect("it leads");
            }
            begin.elapsed()
        });
        let took = served.await.expect("it is not cancelled");
        assert!(took < 5 * SECOND, "20 puts and reads took {took:?}");

        R::sleep(ServerOptions::default().unused_timeout).await;
        let looked = crowd.host().spawn(async move {
            let mut left = Vec::new();
            for (number, connection) in held.iter_mut().enumerate() {
                if !has_ended(connection).await {
                    left.push(number % 4);
                }
            }
            left
        });
        let left = looked.await.expect("it is not cancelled");
        assert!(left.iter().all(|kind| *kind == 3), "only those with streams may stay: {left:?}");
    });
}

/// Counts requests, on three connections at most.
async fn serve_few(around: Surroundings, requests: Arc<AtomicUsize>) {
    let options = ServerOptions { connections_max: 3, ..ServerOptions::default() };
    let network = Arc::new(around.network);
    let count = move || {
        let requests = requests.clone();
        async move {
            requests.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (router, tasks) = (axum::Router::new().fallback(count), Tasks::<R>::default());
    let served = grpc::serve::<R>(network, "0.0.0.0:2379", router, options, &tasks).await;
    served.expect("the port is free");
    std::future::pending().await
}

#[test]
fn the_oldest_that_was_never_used_goes_when_there_is_no_room() {
    run(2, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let (server, client) = (world.host("server", "10.0.0.1"), world.host("client", "10.0.0.2"));
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        server.start(move |around| serve_few(around, counted.clone()));
        R::sleep(SECOND).await;
        let host = client.clone();
        let task = client.spawn(async move {
            let mut silent = Vec::new();
            for number in 0..10 {
                // None of those with streams, which are in use.
                silent.push(join(&host, "server:2379", number % 3).await);
                R::sleep(SECOND / 10).await;
            }
            let keep_alive = KeepAlive { interval: SECOND, timeout: SECOND, while_idle: false };
            let channel = grpc::connect::<R>(&host.network(), "server:2379", keep_alive).await;
            let channel = channel.expect("there is room");
            let client = Client::new(channel, http::Uri::from_static("http://server"));
            // What comes back is no gRPC.
            let _ = client.kv().put(PutRequest::default()).await;
            let mut ended = 0;
            for connection in &mut silent {
                ended += usize::from(has_ended(connection).await);
            }
            ended
        });
        let ended = task.await.expect("it is not cancelled");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "the request was not served");
        assert!((7..=9).contains(&ended), "{ended} of 10 had to go");
    });
}
