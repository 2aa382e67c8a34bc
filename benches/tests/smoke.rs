//! Every measurement runs at a tiny size and counts what it did. How fast it was is nobody's business
//! here.

use std::sync::Arc;

use benches::checker::{self, Shape};
use benches::judged::{self, Judged};
use benches::load::{self, End, Error, Load, Work};
use benches::simulator::{self, Simulation};
use benches::watchers::{self, Watchers};
use detcd_node::config::Config;
use detcd_node::daemon;
use detcd_node::node::Environment;
use detcd_node::observer::NoObserver;
use detcd_node::runtime::tokio::{DirectoryDisk, TcpNetwork};
use jepsen_like::checker::Verdict;

fn load(work: Work) -> Load {
    Load {
        work,
        clients: 3,
        connections: 2,
        end: End::Requests(30),
        keys: 5,
        key_bytes: 4,
        value_bytes: 16,
    }
}

#[tokio::test]
async fn every_request_of_a_load_is_counted_once() {
    let folder = std::env::temp_dir().join(format!("detcd-benches-{}", std::process::id()));
    let environment = Environment {
        network: Arc::new(TcpNetwork),
        disk: Arc::new(DirectoryDisk::open(&folder).unwrap()),
        observer: Arc::new(NoObserver),
    };
    let config = Config {
        listen_client_urls: vec!["http://127.0.0.1:0".to_owned()],
        listen_peer_urls: vec!["http://127.0.0.1:0".to_owned()],
        ..Config::default()
    };
    let node = daemon::start(config, environment).await.unwrap();
    node.replica().read_barrier().await.unwrap();
    let endpoints = node.client_addresses().to_vec();
    for work in [Work::Put, Work::Range, Work::SerializableRange] {
        let measured = load::run(&load(work), &endpoints, &[std::process::id()]).await.unwrap();
        assert_eq!((measured.latencies.count(), measured.failures), (30, 0), "{work}");
    }
    let shape = Watchers { streams: 3, watchers: 5, puts: 7 };
    let measured = watchers::run(shape, &endpoints[0], &[std::process::id()]).await.unwrap();
    assert_eq!((measured.events, measured.latencies.count()), (3 * 5 * 7, 3 * 7));
    daemon::stop(node).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_load_that_cannot_be_is_refused() {
    let nobody = load::run(&load(Work::Put), &[], &[]).await;
    assert!(matches!(nobody, Err(Error::Nothing)), "{nobody:?}");
    let crowded = Load { keys: 100_000, ..load(Work::Put) };
    let refused = load::run(&crowded, &["127.0.0.1:1".to_owned()], &[]).await;
    assert!(matches!(refused, Err(Error::KeysDoNotFit { .. })), "{refused:?}");
}

#[test]
fn a_simulated_cluster_answers_all_puts() {
    let simulation = Simulation { seed: 1, members: 3, rate: 20, puts: 20 };
    let speed = simulator::run(simulation);
    assert_eq!(speed.answered, 20);
    // Twenty puts at twenty per second; the last ones may be late, but never early.
    assert!(speed.simulated.as_millis() >= 999, "{:?}", speed.simulated);
    let again = simulator::run(Simulation { rate: 0, ..simulation });
    assert_eq!(again.answered, 20);
    assert!(again.simulated < speed.simulated, "no pause, no second");
}

#[test]
fn a_calm_run_passes_and_has_the_rate_that_was_asked_for() {
    let speed = judged::measure(Judged { seed: 1, members: 3, rate: 60, seconds: 10 });
    assert_eq!(speed.verdict, reports::Verdict::Pass);
    let rate = speed.operations as f64 / speed.simulated.as_secs_f64();
    assert!((40.0..80.0).contains(&rate), "{speed}");
}

#[test]
fn a_generated_history_is_legal() {
    for unknown_one_in in [0, 7] {
        let shape = Shape { operations: 500, clients: 8, keys: 10, unknown_one_in };
        let checked = checker::run(shape, 0);
        assert_eq!(checked.verdict, Verdict::Pass, "{shape:?}");
        assert_eq!(checked.unknown, if unknown_one_in == 0 { 0 } else { 71 });
        assert_eq!(checked.search, None);
    }
    let small = Shape { operations: 100, clients: 8, keys: 10, unknown_one_in: 50 };
    let (verdict, _) = checker::run(small, 100).search.expect("it is small enough");
    assert_eq!(verdict, Verdict::Pass, "the search agrees");
}
