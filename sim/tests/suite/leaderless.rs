//! A cluster that nobody leads: whoever requires a leader is told at once, nobody else waits for long, and
//! watches that require one end (G18, G52, G93; E44). A member that is cut off knows it by itself (K12, K26, G70).

use std::time::Duration;

use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{
    MemberListRequest, PutRequest, RangeRequest, StatusRequest, WatchCreateRequest, WatchRequest,
};
use detcd_api::{Client, Error};
use detcd_node::grpc::Channel;
use futures_util::{StreamExt, stream};
use openraft_rt::{AsyncRuntime, Instant};
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimInstant, SimRuntime, Trace, World, run};
use tonic::{Code, Request, Status};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(2);
/// What the members are told, and etcd's default.
const ELECTION_TIMEOUT: Duration = SECOND;

fn requiring_leader<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("hasleader", "true".parse().expect("it is text"));
    request
}

async fn client(host: &ClientHost, member: usize) -> Client<Channel> {
    loop {
        if let Ok(channel) = host.connect(member, LIMIT).await {
            return Client::new(channel, http::Uri::from_static("http://member"));
        }
        R::sleep(SECOND / 10).await;
    }
}

/// Waits until the cluster takes a write.
async fn until_led(host: &ClientHost) {
    loop {
        let put = PutRequest { key: "begun".into(), ..Default::default() };
        let client = client(host, 1).await;
        if matches!(R::timeout(LIMIT, client.kv().put(put)).await, Ok(Ok(_))) {
            return;
        }
    }
}

/// How a request was refused, and how long that took.
async fn refused<T>(asking: impl Future<Output = Result<T, Status>> + Send) -> (Status, Duration) {
    let begin = SimInstant::now();
    match R::timeout(30 * SECOND, asking).await {
        Ok(Err(status)) => (status, begin.elapsed()),
        Ok(Ok(_)) => panic!("it was answered without a leader"),
        Err(_) => panic!("it was not answered at all"),
    }
}

fn assert_no_leader(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert_eq!(status.message(), "etcdserver: no leader");
}

/// Three members, each alone; the second result is who led before.
async fn torn_apart(seed: u64) -> (Cluster, ClientHost, usize) {
    let world = World::new(Trace::default(), NetworkOptions::default());
    let cluster = Cluster::boot(&world, &ClusterConfig::default());
    let host = cluster.client("client", seed as usize);
    let inside = host.clone();
    host.host().spawn(async move { until_led(&inside).await }).await.expect("it runs");
    let leader = cluster.leader().expect("somebody leads after a write");
    cluster.partition(&[vec![1], vec![2], vec![3]]);
    // etcd's members forget their leader after one to two election timeouts.
    R::sleep(2 * ELECTION_TIMEOUT).await;
    (cluster, host, leader)
}

#[test]
fn whoever_requires_a_leader_is_told_at_once_and_others_soon() {
    run(1, || async {
        let (cluster, host, leader) = torn_apart(1).await;
        let members: Vec<usize> = cluster.members().collect();
        let inside = host.clone();
        let asking = host.host().spawn(async move {
            for member in members {
                let client = client(&inside, member).await;
                let put = || PutRequest { key: "k".into(), ..Default::default() };
                let range = || RangeRequest { key: "k".into(), ..Default::default() };
                for asking in [0, 1] {
                    let (mut kv, leads) = (client.kv(), member == leader);
                    let (status, took) = match asking {
                        0 => refused(kv.put(requiring_leader(put()))).await,
                        _ => refused(kv.range(requiring_leader(range()))).await,
                    };
                    assert_no_leader(&status);
                    assert!(took < SECOND / 2, "member {member} ({leads}) needed {took:?}");
                }
                for asking in [0, 1] {
                    let mut kv = client.kv();
                    let (status, took) = match asking {
                        0 => refused(kv.put(put())).await,
                        _ => refused(kv.range(range())).await,
                    };
                    assert_no_leader(&status);
                    assert!(took < 3 * ELECTION_TIMEOUT, "member {member} needed {took:?}");
                }
                // G68.
                let mut cluster = client.cluster();
                let agreed = MemberListRequest { linearizable: true };
                assert_no_leader(&refused(cluster.member_list(agreed)).await.0);
                let local = MemberListRequest { linearizable: false };
                let list = cluster.member_list(local).await.expect("local reads need nobody");
                assert_eq!(list.into_inner().members.len(), 3);
                let local = RangeRequest { serializable: true, ..range() };
                let read = client.kv().range(local).await.expect("local reads need nobody");
                assert_eq!(read.into_inner().count, 0);
                let status = client.maintenance().status(StatusRequest {}).await;
                let status = status.expect("it needs nobody").into_inner();
                assert_eq!(
                    (status.leader, status.errors),
                    (0, vec!["etcdserver: no leader".into()])
                );
            }
        });
        asking.await.expect("it is not cancelled");
        cluster.heal_all();
        let inside = host.clone();
        let healed = host.host().spawn(async move { until_led(&inside).await });
        R::timeout(20 * SECOND, healed).await.expect("it heals").expect("it is not cancelled");
    });
}

