//! Watchers that fall behind, or start behind: G53, compaction, snapshots, many watchers.

use detcd_node::watch::{Counts, Limits};

use super::history::Change;
use super::world::{Client, World, everything, from, key, range, settle, words};

/// Queues that are full with one output in them, and readings of one revision.
fn narrow() -> Limits {
    Limits { queue_bytes_max: 1, batch_revisions_max: 1, ..Limits::default() }
}

fn numbers(range: std::ops::RangeInclusive<i64>) -> Vec<String> {
    range.map(|revision| format!("{revision} a=v")).collect()
}

async fn put_many(world: &World, count: usize) {
    for _ in 0..count {
        world.put("a", "v");
    }
    settle().await;
}

#[tokio::test]
async fn g53_client_that_does_not_read_lags_and_misses_nothing() {
    let world = World::with(narrow());
    let mut client = world.watch(key("a")).await;
    put_many(&world, 500).await;
    assert_eq!(world.hub.counts(), Counts { streams: 1, synced: 0, unsynced: 1 });
    assert_eq!(words(&client.events().await), numbers(2..=501));
    assert_eq!(world.hub.counts(), Counts { streams: 1, synced: 1, unsynced: 0 });
    put_many(&world, 1).await;
    assert_eq!(words(&client.events().await), numbers(502..=502));
}

#[tokio::test]
async fn g53_queue_of_a_client_that_does_not_read_stays_bounded() {
    let world = World::with(narrow());
    let mut client = world.watch(key("a")).await;
    put_many(&world, 100).await;
    let reads = world.history.read_count();
    put_many(&world, 1000).await;
    assert_eq!(world.history.read_count(), reads, "nothing is read for a queue that is full");
    assert_eq!(client.events().await.len(), 1100);
}

#[tokio::test]
async fn g53_slow_watcher_does_not_hold_up_another_client() {
    let world = World::with(narrow());
    let _slow = world.watch(key("a")).await;
    let mut quick = world.watch(key("a")).await;
    for revision in 2..=200 {
        world.put("a", "v");
        assert_eq!(words(&client_event(&mut quick).await), numbers(revision..=revision));
    }
}

async fn client_event(client: &mut Client) -> Vec<detcd_api::mvccpb::Event> {
    client.next().await.events
}

#[tokio::test]
async fn g53_long_history_is_read_in_bounded_batches() {
    let world = World::new();
    put_many(&world, 2500).await;
    let mut client = world.watch(from(2, key("a"))).await;
    let told = client.rest().await;
    let sizes: Vec<_> = told.iter().map(|response| response.events.len()).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    let events: Vec<_> = told.into_iter().flat_map(|response| response.events).collect();
    assert_eq!(words(&events), numbers(2..=2501));
}

#[tokio::test]
async fn publishing_while_the_history_is_read_leaves_no_gap_and_no_repeat() {
    let world = World::new();
    put_many(&world, 3).await;
    world.history.hold_reads();
    let mut client = world.watch(from(2, key("a"))).await;
    settle().await;
    put_many(&world, 3).await;
    world.history.release_reads();
    settle().await;
    put_many(&world, 3).await;
    assert_eq!(words(&client.events().await), numbers(2..=10));
}

#[tokio::test]
async fn compaction_ends_a_lagging_watcher_instead_of_skipping_for_it() {
    let world = World::with(narrow());
    let mut client = world.watch(key("a")).await;
    put_many(&world, 100).await;
    world.history.compact(90);
    let told = client.rest().await;
    let (last, before) = told.split_last().unwrap();
    assert_eq!((last.canceled, last.compact_revision), (true, 90));
    let events: Vec<_> = before.iter().flat_map(|response| response.events.clone()).collect();
    let through = i64::try_from(events.len()).unwrap() + 1;
    assert!(through < 89, "it was behind, at {through}");
    assert_eq!(words(&events), numbers(2..=through));
}

#[tokio::test]
async fn compaction_while_the_history_is_read_is_noticed_by_the_next_reading() {
    let world = World::with(Limits { batch_revisions_max: 2, ..Limits::default() });
    put_many(&world, 10).await;
    world.history.hold_reads();
    let mut client = world.watch(from(2, key("a"))).await;
    settle().await;
    world.history.compact(8);
    world.history.release_reads();
    let told = client.rest().await;
    assert_eq!(words(&told[0].events), numbers(2..=3), "this was read before");
    assert_eq!((told.len(), told[1].compact_revision), (2, 8));
}

#[tokio::test]
async fn compaction_does_not_touch_a_synced_watcher() {
    let world = World::new();
    let mut client = world.watch(key("b")).await;
    put_many(&world, 10).await;
    world.history.compact(11);
    world.put("b", "1");
    assert_eq!(words(&client.events().await), ["12 b=1"]);
}

#[tokio::test]
async fn hundreds_of_watchers_on_a_stream_are_all_cancelled_by_compaction() {
    let world = World::new();
    put_many(&world, 10).await;
    world.history.compact(10);
    let mut client = world.connect();
    for _ in 0..600 {
        client.create(from(5, key("a")));
    }
    let canceled = client.rest().await.iter().filter(|one| one.compact_revision == 10).count();
    assert_eq!(canceled, 600);
    assert_eq!(world.hub.counts(), Counts { streams: 1, synced: 0, unsynced: 0 });
}

#[tokio::test]
async fn thousands_of_lagging_watchers_on_a_stream_are_served_alike() {
    let world = World::new();
    put_many(&world, 3).await;
    let mut client = world.connect();
    world.history.hold_reads();
    for _ in 0..2000 {
        client.create(from(2, key("a")));
    }
    client.rest().await;
    assert_eq!(world.hub.counts().unsynced, 2000);
    world.history.release_reads();
    assert_eq!(client.events().await.len(), 6000);
    assert_eq!(world.hub.counts().synced, 2000);
    assert!(world.history.read_count() < 30, "{} readings", world.history.read_count());
}

