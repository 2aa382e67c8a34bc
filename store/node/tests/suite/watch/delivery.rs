//! What events look like to a client: G45 to G48.

use detcd_api::etcdserverpb::WatchCreateRequest;
use detcd_api::etcdserverpb::watch_create_request::FilterType;
use detcd_node::watch::Limits;
use prost::Message;

use super::world::{World, everything, from, key, range, revision, words};

fn with_prev_kv(request: WatchCreateRequest) -> WatchCreateRequest {
    WatchCreateRequest { prev_kv: true, ..request }
}

fn without(filter: FilterType, request: WatchCreateRequest) -> WatchCreateRequest {
    WatchCreateRequest { filters: vec![filter.into()], ..request }
}

#[tokio::test]
async fn g45_events_of_a_revision_share_a_response_in_the_order_of_the_request() {
    let world = World::new();
    let mut client = world.watch(everything()).await;
    world.put("a", "0");
    world.apply(&[("c", Some("1")), ("a", None), ("b", Some("2"))]);
    let told: Vec<_> =
        client.rest().await.iter().map(|one| (revision(one), words(&one.events))).collect();
    let expected = [(2, vec!["2 a=0"]), (3, vec!["3 c=1", "3 -a", "3 b=2"])];
    assert_eq!(told.len(), expected.len());
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!((told.0, told.1.iter().map(String::as_str).collect()), expected);
    }
}

#[tokio::test]
async fn g45_replayed_revision_is_never_divided() {
    // Each batch ends after a revision; its limits are smaller than any revision here.
    let world = World::with(Limits { batch_bytes_max: 1, queue_bytes_max: 1, ..Limits::default() });
    for _ in 0..5 {
        world.apply(&[("a", Some("1")), ("b", Some("2")), ("c", Some("3"))]);
    }
    let mut client = world.watch(from(2, everything())).await;
    let told = client.rest().await;
    assert!(told.iter().all(|response| response.events.len() % 3 == 0));
    assert!(told.iter().all(|response| revision(response) == 6), "the store is at revision 6");
    assert_eq!(told.iter().map(|response| response.events.len()).sum::<usize>(), 15);
}

#[tokio::test]
async fn g45_overlapping_watchers_are_told_each_for_itself() {
    let world = World::new();
    let mut client = world.connect();
    for request in [key("b"), range("a", "c"), range("b", "\0"), everything(), key("c")] {
        client.create(request);
    }
    client.rest().await;
    world.put("b", "1");
    let told: Vec<_> = client.rest().await.iter().map(|response| response.watch_id).collect();
    assert_eq!(told, [0, 1, 2, 3]);
}

#[tokio::test]
async fn g46_delete_has_key_and_revision_only_and_put_has_all() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    world.put("a", "1");
    world.put("a", "2");
    world.delete("a");
    let events = client.events().await;
    let put = events[1].kv.as_ref().unwrap();
    assert_eq!((put.create_revision, put.mod_revision, put.version), (2, 3, 2));
    let delete = events[2].kv.as_ref().unwrap();
    assert_eq!((delete.create_revision, delete.mod_revision, delete.version), (0, 4, 0));
    assert!(delete.value.is_empty());
    assert!(events.iter().all(|event| event.prev_kv.is_none()), "nobody asked for them");
}

#[tokio::test]
async fn g46_previous_value_is_the_one_before_and_none_for_a_creation() {
    let world = World::new();
    let mut live = world.watch(with_prev_kv(key("a"))).await;
    world.put("a", "1");
    world.put("b", "other");
    world.put("a", "2");
    world.delete("a");
    world.put("a", "3");
    let expected = ["2 a=1", "4 a=2 (1)", "5 -a (2)", "6 a=3"];
    assert_eq!(words(&live.events().await), expected);
    let mut replayed = world.watch(from(1, with_prev_kv(key("a")))).await;
    assert_eq!(words(&replayed.events().await), expected);
}

