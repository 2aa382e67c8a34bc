//! Starts that are refused: what is said, the exit status, and that nothing is changed.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use detcd_node::config::Config;
use detcd_node::daemon as in_process;
use detcd_node::node::Environment;
use detcd_node::observer::NoObserver;
use detcd_node::runtime::tokio::{DirectoryDisk, TcpNetwork};

use super::daemon::{Cluster, Member, Scratch, eventually};
use super::load::{self, Client};
use super::{BINARY, typed::Typed};

fn member(scratch: &Scratch) -> Member {
    let mut member = Member::new(BINARY.as_ref(), scratch.path(), "alone");
    let cluster = format!("alone={}", member.peer_url());
    member.flags = vec!["--initial-cluster".to_owned(), cluster];
    member
}

/// Starts a member that must not come up, and returns what it says.
async fn refused(member: &Member, code: i32) -> String {
    let before = member.log().len();
    member.start();
    let status = member.ended().await;
    let said = member.log()[before..].to_owned();
    assert_eq!(status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// The member's files and what is in them.
fn files(member: &Member) -> BTreeMap<PathBuf, Vec<u8>> {
    let listed = fs::read_dir(member.data_dir.join("member")).unwrap();
    listed
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn segments(member: &Member) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
    files(member).into_keys().filter(is_segment).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

async fn connected(member: &Member) -> Typed {
    let what = format!("{} serves", member.name);
    eventually(&what, async || {
        let mut client = Typed::connect(&member.address()).await.ok()?;
        client.get("k", 0).await.ok().map(|_| client)
    })
    .await
}

/// Runs the member until it has written some keys, and kills it.
async fn run_and_kill(member: &Member, writes: usize) {
    member.start();
    let mut client = connected(member).await;
    for number in 0..writes {
        client.put(&format!("k{number}"), "some value").await.unwrap();
    }
    member.kill();
}

/// Fills the member's log with several segments, which takes another limit than the daemon's.
async fn fill_segments(member: &Member) {
    let directory = member.data_dir.join("member");
    let config = Config {
        name: member.name.clone(),
        listen_client_urls: vec![member.client_url()],
        advertise_client_urls: vec![member.client_url()],
        listen_peer_urls: vec![member.peer_url()],
        initial_advertise_peer_urls: vec![member.peer_url()],
        wal_segment_bytes: 4096,
        ..Config::default()
    };
    let environment = Environment {
        network: Arc::new(TcpNetwork),
        disk: Arc::new(DirectoryDisk::open(&directory).unwrap()),
        observer: Arc::new(NoObserver),
    };
    let node = in_process::start(config, environment).await.unwrap();
    let mut client = connected(member).await;
    for number in 0..50 {
        client.put(&format!("k{number}"), &"long ".repeat(100)).await.unwrap();
    }
    drop(client);
    in_process::stop(node).await;
    let released = async || DirectoryDisk::open(&directory).ok().map(drop);
    eventually("the end of the member in this process", released).await;
}

#[tokio::test]
async fn an_unknown_flag_is_refused_with_status_2() {
    let scratch = Scratch::new();
    let mut member = member(&scratch);
    member.flags.push("--no-such-flag".to_owned());
    let said = refused(&member, 2).await;
    assert!(said.contains("--no-such-flag"), "{said}");
    assert!(!member.data_dir.exists(), "it has left a directory behind");
}

#[tokio::test]
async fn a_name_that_is_not_in_the_initial_cluster_is_refused_with_etcds_text() {
    // S96.
    let scratch = Scratch::new();
    let mut member = Member::new(BINARY.as_ref(), scratch.path(), "yd-ops-etcd-node1");
    let cluster = format!("etcd-node1={}", member.peer_url());
    member.flags = vec![format!("--initial-cluster={cluster}")];
    let said = refused(&member, 1).await;
    let text =
        "couldn't find local name \"yd-ops-etcd-node1\" in the initial cluster configuration";
    assert!(said.contains(text), "{said}");
    assert!(said.contains("etcd-node1; set --name"), "{said}");
    assert!(!member.data_dir.exists(), "it has left a directory behind");
}

#[tokio::test]
async fn a_member_with_data_is_who_its_data_says_whatever_the_flags_say() {
    // K2.
    let scratch = Scratch::new();
    let mut member = member(&scratch);
    run_and_kill(&member, 3).await;
    member.start();
    let before = connected(&member).await.status().await.unwrap();
    member.kill();
    member.flags = vec![
        "--initial-cluster-token=another".to_owned(),
        "--initial-cluster=somebody=http://127.0.0.1:1".to_owned(),
        "--initial-cluster-state=existing".to_owned(),
    ];
    member.start();
    let mut client = connected(&member).await;
    let after = client.status().await.unwrap();
    assert_eq!(after.member, before.member);
    client.put("k", "v").await.unwrap();
}

#[tokio::test]
async fn a_founder_that_has_lost_its_disk_does_not_begin_anew() {
    // K1, K2.
    let cluster = Cluster::start(BINARY.as_ref(), 3);
    load::leader::<Typed>(&cluster).await;
    for member in &cluster.members {
        connected(member).await.put(&member.name, "v").await.unwrap();
    }
    let lost = &cluster.members[1];
    lost.kill();
    fs::remove_dir_all(&lost.data_dir).unwrap();
    let said = refused(lost, 1).await;
    assert!(said.contains("has already been bootstrapped"), "{said}");
    assert!(segments(lost).is_empty(), "it has begun a log");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    for peers in [false, true] {
        let scratch = Scratch::new();
        let member = member(&scratch);
        let (port, url) = if peers {
            (member.peer_port, member.peer_url())
        } else {
            (member.client_port, member.client_url())
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let said = refused(&member, 1).await;
        assert!(said.contains(&format!("listening on {url}")), "{said}");
        drop(listener);
        member.start();
        connected(&member).await;
    }
}

#[tokio::test]
async fn a_data_directory_in_use_is_refused_and_its_user_is_not_disturbed() {
    let scratch = Scratch::new();
    let first = member(&scratch);
    first.start();
    let mut client = connected(&first).await;
    let mut second = member(&scratch);
    second.data_dir = first.data_dir.clone();
    let said = refused(&second, 1).await;
    assert!(said.contains("in use by another process"), "{said}");
    assert!(said.contains(&first.data_dir.display().to_string()), "{said}");
    client.put("k", "v").await.unwrap();
}

/// The member refuses its log because of `segment`, at or before `damaged`, and changes nothing.
async fn refuses_its_log(member: &Member, segment: &Path, damaged: u64) {
    let before = files(member);
    let said = refused(member, 1).await;
    let expected = format!("segment {} is corrupt at offset ", name_of(segment));
    let (_, rest) = said.split_once(&expected).unwrap_or_else(|| panic!("{expected}: {said}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let offset: u64 = digits.parse().unwrap();
    assert!(offset <= damaged && damaged - offset < 4096, "damaged at {damaged}: {said}");
    assert!(files(member) == before, "files have changed");
}

#[tokio::test]
async fn a_flipped_bit_in_the_middle_of_the_log_is_located_and_nothing_is_changed() {
    let scratch = Scratch::new();
    let member = member(&scratch);
    run_and_kill(&member, 40).await;
    let segment = segments(&member).pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let middle = end / 2;
    bytes[middle] ^= 0x10;
    fs::write(&segment, bytes).unwrap();
    refuses_its_log(&member, &segment, middle as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_segment_in_the_middle_of_the_log_is_located_and_nothing_is_changed() {
    let scratch = Scratch::new();
    let member = member(&scratch);
    fill_segments(&member).await;
    let segments = segments(&member);
    assert!(segments.len() >= 3, "{segments:?}");
    let segment = &segments[segments.len() / 2];
    let middle = fs::metadata(segment).unwrap().len() / 2;
    let file = fs::OpenOptions::new().write(true).open(segment).unwrap();
    file.set_len(middle).unwrap();
    drop(file);
    refuses_its_log(&member, segment, middle).await;
}

#[tokio::test]
async fn a_missing_segment_in_the_middle_of_the_log_is_named() {
    let scratch = Scratch::new();
    let member = member(&scratch);
    fill_segments(&member).await;
    let segments = segments(&member);
    assert!(segments.len() >= 3, "{segments:?}");
    fs::remove_file(&segments[segments.len() / 2]).unwrap();
    let before = files(&member);
    let said = refused(&member, 1).await;
    assert!(said.contains("write-ahead log segment with sequence"), "{said}");
    assert!(said.contains("is missing"), "{said}");
    assert!(files(&member) == before, "files have changed");
}

#[tokio::test]
async fn a_log_that_ends_before_its_database_is_refused() {
    let scratch = Scratch::new();
    let member = member(&scratch);
    member.start();
    let mut client = connected(&member).await;
    for number in 0..20 {
        client.put(&format!("k{number}"), "v").await.unwrap();
    }
    // A clean stop makes everything durable in the database as well.
    member.terminate();
    member.ended().await;
    let segment = segments(&member).pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(end as u64 / 2).unwrap();
    for _ in 0..2 {
        let said = refused(&member, 1).await;
        assert!(said.contains("the write-ahead log ends at index"), "{said}");
        assert!(said.contains("the database covers index"), "{said}");
    }
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_everything_before_it_is_kept() {
    let scratch = Scratch::new();
    let member = member(&scratch);
    run_and_kill(&member, 20).await;
    let segment = segments(&member).pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // Half of a write that was under way when the power went.
    let torn = (end + 64).next_multiple_of(8);
    bytes.resize(bytes.len().max(torn + 100), 0);
    bytes[torn..torn + 100].fill(0xa5);
    fs::write(&segment, bytes).unwrap();
    for _ in 0..2 {
        member.start();
        let mut client = connected(&member).await;
        for number in 0..20 {
            let row = client.get(&format!("k{number}"), 0).await.unwrap().unwrap();
            assert_eq!(row.revision, number + 2);
        }
        member.kill();
    }
}
