//! The `etcd-client` crate's other services: leases, locks, elections, users, upkeep and membership.

use std::time::Duration;

use clients::daemon::eventually;
use clients::foreign::{cluster, connect};
use etcd_client::{
    AlarmAction, AlarmOptions, AlarmType, Client, ConnectOptions, Error, GetOptions,
    LeaseGrantOptions, LeaseTimeToLiveOptions, LockOptions, MemberAddOptions, Permission,
    ProclaimOptions, PutOptions, ResignOptions, RoleRevokePermissionOptions,
};

fn message(error: Error) -> String {
    match error {
        Error::GRpcStatus(status) => status.message().to_owned(),
        other => panic!("not from the server: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_are_granted_kept_looked_at_and_revoked() {
    let (_cluster, mut client) = cluster(3).await;
    let granted = client.lease_grant(60, None).await.unwrap();
    let lease = granted.id();
    assert_eq!(granted.ttl(), 60);
    let own = LeaseGrantOptions::new().with_id(7);
    assert_eq!(client.lease_grant(60, Some(own.clone())).await.unwrap().id(), 7);
    let again = client.lease_grant(60, Some(own)).await.unwrap_err();
    assert_eq!(message(again), "etcdserver: lease already exists");
    client.put("leased", "1", Some(PutOptions::new().with_lease(lease))).await.unwrap();

    let (mut keeper, mut kept) = client.lease_keep_alive(lease).await.unwrap();
    keeper.keep_alive().await.unwrap();
    assert_eq!(kept.message().await.unwrap().unwrap().ttl(), 60);
    let options = LeaseTimeToLiveOptions::new().with_keys();
    let looked = client.lease_time_to_live(lease, Some(options)).await.unwrap();
    assert_eq!((looked.granted_ttl(), looked.keys()), (60, &[b"leased".to_vec()][..]));
    assert!((1..=60).contains(&looked.ttl()), "{}", looked.ttl());
    let leases = client.leases().await.unwrap();
    assert_eq!(leases.leases().len(), 2);

    client.lease_revoke(lease).await.unwrap();
    assert_eq!(client.get("leased", None).await.unwrap().count(), 0);
    let gone = client.lease_revoke(lease).await.unwrap_err();
    assert_eq!(message(gone), "etcdserver: requested lease not found");
    assert_eq!(client.lease_time_to_live(lease, None).await.unwrap().ttl(), -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_has_one_owner_at_a_time() {
    let (_cluster, mut client) = cluster(3).await;
    let leases = [
        client.lease_grant(60, None).await.unwrap().id(),
        client.lease_grant(60, None).await.unwrap().id(),
    ];
    let by = |lease| Some(LockOptions::new().with_lease(lease));
    let first = client.lock("lock", by(leases[0])).await.unwrap();
    assert!(first.key().starts_with(b"lock/"));
    let mut other = client.clone();
    let waiting = tokio::spawn(async move { other.lock("lock", by(leases[1])).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "two own the lock");
    client.unlock(first.key()).await.unwrap();
    let second = waiting.await.unwrap().unwrap();
    assert_ne!(first.key(), second.key());
    client.lease_revoke(leases[1]).await.unwrap();
    let third = client.lock("lock", None).await.unwrap();
    client.unlock(third.key()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_has_one_winner_whom_others_see() {
    let (_cluster, mut client) = cluster(3).await;
    let nobody = client.leader("office").await.unwrap_err();
    assert_eq!(message(nobody), "election: no leader");
    let mut leases = Vec::new();
    for _ in 0..2 {
        leases.push(client.lease_grant(60, None).await.unwrap().id());
    }
    let won = client.campaign("office", "one", leases[0]).await.unwrap();
    let key = won.leader().unwrap().clone();
    let mut observed = client.observe("office").await.unwrap();
    assert_eq!(observed.message().await.unwrap().unwrap().kv().unwrap().value(), b"one");

    let mut other = client.clone();
    let second = leases[1];
    let waiting = tokio::spawn(async move { other.campaign("office", "two", second).await });
    let options = ProclaimOptions::new().with_leader(key.clone());
    client.proclaim("still one", Some(options)).await.unwrap();
    let leader = client.leader("office").await.unwrap();
    assert_eq!(leader.kv().unwrap().value(), b"still one");
    assert!(!waiting.is_finished(), "two are elected");
    client.resign(Some(ResignOptions::new().with_leader(key.clone()))).await.unwrap();
    waiting.await.unwrap().unwrap();
    loop {
        let seen = observed.message().await.unwrap().unwrap();
        if seen.kv().unwrap().value() == b"two" {
            break;
        }
    }
    let options = ProclaimOptions::new().with_leader(key);
    let late = client.proclaim("one again", Some(options)).await.unwrap_err();
    assert_eq!(message(late), "election: not leader");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_do_what_their_roles_permit() {
    let (cluster, mut client) = cluster(1).await;
    client.user_add("root", "toor", None).await.unwrap();
    client.role_add("root").await.unwrap();
    client.user_grant_role("root", "root").await.unwrap();
    client.user_add("alice", "one", None).await.unwrap();
    client.role_add("reader").await.unwrap();
    let permission = Permission::read("pub/").with_prefix();
    client.role_grant_permission("reader", permission).await.unwrap();
    client.user_grant_role("alice", "reader").await.unwrap();
    assert_eq!(client.role_get("reader").await.unwrap().permissions().len(), 1);
    assert_eq!(client.user_get("alice").await.unwrap().roles(), ["reader"]);
    assert_eq!(client.user_list().await.unwrap().users(), ["alice", "root"]);
    assert_eq!(client.role_list().await.unwrap().roles(), ["reader", "root"]);
    client.auth_enable().await.unwrap();
    let nobody = client.get("pub/a", None).await.unwrap_err();
    assert_eq!(message(nobody), "etcdserver: user name is empty");

    let login = async |name: &str, password: &str| {
        let options = ConnectOptions::new().with_user(name, password);
        Client::connect(cluster.addresses(), Some(options)).await
    };
    let wrong = login("alice", "two").await.err().map(message);
    let text = "etcdserver: authentication failed, invalid user ID or password";
    assert_eq!(wrong.as_deref(), Some(text));
    let mut root = login("root", "toor").await.unwrap();
    let mut alice = login("alice", "one").await.unwrap();
    root.put("pub/a", "1", None).await.unwrap();
    assert_eq!(alice.get("pub/a", None).await.unwrap().kvs()[0].value(), b"1");
    for denied in [
        alice.get("priv", None).await.err(),
        alice.get("", Some(GetOptions::new().with_all_keys())).await.err(),
        alice.put("pub/a", "2", None).await.err(),
        alice.user_list().await.err(),
    ] {
        assert_eq!(denied.map(message).as_deref(), Some("etcdserver: permission denied"));
    }
    let options = RoleRevokePermissionOptions::new().with_prefix();
    root.role_revoke_permission("reader", "pub/", Some(options)).await.unwrap();
    assert!(alice.get("pub/a", None).await.is_err());
    root.user_revoke_role("alice", "reader").await.unwrap();
    root.user_change_password("alice", "two").await.unwrap();
    assert!(login("alice", "one").await.is_err());
    login("alice", "two").await.unwrap();
    root.user_delete("alice").await.unwrap();
    root.role_delete("reader").await.unwrap();
    root.auth_disable().await.unwrap();
    client.get("priv", None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_is_answered() {
    let (_cluster, mut client) = cluster(1).await;
    client.put("k", "1", None).await.unwrap();
    let member = client.status().await.unwrap().header().unwrap().member_id();
    assert_ne!(client.hash().await.unwrap().hash(), 0);
    assert_eq!(client.hash_kv(0).await.unwrap().compact_version(), -1);
    let options = || {
        let mut options = AlarmOptions::new();
        options.with_member(member);
        Some(options)
    };
    client.alarm(AlarmAction::Activate, AlarmType::Nospace, options()).await.unwrap();
    let raised = client.alarm(AlarmAction::Get, AlarmType::None, None).await.unwrap();
    assert_eq!(raised.alarms().len(), 1);
    let full = client.put("k", "2", None).await.unwrap_err();
    assert_eq!(message(full), "etcdserver: mvcc: database space exceeded");
    client.alarm(AlarmAction::Deactivate, AlarmType::Nospace, options()).await.unwrap();
    client.put("k", "2", None).await.unwrap();

    let mut snapshot = client.snapshot().await.unwrap();
    let (mut bytes, mut left) = (0, u64::MAX);
    while let Some(piece) = snapshot.message().await.unwrap() {
        bytes += piece.blob().len();
        left = piece.remaining_bytes();
    }
    assert_eq!((left, bytes % 512), (0, 32), "pages, and the hash behind them");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_added_changed_and_removed_and_leadership_moves() {
    let (cluster, mut client) = cluster(3).await;
    let status = client.status().await.unwrap();
    let members = client.member_list().await.unwrap().members().to_vec();
    let leader = members.iter().find(|member| member.id() == status.leader()).unwrap();
    let next = members.iter().find(|member| member.id() != status.leader()).unwrap();
    let of = |name: &str| {
        let member = cluster.members.iter().find(|member| member.name == name).unwrap();
        member.address()
    };
    let mut led = connect(&[of(leader.name())]).await.unwrap();
    led.move_leader(next.id()).await.unwrap();
    let mut new = connect(&[of(next.name())]).await.unwrap();
    assert_eq!(new.status().await.unwrap().leader(), next.id());
    let refused = led.move_leader(leader.id()).await.unwrap_err();
    assert_eq!(message(refused), "etcdserver: not leader");

    let learner = Some(MemberAddOptions::new().with_is_learner());
    let url = ["http://127.0.0.1:9"];
    // Before, the members have to be connected for some seconds (G63).
    let added = eventually("members that know each other", async || {
        client.member_add(url, learner.clone()).await.ok()
    })
    .await;
    let id = added.member().unwrap().id();
    assert!(added.member().unwrap().is_learner());
    assert_eq!(added.member_list().len(), 4);
    let early = client.member_promote(id).await.unwrap_err();
    let text = "etcdserver: can only promote a learner member which is in sync with leader";
    assert_eq!(message(early), text);
    let url = ["http://127.0.0.1:99"];
    let updated = client.member_update(id, &url.map(String::from)).await.unwrap();
    assert!(updated.members().iter().any(|member| member.peer_urls() == url));
    assert_eq!(client.member_remove(id).await.unwrap().members().len(), 3);
    let gone = client.member_remove(id).await.unwrap_err();
    assert_eq!(message(gone), "etcdserver: member not found");
}
