//! What the API server of Kubernetes asks, in the forms in which it asks it (U1 to U20).

use detcd_api::Client;
use detcd_api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::response_op::Response as OpResponse;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::*;
use detcd_api::mvccpb::event::EventType;
use futures_util::{StreamExt, stream};
use tonic::{Request, Streaming};

use crate::member;

type Api = Client<axum::Router>;

async fn api() -> (member::Member, Api) {
    let member = member::start().await;
    let client = Client::new(member.router(), "http://member".parse().unwrap());
    (member, client)
}

/// A write if the key is at the expected revision, else a read of what is there (U5, U6).
fn guarded(key: &str, expected: i64, op: Op) -> TxnRequest {
    let compare = Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Mod.into(),
        key: key.to_owned().into(),
        target_union: Some(TargetUnion::ModRevision(expected)),
        ..Default::default()
    };
    let read = RangeRequest { key: key.to_owned().into(), ..Default::default() };
    let ops = |request| vec![RequestOp { request: Some(request) }];
    TxnRequest { compare: vec![compare], success: ops(op), failure: ops(Op::RequestRange(read)) }
}

async fn write(api: &Api, key: &str, expected: i64, value: &str, lease: i64) -> TxnResponse {
    let put = PutRequest {
        key: key.to_owned().into(),
        value: value.to_owned().into(),
        lease,
        ..Default::default()
    };
    let txn = guarded(key, expected, Op::RequestPut(put));
    api.kv().txn(txn).await.unwrap().into_inner()
}

fn revision(header: Option<ResponseHeader>) -> i64 {
    header.unwrap().revision
}

/// What is there, as the refused write of somebody else is told.
fn conflict(response: &TxnResponse) -> &RangeResponse {
    assert!(!response.succeeded);
    let Some(OpResponse::ResponseRange(range)) = &response.responses[0].response else {
        panic!("{response:?}")
    };
    range
}

