//! A member that is cut off knows by itself that nobody leads it, and says so (K12, K26, G70).

use std::time::Duration;

use detcd_api::etcdserverpb::StatusRequest;
use detcd_api::{Client, Error};
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimRuntime, Trace, World};

const LIMIT: Duration = Duration::from_secs(2);

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
    sim::run(3, || async {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        let client = cluster.client("client", 1);
        let (inside, members) = (client.clone(), cluster.clone());
        let work = client.host().spawn(async move {
            SimRuntime::sleep(Duration::from_secs(3)).await;
            let leader = members.leader().expect("somebody leads by now");
            let id = members.id(leader).expect("it has joined");
            for member in 1..=3 {
                assert_eq!(status(&inside, member).await, (id, vec![]), "member {member}");
            }
            members.partition(&[vec![1], vec![2], vec![3]]);
            // Two election timeouts, and a little for what was under way.
            SimRuntime::sleep(Duration::from_millis(2_500)).await;
            for member in 1..=3 {
                let expected = (0, vec![Error::NoLeader.message().to_owned()]);
                assert_eq!(status(&inside, member).await, expected, "member {member}");
            }
            members.heal_all();
            SimRuntime::sleep(Duration::from_secs(10)).await;
            for member in 1..=3 {
                assert_ne!(status(&inside, member).await.0, 0, "member {member}");
            }
        });
        work.await.expect("the client comes to its end");
    });
}
