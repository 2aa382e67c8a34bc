//! Members that are killed lose nothing that was acknowledged.

use super::daemon::Cluster;
use super::typed::Typed;
use super::{BINARY, load};

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_killed_under_load_loses_no_acknowledged_write_and_no_event() {
    let cluster = Cluster::start(BINARY.as_ref(), 3);
    load::leader_is_killed::<Typed>(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_members_killed_under_load_lose_no_acknowledged_write_and_no_event() {
    let cluster = Cluster::start(BINARY.as_ref(), 3);
    load::all_are_killed::<Typed>(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_member_killed_under_load_loses_no_acknowledged_write_and_no_event() {
    let cluster = Cluster::start(BINARY.as_ref(), 1);
    load::all_are_killed::<Typed>(&cluster).await;
}
