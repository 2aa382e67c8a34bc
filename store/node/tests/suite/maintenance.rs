//! What operators ask of a member.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use detcd_api::Client;
use detcd_api::etcdserverpb::alarm_request::AlarmAction;
use detcd_api::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmType, CompactionRequest, DefragmentRequest, DeleteRangeRequest,
    HashKvRequest, HashRequest, LeaseGrantRequest, PutRequest, RangeRequest, SnapshotRequest,
    StatusRequest,
};
use detcd_bolt::Database;
use detcd_node::config::Config;
use detcd_node::etcd_format::SnapshotContent;
use http_body_util::BodyExt;
use tonic::Code;
use tower_service::Service;

use crate::member;

const MEMBER: u64 = 0x8e9e_05c5_2164_694d;

fn client(member: &member::Member) -> Client<Router> {
    Client::new(member.router(), "http://member".parse().unwrap())
}

fn put(key: &str, value: &[u8]) -> PutRequest {
    PutRequest { key: key.to_owned().into(), value: value.to_vec().into(), ..Default::default() }
}

fn alarm(action: AlarmAction, alarm: AlarmType) -> AlarmRequest {
    AlarmRequest { action: action.into(), member_id: MEMBER, alarm: alarm.into() }
}

async fn get(member: &member::Member, uri: &str) -> (StatusCode, String) {
    let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
    let response = member.router().call(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// G72 and C29's reason: the first write beyond the quota tells the cluster; what frees space goes on.
#[tokio::test]
async fn a_write_beyond_the_quota_is_refused_and_raises_the_alarm() {
    let config = Config { quota_backend_bytes: 100_000, ..Config::default() };
    let member = member::start_with(config).await;
    let client = client(&member);
    client.kv().put(put("a", &[0; 60_000])).await.unwrap();
    let refused = client.kv().put(put("b", &[0; 60_000])).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.message(), "etcdserver: mvcc: database space exceeded");
    let raised = client.maintenance().alarm(alarm(AlarmAction::Get, AlarmType::None)).await;
    let expected = AlarmMember { member_id: MEMBER, alarm: AlarmType::Nospace.into() };
    assert_eq!(raised.unwrap().into_inner().alarms, [expected]);
    let status = client.maintenance().status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.errors, ["memberID:10276657743932975437 alarm:NOSPACE "]);
    assert_eq!(status.db_size_quota, 100_000);
    let (code, body) = get(&member, "/health").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, "{\"health\":\"false\",\"reason\":\"ALARM NOSPACE\"}\n");
    assert_eq!(get(&member, "/health?exclude=NOSPACE").await.0, StatusCode::OK);

    // Small writes are refused as well, as long as the alarm is up.
    client.kv().put(put("c", b"")).await.unwrap_err();
    let all = DeleteRangeRequest { key: "a".into(), ..Default::default() };
    client.kv().delete_range(all).await.unwrap();
    let compact = CompactionRequest { revision: 3, physical: true };
    client.kv().compact(compact).await.unwrap();
    client.maintenance().alarm(alarm(AlarmAction::Deactivate, AlarmType::Nospace)).await.unwrap();
    client.kv().put(put("b", &[0; 60_000])).await.unwrap();
}

/// G71.
#[tokio::test]
async fn a_corrupt_cluster_answers_reads_only() {
    let member = member::start().await;
    let client = client(&member);
    client.maintenance().alarm(alarm(AlarmAction::Activate, AlarmType::Corrupt)).await.unwrap();
    let refused = client.kv().put(put("a", b"")).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::DataLoss, "etcdserver: corrupt cluster")
    );
    let (code, body) = get(&member, "/readyz").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("[-]data_corruption failed: alarm activated: CORRUPT"), "{body}");
    client.maintenance().alarm(alarm(AlarmAction::Deactivate, AlarmType::Corrupt)).await.unwrap();
    client.kv().put(put("a", b"")).await.unwrap();
}

