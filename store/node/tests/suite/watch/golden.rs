//! What etcd 3.7.1 answered to the same requests after the same history.

use bytes::Bytes;
use detcd_api::etcdserverpb::watch_create_request::FilterType;
use detcd_api::etcdserverpb::{WatchCreateRequest, WatchResponse};

use super::world::{World, from, key, range, revision, word};

/// `a` is put four times, `a` and `b` in one transaction, then `a` is deleted and put again.
fn world() -> World {
    let world = World::new();
    for value in ["0", "1", "2", "3"] {
        world.put("a", value);
    }
    world.apply(&[("a", Some("x")), ("b", Some("y"))]);
    world.delete("a");
    assert_eq!(world.put("a", "new"), 8);
    world
}

/// A response in a line: revision of the header, id, flags, events.
fn line(response: &WatchResponse) -> String {
    let mut parts = vec![format!("r{} #{}", revision(response), response.watch_id)];
    parts.extend(response.created.then(|| "created".to_owned()));
    parts.extend(response.canceled.then(|| "canceled".to_owned()));
    if response.compact_revision != 0 {
        parts.push(format!("compact_revision={}", response.compact_revision));
    }
    if !response.cancel_reason.is_empty() {
        parts.push(format!("[{}]", response.cancel_reason));
    }
    let events: Vec<_> = response.events.iter().map(word).collect();
    parts.extend((!events.is_empty()).then(|| events.join(", ")));
    parts.join(" ")
}

async fn assert_answers(world: &World, cases: Vec<(WatchCreateRequest, Vec<&str>)>) {
    for (request, expected) in cases {
        let mut client = world.connect();
        client.create(request.clone());
        // The gateway closes its direction behind the request.
        client.close_requests();
        let lines: Vec<_> = client.rest().await.iter().map(line).collect();
        assert_eq!(lines, expected, "{request:?}");
    }
}

#[tokio::test]
async fn replays_are_those_of_etcd() {
    let filtered = |filter: FilterType| WatchCreateRequest {
        filters: vec![filter.into()],
        ..from(1, key("a"))
    };
    let all = "2 a=0, 3 a=1, 4 a=2, 5 a=3, 6 a=x, 7 -a, 8 a=new";
    let replay = format!("r8 #0 {all}");
    let chosen = format!("r8 #5 {all}");
    let cases = vec![
        (from(1, key("a")), vec!["r8 #0 created", &replay]),
        (from(4, key("a")), vec!["r8 #0 created", "r8 #0 4 a=2, 5 a=3, 6 a=x, 7 -a, 8 a=new"]),
        (from(6, range("a", "c")), vec!["r8 #0 created", "r8 #0 6 a=x, 6 b=y, 7 -a, 8 a=new"]),
        (
            WatchCreateRequest { prev_kv: true, ..from(1, key("a")) },
            vec![
                "r8 #0 created",
                "r8 #0 2 a=0, 3 a=1 (0), 4 a=2 (1), 5 a=3 (2), 6 a=x (3), 7 -a (x), 8 a=new",
            ],
        ),
        (filtered(FilterType::Noput), vec!["r8 #0 created", "r8 #0 7 -a"]),
        (
            filtered(FilterType::Nodelete),
            vec!["r8 #0 created", "r8 #0 2 a=0, 3 a=1, 4 a=2, 5 a=3, 6 a=x, 8 a=new"],
        ),
        (from(7, range("\0", "\0")), vec!["r8 #0 created", "r8 #0 7 -a, 8 a=new"]),
        (WatchCreateRequest { watch_id: 5, ..from(1, key("a")) }, vec!["r8 #5 created", &chosen]),
    ];
    assert_answers(&world(), cases).await;
}

#[tokio::test]
async fn creations_are_answered_as_by_etcd() {
    let cases = vec![
        (from(99, key("a")), vec!["r8 #0 created"]),
        (
            from(-1, key("a")),
            vec![
                "r8 #-1 created canceled [etcdserver: mvcc: required revision has been compacted]",
            ],
        ),
        (range("c", "a"), vec!["r8 #-1 created canceled [mvcc: watcher range is empty]"]),
        (WatchCreateRequest { key: Bytes::new(), ..from(2, key("")) }, vec!["r8 #0 created"]),
        (WatchCreateRequest { watch_id: -4, ..key("a") }, vec!["r8 #-4 created"]),
    ];
    assert_answers(&world(), cases).await;
}

#[tokio::test]
async fn questions_that_etcd_leaves_unanswered_are_left_unanswered() {
    let world = world();
    let mut client = world.connect();
    client.request_progress();
    client.cancel(3);
    client.send_nothing();
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn compaction_is_told_as_by_etcd() {
    let world = world();
    world.history.compact(6);
    let prev_kv = |start| WatchCreateRequest { prev_kv: true, ..from(start, key("a")) };
    let canceled = vec!["r8 #0 created", "r0 #0 canceled compact_revision=6"];
    let cases = vec![
        (prev_kv(2), canceled.clone()),
        (prev_kv(5), canceled),
        (prev_kv(6), vec!["r8 #0 created", "r8 #0 6 a=x, 7 -a (x), 8 a=new"]),
        (prev_kv(7), vec!["r8 #0 created", "r8 #0 7 -a (x), 8 a=new"]),
    ];
    assert_answers(&world, cases).await;
}
