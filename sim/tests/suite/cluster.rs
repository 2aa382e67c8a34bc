//! A whole cluster in one thread: it elects a leader, serves through every member, survives the loss of
//! its leader, and replays to the event.

use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::{PutRequest, RangeRequest};
use openraft_rt::AsyncRuntime;
use sim::cluster::Witness;
use sim::disk::Times;
use sim::network::NetworkOptions;
use sim::trace::Recording;
use sim::{ClientHost, Cluster, ClusterConfig, SimRuntime, Trace, World};

const LIMIT: Duration = Duration::from_secs(2);

/// Puts through one member until it works; the revision of the put.
async fn put(client: &ClientHost, member: usize, key: String) -> i64 {
    loop {
        if let Ok(channel) = client.connect(member, LIMIT).await {
            let mut kv = Client::new(channel, http::Uri::from_static("http://member")).kv();
            let request = PutRequest { key: key.clone().into(), ..PutRequest::default() };
            if let Ok(Ok(response)) = SimRuntime::timeout(LIMIT, kv.put(request)).await {
                return response.into_inner().header.expect("a response has a header").revision;
            }
        }
        SimRuntime::sleep(Duration::from_millis(100)).await;
    }
}

/// Keys that a linearizable read through one member counts.
async fn count(client: &ClientHost, member: usize) -> i64 {
    let channel = client.connect(member, LIMIT).await.expect("the member is up");
    let mut kv = Client::new(channel, http::Uri::from_static("http://member")).kv();
    let request = RangeRequest {
        key: "k".into(),
        range_end: "l".into(),
        count_only: true,
        ..RangeRequest::default()
    };
    kv.range(request).await.expect("a healthy cluster reads").into_inner().count
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    counts: Vec<i64>,
    elections: u64,
}

async fn lose_the_leader(trace: Trace) -> Outcome {
    let world = World::new(trace, NetworkOptions::default());
    let cluster = Cluster::boot(&world, &ClusterConfig::default());
    let client = cluster.client("client", 1);
    let (inside, members) = (client.clone(), cluster.clone());
    let work = client.host().spawn(async move {
        for at in 0..30 {
            put(&inside, at % 3 + 1, format!("k{at:02}")).await;
        }
        let leader = members.leader().expect("somebody leads after a write");
        members.power_loss(leader);
        let survivor = members.members().find(|member| *member != leader).expect("three members");
        put(&inside, survivor, "k99".to_owned()).await;
        members.restart(leader);
        put(&inside, leader, "k98".to_owned()).await;
        let mut counts = Vec::new();
        for member in members.members() {
            counts.push(count(&inside, member).await);
        }
        counts
    });
    let counts = work.await.expect("the client does not panic");
    Outcome { counts, elections: cluster.observed().elections() }
}

fn run(seed: u64) -> (Outcome, Recording) {
    sim::run(seed, || async {
        let trace = Trace::recorded();
        let outcome = lose_the_leader(trace.clone()).await;
        (outcome, trace.recording())
    })
}

#[test]
fn cluster_survives_the_power_loss_of_its_leader_and_replays() {
    for seed in 0..4 {
        let (outcome, events) = run(seed);
        assert_eq!(outcome.counts, [32, 32, 32], "seed {seed}");
        assert!(outcome.elections >= 2, "seed {seed}: nobody took over");
        let (again, events_again) = run(seed);
        assert_eq!(outcome, again);
        if let Some(difference) = events.first_difference(&events_again) {
            panic!("seed {seed} does not replay: {difference}");
        }
    }
}

/// What a member says of its log is compared with its disk at that moment.
#[test]
fn a_disk_whose_syncs_lie_is_seen_through() {
    let (sound, lying) = sim::run(11, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        let client = cluster.client("client", 1);
        let (inside, members) = (client.clone(), cluster.clone());
        let work = client.host().spawn(async move {
            put(&inside, 1, "k1".to_owned()).await;
            let sound = witnesses(&members);
            members.host(2).disk().set_faults(|faults| {
                faults.only = "wal-".to_owned();
                faults.sync_lies = Times::Always;
            });
            put(&inside, 2, "k2".to_owned()).await;
            (sound, witnesses(&members))
        });
        work.await.expect("the client finishes")
    });
    assert_eq!(sound, vec![]);
    assert!(!lying.is_empty(), "nobody saw that syncs lie");
    for (member, witness) in lying {
        let Witness::AtRisk { file, from } = witness else { panic!("not damaged: {witness:?}") };
        assert_eq!(member, 2);
        assert!(file.starts_with("wal-") && from >= 512, "{file} from {from}");
    }
}

/// What disks showed beside what members said.
fn witnesses(cluster: &Cluster) -> Vec<(usize, Witness)> {
    let records = cluster.observed().records_from(0).into_iter();
    records.filter_map(|record| Some((record.member, record.witness?))).collect()
}