#[tokio::test]
async fn g46_previous_value_is_left_out_where_it_is_compacted() {
    let world = World::new();
    for value in ["1", "2", "3", "4"] {
        world.put("a", value);
    }
    world.history.compact(4);
    let mut client = world.watch(from(4, with_prev_kv(key("a")))).await;
    assert_eq!(words(&client.events().await), ["4 a=3", "5 a=4 (3)"]);
}

#[tokio::test]
async fn g47_filters_drop_their_kind_and_nothing_else() {
    let world = World::new();
    world.put("a", "1");
    let mut deletes = world.watch(without(FilterType::Noput, everything())).await;
    let mut puts = world.watch(without(FilterType::Nodelete, everything())).await;
    world.apply(&[("b", Some("2")), ("a", None), ("c", Some("3"))]);
    world.put("d", "4");
    assert_eq!(words(&deletes.events().await), ["3 -a"]);
    assert_eq!(words(&puts.events().await), ["3 b=2", "3 c=3", "4 d=4"]);
    let mut replayed = world.watch(from(2, without(FilterType::Noput, everything()))).await;
    assert_eq!(words(&replayed.events().await), ["3 -a"]);
}

#[tokio::test]
async fn g47_revision_without_a_wanted_event_is_not_told() {
    let world = World::new();
    let mut client = world.watch(without(FilterType::Noput, everything())).await;
    world.put("a", "1");
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn g47_unknown_and_both_filters_are_legal() {
    let world = World::new();
    let both = vec![FilterType::Noput.into(), FilterType::Nodelete.into()];
    let mut none = world.watch(WatchCreateRequest { filters: both, ..everything() }).await;
    let mut all = world.watch(WatchCreateRequest { filters: vec![9], ..everything() }).await;
    world.put("a", "1");
    world.delete("a");
    assert!(none.rest().await.is_empty());
    assert_eq!(all.events().await.len(), 2);
}

#[tokio::test]
async fn g48_large_revision_is_fragmented_only_where_allowed() {
    let mut world = World::new();
    world.options.max_request_bytes = 1 << 10;
    let bytes_max = (1 << 10) + (512 << 10);
    let fragmented = WatchCreateRequest { fragment: true, ..everything() };
    let mut fragmented = world.watch(fragmented).await;
    let mut whole = world.watch(everything()).await;
    let value = "v".repeat(200 << 10);
    let keys = ["a", "b", "c", "d", "e"];
    let changes: Vec<_> = keys.iter().map(|key| (*key, Some(value.as_str()))).collect();
    world.apply(&changes);
    world.put("f", "small");

    let whole = whole.rest().await;
    assert_eq!(whole.iter().map(|one| one.events.len()).collect::<Vec<_>>(), [5, 1]);
    assert!(whole.iter().all(|one| !one.fragment));

    let told = fragmented.rest().await;
    let shape: Vec<_> = told.iter().map(|one| (one.events.len(), one.fragment)).collect();
    assert_eq!(shape, [(2, true), (2, true), (1, false), (1, false)]);
    assert!(told.iter().all(|one| one.encoded_len() < bytes_max));
    assert!(told.iter().all(|one| one.watch_id == 0 && one.header == Some(header(revision(one)))));
    let events: Vec<_> = told.into_iter().flat_map(|one| one.events).collect();
    assert_eq!(events, whole.into_iter().flat_map(|one| one.events).collect::<Vec<_>>());
}

fn header(revision: i64) -> detcd_api::etcdserverpb::ResponseHeader {
    detcd_api::etcdserverpb::ResponseHeader { cluster_id: 77, member_id: 7, revision, raft_term: 3 }
}

#[tokio::test]
async fn g48_single_large_event_is_sent_whole() {
    let mut world = World::new();
    world.options.max_request_bytes = 1;
    let mut client = world.watch(WatchCreateRequest { fragment: true, ..everything() }).await;
    world.put("a", &"v".repeat(600 << 10));
    let told = client.rest().await;
    assert_eq!((told.len(), told[0].fragment), (1, false));
}
