//! The unmodified `etcdctl` against real members: it prints what etcd's users know.

use clients::daemon::{Cluster, eventually, pause};
use clients::etcdctl::Etcdctl;
use clients::{daemon_binary, transcript};

async fn plays(text: &str, size: usize) {
    let Some(etcdctl) = Etcdctl::find() else { return };
    let cluster = Cluster::start(&daemon_binary(), size);
    transcript::play(text, &etcdctl, &cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_member_answers_as_etcd_does() {
    plays(include_str!("transcripts/single.txt"), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_members_answer_as_etcd_does_while_one_dies_and_comes_back() {
    plays(include_str!("transcripts/three.txt"), 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_changes_its_members_and_its_leader_as_etcd_does() {
    plays(include_str!("transcripts/membership.txt"), 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_names_no_revision_tells_what_comes_after_it() {
    // S31. Nothing tells when such a watch stands: the key is written until it does.
    let Some(etcdctl) = Etcdctl::find() else { return };
    let cluster = Cluster::start(&daemon_binary(), 1);
    let [member] = cluster.members.as_slice() else { panic!("one member was asked for") };
    let endpoint = member.client_url();
    let put = || etcdctl.run("etcdctl put /testwatch 'i am Azheng'", &endpoint).stdout == b"OK\n";
    eventually("a member that takes a write", async || put().then_some(())).await;
    let output = member.data_dir.with_extension("watched");
    let mut watch = etcdctl.start("watch /testwatch", &endpoint, &output);
    let line = "PUT\n/testwatch\ni am Azheng\n";
    let printed = eventually("an event", async || {
        assert!(put(), "a write was refused");
        pause().await;
        Some(watch.printed()).filter(|printed| printed.len() >= line.len())
    })
    .await;
    assert_eq!(printed, line.repeat(printed.len() / line.len()));
    assert!(watch.runs(), "it has ended");
}