/// G37: rows go in steps with pauses between them, and a physical compaction waits for the last one.
#[tokio::test]
async fn a_physical_compaction_answers_when_the_rows_are_gone() {
    let member = member::start().await;
    let client = client(&member);
    let used = async || {
        let status = client.maintenance().status(StatusRequest {}).await.unwrap();
        status.into_inner().db_size_in_use
    };
    let value = [7; 100];
    for _ in 0..4 {
        let puts = (0..1500).map(|number| {
            let (client, key) = (&client, format!("{number}"));
            async move { client.kv().put(put(&key, &value)).await.unwrap() }
        });
        futures_util::future::join_all(puts).await;
    }
    // The revisions are durable once a compaction that removes none of them has answered.
    client.kv().compact(CompactionRequest { revision: 1, physical: true }).await.unwrap();
    let before = used().await;
    client.kv().compact(CompactionRequest { revision: 6001, physical: true }).await.unwrap();
    let after = used().await;
    assert!(2 * after < before, "{before} bytes became {after}");
}

/// G75: everything that was ever applied, and nothing else.
#[tokio::test]
async fn the_hash_changes_with_what_is_applied_only() {
    let member = member::start().await;
    let client = client(&member);
    let hash = async || client.maintenance().hash(HashRequest {}).await.unwrap().into_inner().hash;
    let empty = hash().await;
    client.kv().range(RangeRequest { key: "a".into(), ..Default::default() }).await.unwrap();
    assert_eq!(hash().await, empty);
    client.kv().put(put("a", b"1")).await.unwrap();
    let one = hash().await;
    client.kv().put(put("a", b"1")).await.unwrap();
    let two = hash().await;
    client.lease().lease_grant(LeaseGrantRequest { ttl: 60, id: 7 }).await.unwrap();
    let leased = hash().await;
    assert_eq!(hash().await, leased);
    let all = [empty, one, two, leased];
    let different: std::collections::BTreeSet<u32> = all.into_iter().collect();
    assert_eq!(different.len(), all.len(), "{all:?}");
}

/// G74: the texts of what cannot be hashed.
#[tokio::test]
async fn only_what_can_be_read_can_be_hashed() {
    let member = member::start().await;
    let client = client(&member);
    for value in [b"1", b"2", b"3"] {
        client.kv().put(put("a", value)).await.unwrap();
    }
    let hash = async |revision| client.maintenance().hash_kv(HashKvRequest { revision }).await;
    assert_eq!(
        hash(5).await.unwrap_err().message(),
        "etcdserver: mvcc: required revision is a future revision"
    );
    let before = hash(3).await.unwrap().into_inner();
    client.kv().compact(CompactionRequest { revision: 3, physical: false }).await.unwrap();
    assert_eq!(
        hash(2).await.unwrap_err().message(),
        "etcdserver: mvcc: required revision has been compacted"
    );
    // What was there before the compaction is still known, whether its rows are gone or not.
    let nothing = crc32c::crc32c(b"key");
    assert_eq!(hash(-1).await.unwrap().into_inner().hash, nothing, "before the first revision");
    let after = hash(3).await.unwrap().into_inner();
    assert_eq!((after.hash, after.compact_revision), (before.hash, -1));
    // Nothing was ever stored before revision 0: that is the hash of no rows, which etcd gives too.
    for revision in [-1, i64::MIN] {
        let nothing = hash(revision).await.unwrap().into_inner();
        assert_eq!((nothing.hash, nothing.compact_revision), (1_084_519_789, 3));
        assert_eq!(nothing.hash_revision, revision);
    }
    client.maintenance().hash(HashRequest {}).await.unwrap();
}

/// G73: the space goes back to the file system, and everything else is as it was.
#[tokio::test]
async fn a_defragmented_member_needs_less_space_and_goes_on() {
    let member = member::start().await;
    let client = client(&member);
    for n in 0..300 {
        client.kv().put(put(&format!("k{}", n % 3), &[7; 30_000])).await.unwrap();
    }
    // A snapshot is of what is in the file, so everything is written there before.
    drop(client.maintenance().snapshot(SnapshotRequest {}).await.unwrap());
    client.kv().compact(CompactionRequest { revision: 301, physical: true }).await.unwrap();
    let status = async || {
        let status = client.maintenance().status(StatusRequest {}).await.unwrap().into_inner();
        (status.db_size, status.db_size_in_use)
    };
    let hash = async || {
        let request = HashKvRequest { revision: 301 };
        client.maintenance().hash_kv(request).await.unwrap().into_inner().hash
    };
    let (before, hash_before) = (status().await, hash().await);
    assert!(before.0 > 6_000_000 && before.1 < 200_000, "{before:?}");
    let defragment =
        || async { client.maintenance().defragment(DefragmentRequest {}).await.map(drop) };
    let writing = async {
        for n in 0..50 {
            client.kv().put(put(&format!("new-{n}"), b"v")).await.unwrap();
        }
    };
    let (one, other, ()) = tokio::join!(defragment(), defragment(), writing);
    one.unwrap();
    other.unwrap();
    let after = status().await;
    assert!(after.0 < before.0 / 2, "{before:?} became {after:?}");
    assert_eq!(hash().await, hash_before);
    let got = client.kv().range(RangeRequest { key: "new-49".into(), ..Default::default() }).await;
    assert_eq!(got.unwrap().into_inner().count, 1);
}

