//! Creating and ending watchers and streams: G38 to G44, G51, G52.

use detcd_api::Error;
use detcd_api::etcdserverpb::{WatchCreateRequest, WatchResponse};
use detcd_node::watch::Counts;
use tonic::{Code, Status};

use super::world::{World, everything, from, key, range, require_leader, revision, settle, words};

fn with_id(watch_id: i64, request: WatchCreateRequest) -> WatchCreateRequest {
    WatchCreateRequest { watch_id, ..request }
}

fn refusal(response: &WatchResponse) -> &str {
    assert!(response.created && response.canceled, "{response:?}");
    assert_eq!(response.watch_id, -1);
    assert_eq!(response.compact_revision, 0);
    &response.cancel_reason
}

#[tokio::test]
async fn g38_server_counts_ids_from_zero_and_skips_those_in_use() {
    let world = World::new();
    let mut client = world.connect();
    for id in [0, 1, 0, 0] {
        client.create(with_id(id, key("a")));
    }
    client.cancel(0);
    client.create(key("a"));
    let ids: Vec<_> = client.rest().await.iter().map(|response| response.watch_id).collect();
    assert_eq!(ids, [0, 1, 2, 3, 0, 4], "created 0, 1, 2, 3, cancelled 0, created 4");
}

#[tokio::test]
async fn g38_each_stream_counts_for_itself() {
    let world = World::new();
    for _ in 0..2 {
        let mut client = world.connect();
        client.create(key("a"));
        assert_eq!(client.next().await.watch_id, 0);
    }
}

#[tokio::test]
async fn g38_id_in_use_is_refused_and_its_watcher_goes_on() {
    let world = World::new();
    let mut client = world.connect();
    client.create(with_id(5, key("a")));
    client.create(with_id(5, key("b")));
    client.next().await;
    let refused = client.next().await;
    assert_eq!(refusal(&refused), "mvcc: duplicate watch ID provided on the WatchStream");
    world.apply(&[("a", Some("1")), ("b", Some("2"))]);
    let response = client.next().await;
    assert_eq!((response.watch_id, words(&response.events)), (5, vec!["2 a=1".to_owned()]));
}

#[tokio::test]
async fn g39_empty_key_is_the_smallest_one() {
    let world = World::new();
    let mut client = world.watch(key("")).await;
    world.apply(&[("\0", Some("smallest")), ("a", Some("1"))]);
    assert_eq!(words(&client.events().await), ["2 \0=smallest"]);
}

#[tokio::test]
async fn g39_zero_byte_as_range_end_is_everything_from_the_key_on() {
    let world = World::new();
    let mut client = world.watch(range("b", "\0")).await;
    world.apply(&[("a", Some("1")), ("b", Some("2")), ("zz", Some("3"))]);
    assert_eq!(words(&client.events().await), ["2 b=2", "2 zz=3"]);
}

#[tokio::test]
async fn g39_range_end_is_exclusive() {
    let world = World::new();
    let mut client = world.watch(range("a", "c")).await;
    world.apply(&[("a", Some("1")), ("b", Some("2")), ("c", Some("3"))]);
    assert_eq!(words(&client.events().await), ["2 a=1", "2 b=2"]);
}

#[tokio::test]
async fn g39_range_without_keys_is_refused() {
    let world = World::new();
    let mut client = world.connect();
    for request in [range("c", "a"), range("c", "c"), range("", "\0")] {
        client.create(request);
    }
    assert_eq!(refusal(&client.next().await), "mvcc: watcher range is empty");
    assert_eq!(refusal(&client.next().await), "mvcc: watcher range is empty");
    assert!(!client.next().await.canceled, "an empty key and a zero byte name all keys");
}

#[tokio::test]
async fn g40_created_is_first_and_says_the_current_revision() {
    let world = World::new();
    world.put("a", "1");
    world.put("a", "2");
    let mut client = world.connect();
    client.create(from(2, key("a")));
    settle().await;
    world.put("a", "3");
    let responses = client.rest().await;
    let created = &responses[0];
    assert!(created.created && created.events.is_empty());
    assert_eq!(revision(created), 3);
    let header = created.header.unwrap();
    assert_eq!((header.cluster_id, header.member_id, header.raft_term), (77, 7, 3));
    let events: Vec<_> =
        responses[1..].iter().flat_map(|response| words(&response.events)).collect();
    assert_eq!(events, ["2 a=1", "3 a=2", "4 a=3"]);
}

