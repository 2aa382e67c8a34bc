//! Limits of a connection over a real gRPC stack (G94).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::PutRequest;
use detcd_node::grpc::{self, KeepAlive, ServerOptions};
use detcd_node::tasks::Tasks;
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{SimRuntime, Surroundings, Trace, World, run};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
const STREAMS: usize = 5;

/// Answers each request after a second with an error, and counts how many there were at a time.
async fn serve(around: Surroundings, most: Arc<AtomicUsize>) {
    let running = Arc::new(AtomicUsize::new(0));
    let slow = move || {
        let (running, most) = (running.clone(), most.clone());
        async move {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            R::sleep(SECOND).await;
            running.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let router = axum::Router::new().fallback(slow);
    let options = ServerOptions {
        concurrent_streams_max: u32::try_from(STREAMS).expect("they are few"),
        ..ServerOptions::default()
    };
    let (network, tasks) = (Arc::new(around.network), Tasks::<R>::default());
    let served = grpc::serve::<R>(network, "0.0.0.0:2379", router, options, &tasks).await;
    served.expect("the port is free");
    std::future::pending().await
}

#[test]
fn g94_no_more_streams_than_allowed_run_at_once() {
    run(1, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let (server, host) = (world.host("server", "10.0.0.1"), world.host("client", "10.0.0.2"));
        let most = Arc::new(AtomicUsize::new(0));
        let counted = most.clone();
        server.start(move |around| serve(around, counted.clone()));
        R::sleep(SECOND).await;
        let inside = host.clone();
        let asking = host.spawn(async move {
            let keep_alive =
                KeepAlive { interval: 10 * SECOND, timeout: 10 * SECOND, while_idle: false };
            let channel = grpc::connect::<R>(&inside.network(), "server:2379", keep_alive).await;
            let client =
                Client::new(channel.expect("it listens"), http::Uri::from_static("http://server"));
            // The connection learns of the limit with its first answer.
            let _ = client.kv().put(PutRequest::default()).await;
            let requests = (0..4 * STREAMS).map(|_| {
                let mut kv = client.kv();
                R::spawn(async move { kv.put(PutRequest::default()).await.is_err() })
            });
            for request in requests.collect::<Vec<_>>() {
                assert!(request.await.expect("it is not cancelled"));
            }
        });
        asking.await.expect("it is not cancelled");
        assert_eq!(most.load(Ordering::SeqCst), STREAMS);
    });
}
