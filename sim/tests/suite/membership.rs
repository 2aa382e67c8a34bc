//! Who counts as there when the membership is to change (G63, K8).

use std::time::Duration;

use detcd_api::etcdserverpb::MemberAddRequest;
use detcd_api::{Client, Error};
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimRuntime, Trace, World};

const LIMIT: Duration = Duration::from_secs(2);

/// Asks one member to add another; the text of the refusal.
async fn add(client: &ClientHost, through: usize) -> Result<(), String> {
    let channel = client.connect(through, LIMIT).await.expect("it is up");
    let mut cluster = Client::new(channel, http::Uri::from_static("http://member")).cluster();
    let peer_ur_ls = vec!["http://10.0.0.99:2380".to_owned()];
    let added = cluster.member_add(MemberAddRequest { peer_ur_ls, is_learner: false }).await;
    added.map(drop).map_err(|status| status.message().to_owned())
}

/// How a member goes away.
type Ending = fn(&Cluster, usize);

/// A follower of three ends, and another member is added at that very moment.
fn add_while_one_is_gone(seed: u64, end: Ending) {
    sim::run(seed, move || async move {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        let client = cluster.client("client", 1);
        let (inside, members) = (client.clone(), cluster.clone());
        let work = client.host().spawn(async move {
            SimRuntime::sleep(Duration::from_secs(10)).await;
            let leader = members.leader().expect("somebody leads by now");
            let gone = members.members().find(|member| *member != leader).expect("three members");
            let third = 6 - leader - gone;
            let unhealthy = Err(Error::Unhealthy.message().to_owned());
            end(&members, gone);
            assert_eq!(add(&inside, leader).await, unhealthy, "at once");
            SimRuntime::sleep(Duration::from_secs(3)).await;
            assert_eq!(add(&inside, third).await, unhealthy, "a while later");
            members.restart(gone);
            members.heal_all();
            SimRuntime::sleep(Duration::from_secs(4)).await;
            assert_eq!(add(&inside, leader).await, unhealthy, "it is not there for long");
            SimRuntime::sleep(Duration::from_secs(4)).await;
            assert_eq!(add(&inside, third).await, Ok(()), "it is back");
        });
        work.await.expect("the client comes to its end");
    });
}

#[test]
fn nobody_is_added_from_the_moment_that_a_member_is_killed() {
    for seed in 0..4 {
        add_while_one_is_gone(seed, |cluster, member| cluster.kill(member));
    }
}

#[test]
fn nobody_is_added_from_the_moment_that_a_member_falls_silent() {
    for seed in 0..4 {
        add_while_one_is_gone(seed, |cluster, member| cluster.power_loss(member));
    }
}

#[test]
fn nobody_is_added_from_the_moment_that_a_new_leader_loses_a_follower() {
    // A new leader takes whoever answers at once for somebody who has long been there.
    for seed in 0..4 {
        sim::run(seed, || async {
            let world = World::new(Trace::default(), NetworkOptions::default());
            let config = ClusterConfig { members: 5, ..ClusterConfig::default() };
            let cluster = Cluster::boot(&world, &config);
            let client = cluster.client("client", 1);
            let (inside, members) = (client.clone(), cluster.clone());
            let work = client.host().spawn(async move {
                SimRuntime::sleep(Duration::from_secs(10)).await;
                let first = members.leader().expect("somebody leads by now");
                members.kill(first);
                let second = loop {
                    SimRuntime::sleep(Duration::from_millis(20)).await;
                    if let Some(leader) = members.leader().filter(|leader| *leader != first) {
                        break leader;
                    }
                };
                SimRuntime::sleep(Duration::from_millis(150)).await;
                let next = members.members().find(|member| ![first, second].contains(member));
                members.kill(next.expect("five members"));
                let unhealthy = Err(Error::Unhealthy.message().to_owned());
                // Three of five are left, and six would need four.
                assert_eq!(add(&inside, second).await, unhealthy);
            });
            work.await.expect("the client comes to its end");
        });
    }
}