async fn list(api: &Api, from: &str, limit: i64, revision: i64) -> RangeResponse {
    let request = RangeRequest {
        key: from.to_owned().into(),
        range_end: "/registry/pods0".into(),
        limit,
        revision,
        ..Default::default()
    };
    api.kv().range(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn objects_are_created_updated_and_deleted_by_their_revision() {
    let (_member, api) = api().await;
    let key = "/registry/pods/default/a";
    let created = write(&api, key, 0, "one", 0).await;
    assert!(created.succeeded);
    let at = revision(created.header);
    let get = RangeRequest { key: key.into(), limit: 1, ..Default::default() };
    let got = api.kv().range(get.clone()).await.unwrap().into_inner();
    assert_eq!((got.kvs[0].mod_revision, revision(got.header)), (at, at), "U2, U7");
    let again = write(&api, key, 0, "two", 0).await;
    assert_eq!(conflict(&again).kvs[0].mod_revision, at);
    let updated = write(&api, key, at, "two", 0).await;
    assert!(updated.succeeded);

    let delete =
        || Op::RequestDeleteRange(DeleteRangeRequest { key: key.into(), ..Default::default() });
    let stale = api.kv().txn(guarded(key, at, delete())).await.unwrap().into_inner();
    assert_eq!(conflict(&stale).kvs[0].value, "two");
    let deleted = guarded(key, revision(updated.header), delete());
    let deleted = api.kv().txn(deleted).await.unwrap().into_inner();
    let Some(OpResponse::ResponseDeleteRange(answer)) = &deleted.responses[0].response else {
        panic!("{deleted:?}")
    };
    assert_eq!(answer.deleted, 1);
    assert_eq!(revision(answer.header), revision(deleted.header), "U6: a header of its own");
    assert_eq!(api.kv().range(get).await.unwrap().into_inner().count, 0);
}

#[tokio::test]
async fn pages_of_a_list_are_all_of_the_first_ones_revision() {
    let (_member, api) = api().await;
    for number in 0..25 {
        write(&api, &format!("/registry/pods/p{number:02}"), 0, "x", 0).await;
    }
    write(&api, "/registry/services/s", 0, "other", 0).await;
    let count = RangeRequest {
        key: "/registry/pods/".into(),
        range_end: "/registry/pods0".into(),
        count_only: true,
        ..Default::default()
    };
    assert_eq!(api.kv().range(count).await.unwrap().into_inner().count, 25, "U4");
    let first = list(&api, "/registry/pods/", 10, 0).await;
    let pinned = revision(first.header);
    let (mut seen, mut page) = (Vec::new(), first);
    loop {
        seen.extend(page.kvs.iter().map(|kv| kv.key.clone()));
        if !page.more {
            break;
        }
        assert_eq!(page.count, 25 - (seen.len() as i64 - 10), "U3: what is left, with this page");
        // Between two pages others write.
        write(&api, &format!("/registry/pods/q{:02}", seen.len()), 0, "new", 0).await;
        let mut next = seen.last().unwrap().to_vec();
        next.push(0);
        page = list(&api, std::str::from_utf8(&next).unwrap(), 10, pinned).await;
        assert!(revision(page.header) > pinned, "U3: the header's revision is the current one");
    }
    let expected: Vec<_> = (0..25).map(|number| format!("/registry/pods/p{number:02}")).collect();
    assert_eq!(seen, expected);
}

/// A stream with one watcher, as every cache has one (U8).
async fn watch(
    api: &Api,
    start_revision: i64,
    then: impl futures_util::Stream<Item = WatchRequest> + Send + 'static,
) -> Streaming<WatchResponse> {
    let create = WatchCreateRequest {
        key: "/registry/pods/".into(),
        range_end: "/registry/pods0".into(),
        start_revision,
        prev_kv: true,
        progress_notify: true,
        ..Default::default()
    };
    let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let requests = stream::iter([create]).chain(then).chain(stream::pending());
    let mut request = Request::new(requests);
    request.metadata_mut().insert("hasleader", "true".parse().unwrap());
    let mut responses = api.watch().watch(request).await.unwrap().into_inner();
    assert!(responses.message().await.unwrap().unwrap().created);
    responses
}

#[tokio::test]
async fn a_cache_hears_of_changes_with_what_was_there_and_of_progress_on_request() {
    let (_member, api) = api().await;
    let key = "/registry/pods/a";
    let first = revision(write(&api, key, 0, "one", 0).await.header);
    let status = api.maintenance().status(StatusRequest {}).await.unwrap().into_inner();
    assert!(status.version.starts_with("3.") && status.db_size > 0, "U11, U16: {status:?}");

    let progress = WatchRequest {
        request_union: Some(RequestUnion::ProgressRequest(WatchProgressRequest {})),
    };
    let (ask, asked) = tokio::sync::oneshot::channel::<()>();
    let later = stream::once(async move {
        asked.await.unwrap();
        progress
    });
    let mut responses = watch(&api, first + 1, later).await;
    let second = revision(write(&api, key, first, "two", 0).await.header);
    let delete =
        Op::RequestDeleteRange(DeleteRangeRequest { key: key.into(), ..Default::default() });
    api.kv().txn(guarded(key, second, delete)).await.unwrap();
    let last = revision(write(&api, "/registry/services/s", 0, "other", 0).await.header);
    let mut events = Vec::new();
    while events.len() < 2 {
        events.extend(responses.message().await.unwrap().unwrap().events);
    }
    assert_eq!(events[0].prev_kv.as_ref().unwrap().value, "one");
    assert_eq!(
        (events[1].r#type(), &events[1].prev_kv.as_ref().unwrap().value[..]),
        (EventType::Delete, &b"two"[..]),
        "U10"
    );
    ask.send(()).unwrap();
    let promised = responses.message().await.unwrap().unwrap();
    assert_eq!((promised.watch_id, promised.events.len()), (-1, 0), "U11");
    assert!(revision(promised.header) >= last);
}

#[tokio::test]
async fn one_server_compacts_and_what_is_gone_is_told_by_its_text() {
    let (_member, api) = api().await;
    for number in 0..5 {
        write(&api, &format!("/registry/pods/p{number}"), 0, "x", 0).await;
    }
    // U13: whoever has seen the last time may set the next one.
    let turn = |time: i64| {
        let compare = Compare {
            result: CompareResult::Equal.into(),
            target: CompareTarget::Version.into(),
            key: "compact_rev_key".into(),
            target_union: Some(TargetUnion::Version(time)),
            ..Default::default()
        };
        let put =
            PutRequest { key: "compact_rev_key".into(), value: "4".into(), ..Default::default() };
        let get = RangeRequest { key: "compact_rev_key".into(), ..Default::default() };
        let ops = |request| vec![RequestOp { request: Some(request) }];
        TxnRequest {
            compare: vec![compare],
            success: ops(Op::RequestPut(put)),
            failure: ops(Op::RequestRange(get)),
        }
    };
    assert!(api.kv().txn(turn(0)).await.unwrap().into_inner().succeeded);
    let late = api.kv().txn(turn(0)).await.unwrap().into_inner();
    assert_eq!(conflict(&late).kvs[0].version, 1);
    api.kv().compact(CompactionRequest { revision: 4, physical: false }).await.unwrap();
    let text = "etcdserver: mvcc: required revision has been compacted";
    let old = RangeRequest { key: "/registry/pods/p0".into(), revision: 3, ..Default::default() };
    assert_eq!(api.kv().range(old).await.unwrap_err().message(), text, "U20");
    let mut responses = watch(&api, 2, stream::empty()).await;
    let ended = responses.message().await.unwrap().unwrap();
    assert_eq!((ended.canceled, ended.compact_revision), (true, 4), "U9");
    let future = RangeRequest { key: "a".into(), revision: 99, ..Default::default() };
    let text = "etcdserver: mvcc: required revision is a future revision";
    assert_eq!(api.kv().range(future).await.unwrap_err().message(), text, "U20");
}

#[tokio::test]
async fn events_share_a_lease_and_go_with_it() {
    let (_member, api) = api().await;
    let grant = LeaseGrantRequest { ttl: 3600, id: 0 };
    let lease = api.lease().lease_grant(grant).await.unwrap().into_inner().id;
    for number in 0..1000 {
        let put = write(&api, &format!("/registry/events/e{number:04}"), 0, "x", lease).await;
        assert!(put.succeeded);
    }
    let range = RangeRequest {
        key: "/registry/events/".into(),
        range_end: "/registry/events0".into(),
        count_only: true,
        ..Default::default()
    };
    let before = api.kv().range(range.clone()).await.unwrap().into_inner();
    let revoke = LeaseRevokeRequest { id: lease };
    let revoked = api.lease().lease_revoke(revoke).await.unwrap().into_inner();
    assert_eq!(revision(revoked.header), revision(before.header) + 1, "U14: all at one revision");
    let after = api.kv().range(range).await.unwrap().into_inner();
    assert_eq!((before.count, after.count), (1000, 0));
}

#[tokio::test]
async fn large_objects_and_lists_arrive() {
    let (_member, api) = api().await;
    // U17, U19: as large as they may be, and more than 100 MiB of them.
    let value = "v".repeat(1_500_000);
    for number in 0..72 {
        write(&api, &format!("/registry/pods/p{number:02}"), 0, &value, 0).await;
    }
    let all = list(&api, "/registry/pods/", 0, 0).await;
    assert_eq!((all.kvs.len(), all.more), (72, false));
    assert!(all.kvs.iter().all(|kv| kv.value.len() == value.len()));
    let health = RangeRequest { key: "/registry/health".into(), ..Default::default() };
    assert_eq!(api.kv().range(health).await.unwrap().into_inner().count, 0, "U15");
}