#[tokio::test]
async fn g41_start_zero_means_from_now_on() {
    let world = World::new();
    world.put("a", "1");
    let mut client = world.watch(key("a")).await;
    world.put("a", "2");
    assert_eq!(words(&client.events().await), ["3 a=2"]);
}

#[tokio::test]
async fn g41_start_in_the_future_waits_for_its_revision() {
    let world = World::new();
    let mut client = world.watch(from(4, key("a"))).await;
    for value in ["2", "3", "4", "5"] {
        world.put("a", value);
    }
    assert_eq!(words(&client.events().await), ["4 a=4", "5 a=5"]);
}

#[tokio::test]
async fn g41_start_at_the_end_of_time_is_a_future_like_any_other() {
    let world = World::new();
    let mut client = world.watch(from(i64::MAX, key("a"))).await;
    world.put("a", "1");
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn g41_negative_start_is_refused_as_compacted() {
    let world = World::new();
    let mut client = world.connect();
    client.create(from(-1, key("a")));
    let text = "etcdserver: mvcc: required revision has been compacted";
    assert_eq!(refusal(&client.next().await), text);
}

#[tokio::test]
async fn g42_start_before_the_compacted_revision_is_created_then_cancelled() {
    let world = World::new();
    for _ in 0..4 {
        world.put("a", "1");
    }
    world.history.compact(4);
    let mut client = world.watch(from(3, key("a"))).await;
    let canceled = client.next().await;
    assert!(canceled.canceled && !canceled.created);
    assert_eq!((canceled.watch_id, canceled.compact_revision), (0, 4));
    assert_eq!(canceled.cancel_reason, "");
    assert_eq!(revision(&canceled), 0);
    world.put("a", "2");
    assert!(client.rest().await.is_empty(), "a cancelled watcher hears nothing");
    assert_eq!(world.hub.counts(), Counts { streams: 1, synced: 0, unsynced: 0 });
}

#[tokio::test]
async fn g42_id_of_a_watcher_that_a_compaction_ended_is_free_once_it_is_cancelled() {
    let world = World::new();
    for _ in 0..4 {
        world.put("a", "1");
    }
    world.history.compact(4);
    let mut client = world.watch(with_id(5, from(3, key("a")))).await;
    assert_eq!(client.next().await.compact_revision, 4);
    client.create(with_id(5, key("a")));
    let refused = client.next().await;
    assert_eq!(refusal(&refused), "mvcc: duplicate watch ID provided on the WatchStream");
    client.cancel(5);
    let canceled = client.next().await;
    assert!(canceled.canceled && canceled.watch_id == 5, "{canceled:?}");
    client.create(with_id(5, key("a")));
    let created = client.next().await;
    assert!(created.created && !created.canceled, "{created:?}");
    client.cancel(5);
    client.cancel(5);
    assert_eq!(client.rest().await.len(), 1, "once cancelled, the id is unknown");
}

#[tokio::test]
async fn g42_start_at_the_compacted_revision_is_served() {
    let world = World::new();
    for value in ["2", "3", "4", "5"] {
        world.put("a", value);
    }
    world.history.compact(4);
    let mut client = world.watch(from(4, key("a"))).await;
    assert_eq!(words(&client.events().await), ["4 a=4", "5 a=5"]);
}

#[tokio::test]
async fn g43_refused_permission_is_told_with_its_code() {
    let world = World::new();
    let texts = [
        (Error::PermissionDenied, "PermissionDenied desc = etcdserver: permission denied"),
        (Error::InvalidAuthToken, "Unauthenticated desc = etcdserver: invalid auth token"),
        (
            Error::AuthOldRevision,
            "InvalidArgument desc = etcdserver: revision of auth store is old",
        ),
        (Error::UserEmpty, "InvalidArgument desc = etcdserver: user name is empty"),
    ];
    let mut client = world.connect();
    for (error, text) in texts {
        world.member.refuse(error);
        client.create(key("a"));
        assert_eq!(refusal(&client.next().await), format!("rpc error: code = {text}"));
    }
}

#[tokio::test]
async fn g44_permission_is_asked_for_the_range_end_as_it_was_sent() {
    let world = World::new();
    let mut client = world.connect();
    client.create(range("a", "\0"));
    client.create(key(""));
    client.next().await;
    client.next().await;
    let asked = [(b"a".to_vec(), vec![0]), (vec![0], vec![])];
    assert_eq!(world.member.asked(), asked);
}

#[tokio::test]
async fn g51_cancel_ends_one_watcher_and_no_other() {
    let world = World::new();
    let mut client = world.connect();
    for id in [0, 7, 8] {
        client.create(with_id(id, key("a")));
        client.next().await;
    }
    world.put("a", "1");
    client.cancel(7);
    settle().await;
    let canceled = client.rest().await.into_iter().filter(|response| response.canceled);
    let canceled: Vec<_> = canceled.map(|one| (one.watch_id, revision(&one))).collect();
    assert_eq!(canceled, [(7, 2)]);
    world.put("a", "2");
    let told: Vec<_> = client.rest().await.iter().map(|response| response.watch_id).collect();
    assert_eq!(told, [0, 8]);
}

#[tokio::test]
async fn g51_unknown_id_is_left_unanswered() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    client.cancel(3);
    client.cancel(-1);
    assert!(client.rest().await.is_empty());
    world.put("a", "1");
    assert_eq!(client.events().await.len(), 1);
}