#[tokio::test]
async fn long_replay_does_not_starve_a_watcher_that_is_nearly_there() {
    let world = World::with(Limits { batch_revisions_max: 10, ..Limits::default() });
    put_many(&world, 1000).await;
    world.history.hold_reads();
    let mut client = world.watch(from(2, key("a"))).await;
    client.create(from(1000, key("a")));
    client.next().await;
    world.history.release_reads();
    let told = client.rest().await;
    let turn = told.iter().position(|response| response.watch_id == 1).unwrap();
    assert!(turn < 5, "it waited for {turn} responses");
    let count = |id| told.iter().filter(move |one| one.watch_id == id).map(|one| one.events.len());
    assert_eq!((count(0).sum::<usize>(), count(1).sum::<usize>()), (1000, 2));
}

/// Applies requests as a snapshot brings them: nobody is told.
fn install_snapshot(world: &World, requests: &[&[Change<'_>]]) {
    let revision = requests.iter().map(|changes| world.history.apply(changes).0).max().unwrap();
    world.hub.reset(revision);
}

#[tokio::test]
async fn snapshot_makes_synced_watchers_catch_up_from_where_they_stood() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    put_many(&world, 2).await;
    assert_eq!(client.events().await.len(), 2);
    install_snapshot(&world, &[&[("a", Some("v"))], &[("b", Some("v"))], &[("a", Some("v"))]]);
    put_many(&world, 1).await;
    assert_eq!(words(&client.events().await), ["4 a=v", "6 a=v", "7 a=v"]);
}

#[tokio::test]
async fn snapshot_does_not_lose_a_watcher_that_lagged() {
    let world = World::new();
    put_many(&world, 3).await;
    world.history.hold_reads();
    let mut client = world.watch(from(2, key("a"))).await;
    settle().await;
    install_snapshot(&world, &[&[("a", Some("v"))], &[("a", Some("v"))]]);
    world.history.release_reads();
    assert_eq!(words(&client.events().await), numbers(2..=6));
    put_many(&world, 1).await;
    assert_eq!(words(&client.events().await), numbers(7..=7));
}

#[tokio::test]
async fn snapshot_beyond_a_future_start_is_replayed_from_that_start_only() {
    let world = World::new();
    let mut past = world.watch(from(4, key("a"))).await;
    let mut future = world.watch(from(9, key("a"))).await;
    let one: &[Change<'_>] = &[("a", Some("v"))];
    install_snapshot(&world, &[one; 5]);
    assert_eq!(words(&past.events().await), numbers(4..=6));
    put_many(&world, 4).await;
    assert_eq!(words(&past.events().await), numbers(7..=10));
    assert_eq!(words(&future.events().await), numbers(9..=10));
}

#[tokio::test]
async fn snapshot_with_compaction_ends_the_watchers_that_need_what_it_took() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    world.history.apply(&[("a", Some("v"))]);
    world.history.apply(&[("a", Some("v"))]);
    world.history.compact(3);
    world.hub.reset(3);
    let told = client.rest().await;
    assert_eq!((told.len(), told[0].canceled, told[0].compact_revision), (1, true, 3));
}

#[tokio::test]
async fn snapshot_at_the_published_revision_changes_nothing() {
    let world = World::new();
    let mut client = world.watch(key("a")).await;
    put_many(&world, 2).await;
    world.hub.reset(3);
    assert_eq!(world.hub.counts(), Counts { streams: 1, synced: 1, unsynced: 0 });
    assert_eq!(words(&client.events().await), numbers(2..=3));
}

#[test]
#[should_panic(expected = "revision 4 is published after 2")]
fn publishing_with_a_gap_is_refused() {
    let world = World::new();
    world.put("a", "v");
    world.history.apply(&[("a", Some("v"))]);
    let (revision, events) = world.history.apply(&[("a", Some("v"))]);
    world.hub.publish(revision, &events);
}

#[test]
#[should_panic(expected = "went back from revision 2 to 1")]
fn going_back_is_refused() {
    let world = World::new();
    world.put("a", "v");
    world.hub.reset(1);
}

#[tokio::test]
async fn event_reaches_only_its_watchers_among_ten_thousand() {
    let world = World::new();
    let mut subscription = world.hub.subscribe();
    for number in 0..10_000 {
        let key = bytes::Bytes::from(format!("key{number:05}"));
        let end = if number % 2 == 0 { "".into() } else { [&key[..], b"\0"].concat().into() };
        let range = detcd_node::watch::KeyRange::from_wire(key, end).unwrap();
        let interest = detcd_node::watch::Interest::new(&everything(), range);
        subscription.create(0, interest).unwrap();
        subscription.pop();
    }
    for number in [0, 4711, 9998] {
        world.put(&format!("key{number:05}"), "v");
        let Some(detcd_node::watch::Output::Events(delivery)) = subscription.pop() else {
            panic!("watcher {number} is told");
        };
        assert_eq!(delivery.watcher.id.watch, number);
        assert_eq!(subscription.pop(), None);
    }
    drop(subscription);
    assert_eq!(world.hub.counts(), Counts::default());
}

#[tokio::test]
async fn range_watchers_come_and_go_without_disturbing_each_other() {
    let world = World::new();
    let mut client = world.connect();
    for _ in 0..3 {
        client.create(range("a", "b"));
        client.create(range("a", "c"));
    }
    client.cancel(1);
    client.cancel(2);
    client.rest().await;
    world.put("a", "v");
    let told: Vec<_> = client.rest().await.iter().map(|response| response.watch_id).collect();
    assert_eq!(told, [0, 3, 4, 5]);
}