#[test]
fn a_watch_that_requires_a_leader_ends_without_one_and_others_stay() {
    run(2, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        let host = cluster.client("client", 1);
        let (inside, torn) = (host.clone(), cluster.clone());
        let watching = host.host().spawn(async move {
            until_led(&inside).await;
            let client = client(&inside, 2).await;
            let create = WatchCreateRequest { key: "k".into(), ..Default::default() };
            let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
            let requests = || stream::iter([create.clone()]).chain(stream::pending());
            let mut watch = client.watch();
            let strict = watch.watch(requiring_leader(requests())).await.expect("it is led");
            let (mut strict, begin) = (strict.into_inner(), SimInstant::now());
            let calm = watch.watch(requests()).await.expect("it is led");
            let mut calm = calm.into_inner();
            assert!(strict.message().await.expect("it is led").expect("it is created").created);
            assert!(calm.message().await.expect("it is led").expect("it is created").created);
            torn.partition(&[vec![1], vec![2], vec![3]]);
            let ended = R::timeout(30 * SECOND, strict.message()).await.expect("it is told");
            assert_no_leader(&ended.expect_err("nobody leads"));
            let took = begin.elapsed();
            assert!(took >= 3 * ELECTION_TIMEOUT && took < 7 * ELECTION_TIMEOUT, "{took:?}");
            assert!(R::timeout(5 * SECOND, calm.message()).await.is_err(), "it ended as well");
            let refused = refused(client.watch().watch(requiring_leader(requests()))).await;
            assert_no_leader(&refused.0);
            torn.heal_all();
            until_led(&inside).await;
            let again = client.watch().watch(requiring_leader(requests())).await;
            again.expect("it is led again");
        });
        watching.await.expect("it is not cancelled");
    });
}

#[test]
fn a_request_that_nobody_answers_ends_in_time() {
    run(3, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        let host = cluster.client("client", 1);
        let inside = host.clone();
        host.host().spawn(async move { until_led(&inside).await }).await.expect("it runs");
        let leader = cluster.leader().expect("somebody leads after a write");
        let inside = host.clone();
        let others: Vec<usize> = cluster.members().filter(|member| *member != leader).collect();
        // The leader reaches nobody any more and does not know it yet.
        for other in others {
            cluster.cut(leader, other);
            cluster.cut(other, leader);
        }
        let asking = host.host().spawn(async move {
            let client = client(&inside, leader).await;
            let put = PutRequest { key: "k".into(), ..Default::default() };
            refused(client.kv().put(put)).await
        });
        let (status, took) = asking.await.expect("it is not cancelled");
        assert_eq!(status.code(), Code::Unavailable);
        // 5 s and two election timeouts.
        assert!(took <= 7 * SECOND + SECOND / 2, "{took:?}");
        let known = [
            "etcdserver: request timed out",
            "etcdserver: request timed out, possibly due to connection lost",
            "etcdserver: leader changed",
            "etcdserver: no leader",
        ];
        assert!(known.contains(&status.message()), "{status:?}");
    });
}

/// The leader that a member reports, and what it finds wrong.
async fn status(client: &ClientHost, member: usize) -> (u64, Vec<String>) {
    let channel = client.connect(member, LIMIT).await.expect("clients reach everybody");
    let mut upkeep = Client::new(channel, http::Uri::from_static("http://member")).maintenance();
    let status = upkeep.status(StatusRequest {}).await.expect("a member answers for itself");
    let status = status.into_inner();
    (status.leader, status.errors)
}

#[test]
fn who_hears_nothing_from_a_leader_or_a_quorum_reports_no_leader() {
    run(3, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        let client = cluster.client("client", 1);
        let (inside, members) = (client.clone(), cluster.clone());
        let work = client.host().spawn(async move {
            R::sleep(Duration::from_secs(3)).await;
            let leader = members.leader().expect("somebody leads by now");
            let id = members.id(leader).expect("it has joined");
            for member in 1..=3 {
                assert_eq!(status(&inside, member).await, (id, vec![]), "member {member}");
            }
            members.partition(&[vec![1], vec![2], vec![3]]);
            // Two election timeouts, and a little for what was under way.
            R::sleep(Duration::from_millis(2_500)).await;
            for member in 1..=3 {
                let expected = (0, vec![Error::NoLeader.message().to_owned()]);
                assert_eq!(status(&inside, member).await, expected, "member {member}");
            }
            members.heal_all();
            R::sleep(Duration::from_secs(10)).await;
            for member in 1..=3 {
                assert_ne!(status(&inside, member).await.0, 0, "member {member}");
            }
        });
        work.await.expect("the client comes to its end");
    });
}
