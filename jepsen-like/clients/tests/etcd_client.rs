//! The `etcd-client` crate, which others wrote for etcd, against real members.

use clients::daemon::{Cluster, eventually};
use clients::foreign::{Foreign, cluster, connect};
use clients::{daemon_binary, load};
use etcd_client::{
    Client, CompactionOptions, Compare, CompareOp, DeleteOptions, Error, EventType, GetOptions,
    PutOptions, SortOrder, SortTarget, Txn, TxnOp, TxnOpResponse, WatchOptions,
};

/// Runs a test against one member, and against three.
async fn with_clusters(test: impl AsyncFn(&Cluster, Client)) {
    for size in [1, 3] {
        let (cluster, client) = cluster(size).await;
        test(&cluster, client).await;
    }
}

fn message(error: Error) -> String {
    match error {
        Error::GRpcStatus(status) => status.message().to_owned(),
        other => panic!("not from the server: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_written_read_and_deleted() {
    with_clusters(async |_, mut client| {
        let first = client.put("a", "1", None).await.unwrap();
        assert_eq!(first.header().unwrap().revision(), 2);
        let options = PutOptions::new().with_prev_key();
        let second = client.put("a", "2", Some(options)).await.unwrap();
        assert_eq!(second.prev_key().unwrap().value(), b"1");
        for (key, value) in [("b", "3"), ("c", "1"), ("ca", "0")] {
            client.put(key, value, None).await.unwrap();
        }
        let mut get = async |key: &str, options: GetOptions| {
            let response = client.get(key, Some(options)).await.unwrap();
            let text = |kv: &etcd_client::KeyValue| {
                format!("{}={}", kv.key_str().unwrap(), kv.value_str().unwrap())
            };
            let rows: Vec<String> = response.kvs().iter().map(text).collect();
            (rows.join(" "), response.count(), response.more())
        };
        let found = |rows: &str, count, more| (rows.to_owned(), count, more);
        let options = GetOptions::new;
        assert_eq!(get("a", options()).await, found("a=2", 1, false));
        assert_eq!(get("a", options().with_revision(2)).await, found("a=1", 1, false));
        assert_eq!(get("none", options()).await, found("", 0, false));
        assert_eq!(get("c", options().with_prefix()).await, found("c=1 ca=0", 2, false));
        assert_eq!(get("a", options().with_range("c")).await, found("a=2 b=3", 2, false));
        assert_eq!(get("b", options().with_from_key()).await, found("b=3 c=1 ca=0", 3, false));
        let all = || options().with_all_keys();
        assert_eq!(get("", all().with_limit(2)).await, found("a=2 b=3", 4, true));
        assert_eq!(get("", all().with_count_only()).await, found("", 4, false));
        assert_eq!(get("", all().with_keys_only()).await, found("a= b= c= ca=", 4, false));
        let sorted = all().with_sort(SortTarget::Value, SortOrder::Descend).with_limit(3);
        assert_eq!(get("", sorted).await, found("b=3 a=2 c=1", 4, true));
        assert_eq!(get("", all().with_min_mod_revision(5)).await, found("c=1 ca=0", 4, false));
        assert_eq!(
            get("", all().with_serializable().with_revision(3)).await,
            found("a=2", 1, false)
        );

        let options = DeleteOptions::new().with_prefix().with_prev_key();
        let deleted = client.delete("c", Some(options)).await.unwrap();
        assert_eq!((deleted.deleted(), deleted.prev_kvs().len()), (2, 2));
        assert_eq!(client.delete("c", None).await.unwrap().deleted(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_compare_branch_and_nest() {
    with_clusters(async |_, mut client| {
        let take = || {
            Txn::new()
                .when([Compare::create_revision("lock", CompareOp::Equal, 0)])
                .and_then([TxnOp::put("lock", "mine", None)])
                .or_else([TxnOp::get("lock", None)])
        };
        assert!(client.txn(take()).await.unwrap().succeeded());
        let second = client.txn(take()).await.unwrap();
        assert!(!second.succeeded());
        let [TxnOpResponse::Get(held)] = &second.op_responses()[..] else { panic!("{second:?}") };
        assert_eq!(held.kvs()[0].value(), b"mine");

        let inner = Txn::new()
            .when([
                Compare::value("lock", CompareOp::NotEqual, "yours"),
                Compare::version("lock", CompareOp::Less, 2),
                Compare::mod_revision("lock", CompareOp::Greater, 1),
                Compare::value("lo", CompareOp::Equal, "mine").with_prefix(),
            ])
            .and_then([TxnOp::put("inner", "1", None), TxnOp::delete("lock", None)]);
        let outer = Txn::new().and_then([TxnOp::put("outer", "1", None), TxnOp::txn(inner)]);
        let response = client.txn(outer).await.unwrap();
        let revision = response.header().unwrap().revision();
        let [TxnOpResponse::Put(_), TxnOpResponse::Txn(inner)] = &response.op_responses()[..]
        else {
            panic!("{response:?}")
        };
        assert!(inner.succeeded());
        for key in ["inner", "outer"] {
            let found = client.get(key, None).await.unwrap();
            assert_eq!(found.kvs()[0].mod_revision(), revision, "all at one revision");
        }
        assert_eq!(client.get("lock", None).await.unwrap().count(), 0);

        let twice = [TxnOp::put("k", "1", None), TxnOp::put("k", "2", None)];
        let refused = client.txn(Txn::new().and_then(twice)).await.unwrap_err();
        assert_eq!(message(refused), "etcdserver: duplicate key given in txn request");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compacted_cannot_be_read_or_watched() {
    with_clusters(async |_, mut client| {
        for value in ["1", "2", "3"] {
            client.put("k", value, None).await.unwrap();
        }
        let options = CompactionOptions::new().with_physical();
        client.compact(3, Some(options)).await.unwrap();
        let old = client.get("k", Some(GetOptions::new().with_revision(2))).await.unwrap_err();
        assert_eq!(message(old), "etcdserver: mvcc: required revision has been compacted");
        let kept = client.get("k", Some(GetOptions::new().with_revision(3))).await.unwrap();
        assert_eq!(kept.kvs()[0].value(), b"2");
        let again = client.compact(3, None).await.unwrap_err();
        assert_eq!(message(again), "etcdserver: mvcc: required revision has been compacted");

        let options = WatchOptions::new().with_start_revision(2);
        let mut stream = client.watch("k", Some(options)).await.unwrap();
        let mut response = stream.message().await.unwrap().unwrap();
        if !response.canceled() {
            response = stream.message().await.unwrap().unwrap();
        }
        assert!(response.canceled());
        assert_eq!(response.compact_revision(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_puts_and_deletions_with_what_was_there_before() {
    with_clusters(async |cluster, mut client| {
        let options = WatchOptions::new().with_prefix().with_prev_key();
        let mut stream = client.watch("w/", Some(options)).await.unwrap();
        assert!(stream.message().await.unwrap().is_none_or(|response| response.created()));
        for member in &cluster.members {
            let mut other = connect(&[member.address()]).await.unwrap();
            other.put("w/k", member.name.clone(), None).await.unwrap();
            other.delete("w/k", None).await.unwrap();
            other.put("other", "x", None).await.unwrap();
        }
        let mut events = Vec::new();
        while events.len() < 2 * cluster.members.len() {
            events.extend(stream.message().await.unwrap().unwrap().events().to_vec());
        }
        for (pair, member) in events.chunks(2).zip(&cluster.members) {
            assert_eq!(pair[0].event_type(), EventType::Put);
            assert_eq!(pair[0].kv().unwrap().value(), member.name.as_bytes());
            assert!(pair[0].prev_kv().is_none());
            assert_eq!(pair[1].event_type(), EventType::Delete);
            assert_eq!(pair[1].prev_kv().unwrap().value(), member.name.as_bytes());
            assert_eq!(
                pair[1].kv().unwrap().mod_revision(),
                pair[0].kv().unwrap().mod_revision() + 1
            );
        }
        stream.request_progress().await.unwrap();
        let progress = stream.message().await.unwrap().unwrap();
        assert!(progress.events().is_empty());
        stream.cancel(0).await.unwrap();
        assert!(stream.message().await.unwrap().unwrap().canceled());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_status_are_told() {
    with_clusters(async |cluster, mut client| {
        let size = cluster.members.len();
        let members = eventually("all members by name", async || {
            let list = client.member_list().await.ok()?;
            let named = list.members().iter().all(|member| !member.name().is_empty());
            named.then(|| list.members().to_vec())
        })
        .await;
        assert_eq!(members.len(), size);
        for told in &members {
            let member = cluster.members.iter().find(|member| member.name == told.name()).unwrap();
            assert_eq!(told.peer_urls(), [member.peer_url()]);
            assert_eq!(told.client_urls(), [member.client_url()]);
            assert!(!told.is_learner());
            let mut client = connect(&[member.address()]).await.unwrap();
            let status = client.status().await.unwrap();
            assert_eq!(status.header().unwrap().member_id(), told.id());
            assert!(members.iter().any(|member| member.id() == status.leader()));
            assert_eq!(status.version(), "3.7.1");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_killed_under_load_loses_no_acknowledged_write_and_no_event() {
    let cluster = Cluster::start(&daemon_binary(), 3);
    load::leader_is_killed::<Foreign>(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_restarted_in_turn_under_load_lose_no_acknowledged_write_and_no_event() {
    let cluster = Cluster::start(&daemon_binary(), 3);
    load::members_are_restarted_in_turn::<Foreign>(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_member_killed_under_load_loses_no_acknowledged_write_and_no_event() {
    let cluster = Cluster::start(&daemon_binary(), 1);
    load::all_are_killed::<Foreign>(&cluster).await;
}