#[tokio::test]
async fn g51_id_can_be_used_again_after_cancel() {
    let world = World::new();
    let mut client = world.connect();
    client.create(with_id(5, key("a")));
    client.cancel(5);
    client.create(with_id(5, key("b")));
    client.rest().await;
    world.apply(&[("a", Some("1")), ("b", Some("2"))]);
    assert_eq!(words(&client.events().await), ["2 b=2"]);
}

#[tokio::test]
async fn g52_client_that_breaks_its_stream_is_told_so() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    client.break_off(Status::cancelled("reset"));
    let status = client.end().await;
    assert_eq!((status.code(), status.message()), (Code::Cancelled, "etcdserver: watch canceled"));
}

#[tokio::test]
async fn g52_stream_that_requires_a_leader_ends_without_one() {
    let world = World::new();
    let mut strict = world.try_connect(require_leader()).expect("there is a leader");
    let mut patient = world.watch(key("a")).await;
    settle().await;
    world.member.lose_leader();
    let status = strict.end().await;
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "etcdserver: no leader"));
    let refused = world.try_connect(require_leader()).err().expect("there is no leader");
    assert_eq!(refused.message(), "etcdserver: no leader");
    world.put("a", "1");
    assert_eq!(patient.events().await.len(), 1);
}

#[tokio::test]
async fn g52_status_reaches_a_client_that_was_slow() {
    let world = World::new();
    let mut client = world.try_connect(require_leader()).expect("there is a leader");
    client.create(everything());
    for _ in 0..100 {
        settle().await;
        world.put("a", "1");
    }
    world.member.lose_leader();
    settle().await;
    let mut read = 0;
    let status = loop {
        match client.try_next().await {
            Ok(_) => read += 1,
            Err(status) => break status,
        }
    };
    assert!(read < 100);
    assert_eq!(status.message(), "etcdserver: no leader");
}

#[tokio::test]
async fn client_may_close_its_direction_and_listen() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    client.close_requests();
    settle().await;
    world.put("a", "1");
    assert_eq!(client.events().await.len(), 1);
}

#[tokio::test]
async fn everything_is_freed_when_the_client_is_gone() {
    let world = World::new();
    world.put("a", "1");
    let mut client = world.connect();
    world.history.hold_reads();
    client.create(from(2, key("a")));
    client.create(key("a"));
    client.create(range("a", "b"));
    client.rest().await;
    assert_eq!(world.hub.counts(), Counts { streams: 1, synced: 2, unsynced: 1 });
    drop(client);
    settle().await;
    assert_eq!(world.hub.counts(), Counts::default());
    world.put("a", "2");
}

#[tokio::test]
async fn stop_ends_every_stream() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    world.stop.stop();
    assert_eq!(client.end().await.message(), "etcdserver: server stopped");
    settle().await;
    assert_eq!(world.hub.counts(), Counts::default());
}

#[tokio::test]
async fn stopped_history_ends_the_streams_that_need_it() {
    let world = World::new();
    world.put("a", "1");
    world.history.stop();
    let mut client = world.connect();
    client.create(from(2, key("a")));
    assert_eq!(client.end().await.message(), "etcdserver: server stopped");
}
