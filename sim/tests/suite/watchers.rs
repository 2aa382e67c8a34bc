//! Thousands of watchers on one stream, and thousands of streams: all are told everything in order (G38, G45).

use std::collections::BTreeMap;
use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{PutRequest, WatchCreateRequest, WatchRequest, WatchResponse};
use detcd_node::grpc::Channel;
use futures_util::{StreamExt, stream};
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimRuntime, Trace, World, run};
use tonic::Streaming;

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
const PUTS: i64 = 3;

async fn client(host: &ClientHost) -> Client<Channel> {
    let channel = host.connect(1, SECOND).await.expect("it listens");
    Client::new(channel, http::Uri::from_static("http://member"))
}

/// A stream with so many watchers, which have ids from 0 on.
async fn watch(client: &Client<Channel>, watchers: usize) -> Streaming<WatchResponse> {
    let create = WatchCreateRequest { key: "k".into(), ..Default::default() };
    let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let requests = stream::iter(vec![create; watchers]).chain(stream::pending());
    let mut responses = client.watch().watch(requests).await.expect("it leads").into_inner();
    for id in 0..watchers {
        let response = responses.message().await.expect("it lives").expect("it goes on");
        assert_eq!((response.created, response.watch_id), (true, id as i64));
    }
    responses
}

/// Reads until every watcher was told of every put, in order.
async fn listen(mut stream: Streaming<WatchResponse>, watchers: usize) {
    let mut versions: BTreeMap<i64, i64> = BTreeMap::new();
    let mut left = watchers * PUTS as usize;
    while left > 0 {
        let response = stream.message().await.expect("it lives").expect("it goes on");
        let version = versions.entry(response.watch_id).or_default();
        for event in response.events {
            *version += 1;
            assert_eq!(event.kv.map(|kv| kv.version), Some(*version));
            left -= 1;
        }
    }
    assert_eq!(versions.len(), watchers);
}

/// Watchers on each of so many streams, which share connections.
fn told(streams: usize, watchers: usize) {
    run(1, move || async move {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig { members: 1, ..Default::default() });
        let host = cluster.client("client", 1);
        R::sleep(5 * SECOND).await;
        let inside = host.clone();
        let task = host.host().spawn(async move {
            let mut listening = Vec::new();
            let mut shared = client(&inside).await;
            for number in 0..streams {
                if number % 500 == 499 {
                    shared = client(&inside).await;
                }
                let opened = watch(&shared, watchers).await;
                listening.push(R::spawn(listen(opened, watchers)));
            }
            let client = client(&inside).await;
            for _ in 0..PUTS {
                let put = PutRequest { key: "k".into(), ..Default::default() };
                client.kv().put(put).await.expect("it leads");
            }
            for listener in listening {
                let told = R::timeout(60 * SECOND, listener).await;
                told.expect("all are told").expect("it is not cancelled");
            }
        });
        task.await.expect("it is not cancelled");
    });
}

#[test]
fn thousands_of_watchers_on_one_stream_are_told_everything_in_order() {
    told(1, 5_000);
}

#[test]
fn thousands_of_streams_are_told_everything_in_order() {
    told(3_000, 1);
}
