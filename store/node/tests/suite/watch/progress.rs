//! Progress: G49 and G50.

use std::time::Duration;

use detcd_api::etcdserverpb::WatchCreateRequest;
use detcd_node::watch::{Interest, KeyRange, Limits, Output, Subscription};

use super::world::{OFTEN, World, everything, from, key, revision, settle, words};

/// A subscription with one watcher that wants progress notifications; its creation was read.
fn notified(world: &World, request: WatchCreateRequest) -> Subscription {
    let mut subscription = world.hub.subscribe();
    let range = KeyRange::from_wire(request.key.clone(), request.range_end.clone()).unwrap();
    let interest = Interest::new(&WatchCreateRequest { progress_notify: true, ..request }, range);
    let id = subscription.create(0, interest).unwrap();
    let created = Output::Created { watch_id: id, revision: world.hub.revision() };
    assert_eq!(subscription.pop(), Some(created));
    subscription
}

fn progress(watch_id: i64, revision: i64) -> Option<Output> {
    Some(Output::Progress { watch_id, revision })
}

#[tokio::test]
async fn g49_silent_watcher_is_told_the_revision() {
    let world = World::new();
    let mut subscription = notified(&world, key("a"));
    world.put("b", "1");
    subscription.tick();
    assert_eq!(subscription.pop(), progress(0, 2));
    assert_eq!(subscription.pop(), None);
}

#[tokio::test]
async fn g49_watcher_that_was_told_something_waits_for_the_next_tick() {
    let world = World::new();
    let mut subscription = notified(&world, key("a"));
    world.put("a", "1");
    assert!(matches!(subscription.pop(), Some(Output::Events(_))));
    subscription.tick();
    assert_eq!(subscription.pop(), None);
    subscription.tick();
    assert_eq!(subscription.pop(), progress(0, 2));
}

#[tokio::test]
async fn g49_progress_comes_behind_events_that_were_not_sent_yet() {
    let world = World::new();
    let mut subscription = notified(&world, key("a"));
    world.put("a", "1");
    subscription.tick();
    assert!(matches!(subscription.pop(), Some(Output::Events(_))));
    assert_eq!(subscription.pop(), progress(0, 2));
}

#[tokio::test]
async fn g49_lagging_or_future_watcher_is_promised_nothing() {
    let world = World::new();
    world.put("a", "1");
    for start in [2, 9] {
        let mut subscription = notified(&world, from(start, key("a")));
        subscription.tick();
        assert_eq!(subscription.pop(), None, "start {start}");
    }
}

#[tokio::test]
async fn g49_only_watchers_that_asked_for_it_are_told() {
    let world = World::new();
    let mut subscription = world.hub.subscribe();
    let range = KeyRange::from_wire("a".into(), "".into()).unwrap();
    subscription.create(0, Interest::new(&key("a"), range)).unwrap();
    subscription.pop();
    assert!(!subscription.wants_ticks());
    subscription.tick();
    assert_eq!(subscription.pop(), None);
}

#[tokio::test]
async fn g49_stream_ticks_at_its_interval() {
    let mut world = World::new();
    // Below the least interval there is.
    world.options.progress_notify_interval = Duration::ZERO;
    let mut client = world.watch(WatchCreateRequest { progress_notify: true, ..key("a") }).await;
    world.put("b", "1");
    let told = client.next().await;
    assert_eq!((told.watch_id, revision(&told), told.events.len()), (0, 2, 0));
    assert!(!told.created && !told.canceled);
    assert!(world.options.progress_notify_interval < OFTEN);
}

#[tokio::test]
async fn g50_one_answer_for_all_watchers_of_the_stream() {
    let world = World::new();
    world.put("a", "1");
    let mut client = world.connect();
    client.create(key("a"));
    client.create(from(2, key("a")));
    client.rest().await;
    client.request_progress();
    let told = client.rest().await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].watch_id, revision(&told[0])), (-1, 2));
    assert!(told[0].events.is_empty() && !told[0].created && !told[0].canceled);
}

#[tokio::test]
async fn g50_answer_takes_its_turn_behind_the_events() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    for value in ["1", "2", "3"] {
        world.put("a", value);
        client.request_progress();
    }
    let mut seen = 1;
    for response in client.rest().await {
        match response.watch_id {
            -1 => assert!(revision(&response) <= seen, "{response:?} after revision {seen}"),
            _ => seen = response.events[0].kv.as_ref().unwrap().mod_revision,
        }
    }
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn g50_answer_waits_until_no_watcher_lags() {
    let world = World::new();
    world.put("a", "1");
    world.history.hold_reads();
    let mut client = world.watch(from(2, key("a"))).await;
    client.create(key("b"));
    client.next().await;
    client.request_progress();
    client.request_progress();
    assert!(client.rest().await.is_empty());
    world.put("b", "2");
    world.history.release_reads();
    let told = client.rest().await;
    let shape: Vec<_> = told.iter().map(|one| (one.watch_id, words(&one.events))).collect();
    assert_eq!(shape[0], (1, vec!["3 b=2".to_owned()]));
    assert_eq!(shape[1], (0, vec!["2 a=1".to_owned()]));
    assert_eq!(shape[2..], [(-1, vec![])], "the two questions have one answer");
    assert_eq!(revision(&told[2]), 3);
}

#[tokio::test]
async fn g50_end_of_the_last_lagging_watcher_gives_the_answer() {
    let world = World::new();
    world.put("a", "1");
    world.put("a", "2");
    world.history.hold_reads();
    let mut client = world.connect();
    client.create(key("b"));
    client.create(from(2, key("a")));
    client.rest().await;
    client.request_progress();
    assert!(client.rest().await.is_empty());
    client.cancel(1);
    let told: Vec<_> = client.rest().await.iter().map(|one| (one.watch_id, one.canceled)).collect();
    assert_eq!(told, [(1, true), (-1, false)]);
}

#[tokio::test]
async fn g50_stream_without_watchers_or_with_a_future_one_gets_no_answer() {
    let world = World::new();
    let mut client = world.connect();
    client.request_progress();
    assert!(client.rest().await.is_empty());
    client.create(from(5, key("a")));
    client.next().await;
    client.request_progress();
    assert!(client.rest().await.is_empty());
    for _ in 0..4 {
        world.put("a", "1");
    }
    assert_eq!(client.events().await.len(), 1, "no late answer among the events");
    client.request_progress();
    assert_eq!(client.next().await.watch_id, -1);
}

#[tokio::test]
async fn g50_full_queue_delays_the_answer_until_everything_was_told() {
    let world =
        World::with(Limits { queue_bytes_max: 300, batch_revisions_max: 2, ..Limits::default() });
    let mut client = world.watch(everything()).await;
    for _ in 0..200 {
        world.put("a", "1");
    }
    client.request_progress();
    settle().await;
    assert_eq!(world.hub.counts().unsynced, 1);
    let told = client.rest().await;
    let events: usize = told.iter().map(|one| one.events.len()).sum();
    assert_eq!(events, 200);
    let last = told.last().unwrap();
    assert_eq!((last.watch_id, revision(last)), (-1, 201));
}
