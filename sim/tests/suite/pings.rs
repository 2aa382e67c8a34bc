//! Clients that ping too often are sent away, and no others (G96).

use std::time::Duration;

use detcd_node::config::Config;
use detcd_node::runtime::Network;
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{Cluster, ClusterConfig, Host, SimRuntime, Trace, World, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::http2::{PREFACE, SETTINGS, frame, headers};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
const PING: u8 = 6;

/// Pings with a watch open that nothing happens on, and tells how many pings were sent until the member
/// ended the connection, if it did, and what it said last.
async fn ping(host: &Host, distance: Duration, has_stream: bool) -> (Option<usize>, Vec<u8>) {
    let mut connection = host.network().connect("10.0.0.1:2379").await.expect("it listens");
    let mut opening = [&PREFACE[..], &SETTINGS].concat();
    if has_stream {
        opening.extend(headers(1));
    }
    connection.write_all(&opening).await.expect("it is open");
    let mut told = Vec::new();
    for number in 0..20 {
        let pause = R::sleep(distance);
        if connection.write_all(&frame(PING, 0, 0, &[7; 8])).await.is_err() {
            return (Some(number), told);
        }
        pause.await;
        let mut bytes = [0; 4096];
        match R::timeout(SECOND / 100, connection.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return (Some(number), told),
            Ok(Ok(read)) => told = bytes[..read].to_vec(),
            Err(_) => {}
        }
    }
    (None, told)
}

fn pinging(distance: Duration, has_stream: bool) -> (Option<usize>, Vec<u8>) {
    run(1, move || async move {
        let world = World::new(Trace::default(), NetworkOptions::default());
        // etcd's own distance, which is 5 s; on the way some get nearer to each other.
        let config = ClusterConfig { members: 1, member: Config::default(), ..Default::default() };
        let cluster = Cluster::boot(&world, &config);
        let client = cluster.client("client", 1);
        R::sleep(5 * SECOND).await;
        let host = client.host().clone();
        let task = client.host().spawn(async move { ping(&host, distance, has_stream).await });
        task.await.expect("it is not cancelled")
    })
}

#[test]
fn g96_pings_at_a_distance_are_answered() {
    let (ended, told) = pinging(6 * SECOND, true);
    assert_eq!(ended, None);
    assert_eq!(told, frame(PING, 1, 0, &[7; 8]), "the last is answered as the first");
}

#[test]
fn g96_who_pings_too_often_is_told_to_calm_down() {
    for (distance, has_stream) in [(4 * SECOND, true), (60 * SECOND, false)] {
        let (ended, told) = pinging(distance, has_stream);
        assert!(ended.is_some_and(|pings| (3..8).contains(&pings)), "{ended:?} pings");
        let words = String::from_utf8_lossy(&told);
        assert!(words.ends_with("too_many_pings"), "{told:?}");
    }
}