/// G76 and K25: exact sizes, the hash behind the bytes, and in the bytes what etcd would have there.
#[tokio::test]
async fn a_snapshot_is_a_database_file_with_its_hash_behind_it() {
    let member = member::start().await;
    let client = client(&member);
    for n in 0..500 {
        client.kv().put(put(&format!("k{}", n % 300), &[0; 500])).await.unwrap();
    }
    let one = DeleteRangeRequest { key: "k1".into(), ..Default::default() };
    client.kv().delete_range(one).await.unwrap();
    client.kv().compact(CompactionRequest { revision: 400, physical: true }).await.unwrap();
    // Their encoded ids have another order than the ids.
    for member_id in [1, 300, 2, MEMBER] {
        for kind in [AlarmType::Nospace, AlarmType::Corrupt] {
            let raised = AlarmRequest { member_id, ..alarm(AlarmAction::Activate, kind) };
            client.maintenance().alarm(raised).await.unwrap();
        }
    }

    let mut stream = client.maintenance().snapshot(SnapshotRequest {}).await.unwrap().into_inner();
    let (mut file, mut left) = (Vec::new(), None);
    while let Some(piece) = stream.message().await.unwrap() {
        assert!(piece.blob.len() <= 32 << 10);
        assert_eq!(piece.version, "3.6.0");
        if let Some(left) = left.filter(|left| *left > 0) {
            assert_eq!(piece.remaining_bytes + piece.blob.len() as u64, left);
        }
        left = Some(piece.remaining_bytes);
        file.extend_from_slice(&piece.blob);
    }
    assert_eq!(file.len() % 512, 32);
    let source = &file[..file.len() - 32];
    let database = Database::open(&source).unwrap();
    assert_eq!(database.size(), source.len() as u64);
    let buckets = database.buckets().unwrap();
    let names: Vec<_> = buckets.keys().map(|name| String::from_utf8_lossy(name)).collect();
    let expected = ["alarm", "auth", "authRoles", "authUsers", "cluster", "key"];
    assert_eq!(names[..6], expected);
    assert_eq!(names[6..], ["lease", "members", "members_removed", "meta"]);
    assert_eq!(SnapshotContent::open(&source).unwrap().state().unwrap().alarms.len(), 8);
    let mut rows = 0;
    let mut entries = database.entries(&buckets[&b"key"[..]]).unwrap();
    let mut last = Vec::new();
    while let Some((key, _)) = entries.next().unwrap() {
        rows += 1;
        last = key.to_vec();
    }
    // 300 keys, those put again after the compaction, the deletion; without what was superseded.
    assert_eq!((rows, last.len()), (402, 18));
    assert_eq!(last[..8], 502i64.to_be_bytes());
}

/// No matter how many ask, a member sends no more than a few snapshots at once (bounded memory).
#[tokio::test]
async fn only_so_many_snapshots_are_sent_at_once() {
    let member = member::start().await;
    let client = client(&member);
    client.kv().put(put("k", &[0; 100_000])).await.unwrap();
    let mut streams = Vec::new();
    let refused = loop {
        match client.maintenance().snapshot(SnapshotRequest {}).await {
            Ok(stream) => streams.push(stream.into_inner()),
            Err(status) => break status,
        }
        assert!(streams.len() < 100);
    };
    // As it leaves etcd (E26).
    assert_eq!(refused.code(), Code::Unknown);
    assert_eq!(refused.message(), "etcdserver: too many requests");
    assert_eq!(streams.len(), 8);
    // One that ended makes room for another.
    let mut ended = streams.pop().unwrap();
    while ended.message().await.unwrap().is_some() {}
    drop(ended);
    client.maintenance().snapshot(SnapshotRequest {}).await.unwrap();
}
