//! A member that is asked to stop leaves in good order.

use super::daemon::{Cluster, eventually};
use super::load::{self, Client};
use super::{BINARY, typed::Typed};

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_terminated_hands_over_and_exits_with_143() {
    let mut cluster = Cluster::plan(BINARY.as_ref(), 3);
    for member in &mut cluster.members {
        // Long enough that no election comes in between.
        member.flags.push("--election-timeout=3000".to_owned());
        member.start();
    }
    let old = load::leader::<Typed>(&cluster).await;
    for member in &cluster.members {
        // One that does not serve yet could not take over, or tell that it has.
        let serves = async || Typed::connect(&member.address()).await.ok();
        eventually(&format!("{} serves", member.name), serves).await;
    }
    old.terminate();
    assert_eq!(old.ended().await.code(), Some(143), "{}", old.log());
    // Whoever waits for an election still follows the old leader now: a hand-over has taken place
    // if one of the others leads already.
    let mut leads = false;
    for member in cluster.members.iter().filter(|member| member.name != old.name) {
        let status = Typed::connect(&member.address()).await.unwrap().status().await.unwrap();
        leads |= status.leader == status.member;
    }
    assert!(leads, "nobody has taken over from {}", old.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_restarted_in_turn_under_load_lose_no_acknowledged_write_and_no_event() {
    let cluster = Cluster::start(BINARY.as_ref(), 3);
    load::members_are_restarted_in_turn::<Typed>(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_terminated_keeps_its_data() {
    let cluster = Cluster::start(BINARY.as_ref(), 1);
    let [member] = cluster.members.as_slice() else { panic!("one member was asked for") };
    load::leader::<Typed>(&cluster).await;
    let mut client = Typed::connect(&member.address()).await.unwrap();
    let revision = client.put("k", "v").await.unwrap();
    member.terminate();
    assert_eq!(member.ended().await.code(), Some(143));
    member.start();
    load::leader::<Typed>(&cluster).await;
    let mut client = Typed::connect(&member.address()).await.unwrap();
    let row = client.get("k", 0).await.unwrap().unwrap();
    assert_eq!((row.value.as_str(), row.revision), ("v", revision));
}
