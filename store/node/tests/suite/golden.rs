//! The member answers what etcd answered: recorded requests are sent over gRPC, message for message,
//! and the answers compared field by field.

use axum::Router;
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::AsyncRuntime;
use prost::Message;
use protox::prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::{descriptors, member, proto_json, raw_call};

const PROTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/proto");

#[tokio::test]
async fn ranges_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/kv_range.jsonl")).await, 72);
}

#[tokio::test]
async fn puts_and_deletions_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/kv_put_delete.jsonl")).await, 29);
}

#[tokio::test]
async fn transactions_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/txn.jsonl")).await, 120);
}

#[tokio::test]
async fn compactions_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/compaction.jsonl")).await, 48);
}

#[tokio::test]
async fn hashes_of_the_key_space_are_those_of_etcd() {
    assert_eq!(replay(include_str!("golden/hashkv.jsonl")).await, 60);
}

#[tokio::test]
async fn cluster_and_maintenance_are_answered_as_by_etcd() {
    // R13 to R25, G62, G65, G67, G70, G71, G77, G78.
    assert_eq!(replay(include_str!("golden/cluster_maintenance.jsonl")).await, 28);
}

#[tokio::test]
async fn watches_and_writes_between_them_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/watch.jsonl")).await, 28);
}

#[tokio::test]
async fn users_roles_and_permissions_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/auth.jsonl")).await, 88);
}

#[tokio::test]
async fn leases_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/lease.jsonl")).await, 23);
}

#[tokio::test]
async fn locks_and_elections_are_answered_as_by_etcd() {
    assert_eq!(replay(include_str!("golden/lock_election.jsonl")).await, 18);
}

/// Sends the requests of a file and compares the answers; how many there were.
async fn replay(lines: &str) -> usize {
    let pool = DescriptorPool::from_file_descriptor_set(descriptors::compile(PROTOS)).unwrap();
    let started = member::start().await;
    let member = started.router();
    knows_its_version(&pool, &member).await;
    let mut compared = 0;
    let mut token: Option<String> = None;
    let mut listed = false;
    for (number, line) in lines.lines().enumerate() {
        let mut line: Json = serde_json::from_str(line).unwrap();
        let path = line["path"].as_str().unwrap().to_owned();
        let waits = std::mem::replace(&mut listed, path == "/v3/kv/lease/leases");
        let request = spell_out(&line["request"]);
        let mut response = line["response"].take();
        mask_learner(&mut response);
        mask_file(&mut response);
        // The one request that etcd was sent a wrong token with.
        let wrong = (line["status"] == 401).then_some("wrong.1");
        let caller = Caller { pool: &pool, member: &member, token: wrong.or(token.as_deref()) };
        if path == "/v3/watch" {
            compared += 1;
            watch(&caller, &request, &response).await;
            continue;
        }
        compared += 1;
        if path == "/v3/lease/keepalive" {
            keep_alive(&caller, &request, &response).await;
            continue;
        }
        if path == "/v3/election/observe" {
            observe(&caller, &request, &response).await;
            continue;
        }
        let mut answer = send(&caller, &path, &request).await;
        // The recording waited until leases had expired, once it had listed them by that name.
        let lists = path == "/v3/lease/leases";
        let stays = |answer: &Json| {
            waits && has_keys(answer) || lists && answer["leases"] != response["leases"]
        };
        for _ in 0..WAITS_MAX {
            if !answer.as_ref().is_ok_and(stays) {
                break;
            }
            TokioRuntime::sleep(WAIT).await;
            answer = send(&caller, &path, &request).await;
        }
        let mut answer = answer.unwrap_or_else(
            |status| json!({ "code": i32::from(status.code()), "message": status.message() }),
        );
        mask_learner(&mut answer);
        mask_file(&mut answer);
        if let Some(given) = answer.get_mut("token") {
            token = given.as_str().map(str::to_owned);
            *given = "(token)".into();
        }
        assert_same(&answer, &response, &format!("line {}: {line}", number + 1));
    }
    compared
}

/// The recording was made of a cluster that had decided on its version. One with a member that has not
/// started yet decides on none.
async fn knows_its_version(pool: &DescriptorPool, member: &Router) {
    let caller = Caller { pool, member, token: None };
    let request = json!({ "action": "VALIDATE", "version": "3.9" });
    for _ in 0..WAITS_MAX {
        let answer = send(&caller, "/v3/maintenance/downgrade", &request).await;
        let status = answer.expect_err("there is no such version");
        if !status.message().contains("cluster version not found") {
            return;
        }
        TokioRuntime::sleep(WAIT).await;
    }
    panic!("the cluster decides on no version");
}

/// Between two questions about what takes its time.
const WAIT: std::time::Duration = std::time::Duration::from_millis(100);
/// How often it is asked for.
const WAITS_MAX: usize = 200;

/// Who calls what.
struct Caller<'a> {
    pool: &'a DescriptorPool,
    member: &'a Router,
    token: Option<&'a str>,
}

/// Sends a request of the gateway as the gateway would.
async fn send(caller: &Caller<'_>, path: &str, request: &Json) -> Result<Json, Status> {
    let (service, method) = method(path);
    let service = caller.pool.services().find(|known| known.full_name() == service).unwrap();
    let method = service.methods().find(|known| known.name() == method).unwrap();
    let request = proto_json::read(&method.input(), request).unwrap();
    let name = format!("{}/{}", service.full_name(), method.name());
    let request = request.encode_to_vec().into();
    let answer = raw_call::call(caller.member.clone(), &name, caller.token, request).await?;
    Ok(proto_json::write(&DynamicMessage::decode(method.output(), answer).unwrap()))
}

/// The id of a member that is added at run time holds the moment, and lists are in the order of ids.
fn mask_learner(answer: &mut Json) {
    let mask = |member: &mut Json| {
        if member["isLearner"] == true {
            member["ID"] = "(learner)".into();
        }
    };
    if let Some(member) = answer.get_mut("member") {
        mask(member);
    }
    if let Some(members) = answer.get_mut("members").and_then(Json::as_array_mut) {
        members.iter_mut().for_each(mask);
        members.sort_by_key(|member| member["ID"].to_string());
    }
}

/// How large the database is, and what a hash of its file is, differs from run to run.
fn mask_file(answer: &mut Json) {
    for field in ["dbSize", "dbSizeInUse"] {
        if let Some(size) = answer.get_mut(field) {
            let bytes = size.as_str().and_then(|size| size.parse().ok()).unwrap_or(0_u64);
            *size = if bytes > 0 { "(bytes)" } else { "nothing" }.into();
        }
    }
    // HashKV says which revision it is of; that one is etcd's to the bit.
    if answer.get("hash_revision").is_none()
        && answer.get("compact_revision").is_none()
        && let Some(hash) = answer.get_mut("hash")
    {
        *hash = if hash.is_number() { "(hash)" } else { "none" }.into();
    }
}

fn has_keys(range: &Json) -> bool {
    range.get("kvs").is_some()
}

/// Opens a stream with one request, closes its one end, and reads until the other is closed too.
async fn keep_alive(caller: &Caller<'_>, request: &Json, response: &Json) {
    let lease = caller.pool.get_service_by_name("etcdserverpb.Lease").unwrap();
    let method = lease.methods().find(|method| method.name() == "LeaseKeepAlive").unwrap();
    let encoded = proto_json::read(&method.input(), request).unwrap().encode_to_vec();
    let requests = tokio_stream::once(bytes::Bytes::from(encoded));
    let method_name = "etcdserverpb.Lease/LeaseKeepAlive";
    let member = caller.member.clone();
    let opened = raw_call::open(member, method_name, caller.token, requests).await;
    let mut answers = opened.unwrap();
    for expected in response.as_array().into_iter().flatten() {
        let answer = answers.message().await.unwrap().unwrap();
        let answer = proto_json::write(&DynamicMessage::decode(method.output(), answer).unwrap());
        assert_same(&answer, &expected["result"], &request.to_string());
    }
    assert_eq!(answers.message().await.unwrap(), None, "{request}: one answer too many");
}

/// Asks once and reads as many answers as etcd gave within a second.
async fn observe(caller: &Caller<'_>, request: &Json, response: &Json) {
    let election = caller.pool.get_service_by_name("v3electionpb.Election").unwrap();
    let method = election.methods().find(|method| method.name() == "Observe").unwrap();
    let encoded = proto_json::read(&method.input(), request).unwrap().encode_to_vec();
    let requests = tokio_stream::once(bytes::Bytes::from(encoded));
    let name = "v3electionpb.Election/Observe";
    let opened = raw_call::open(caller.member.clone(), name, caller.token, requests).await;
    let mut answers = opened.unwrap();
    for expected in response.as_array().into_iter().flatten() {
        let answer = answers.message().await.unwrap().unwrap();
        let answer = proto_json::write(&DynamicMessage::decode(method.output(), answer).unwrap());
        assert_same(&answer, &expected["result"], &request.to_string());
    }
}

/// Opens a stream with one request and reads as many answers as etcd gave. Nothing more may follow: a
/// second watcher is asked for, and the next answer must be its.
async fn watch(caller: &Caller<'_>, request: &Json, response: &Json) {
    let watch = caller.pool.get_service_by_name("etcdserverpb.Watch").unwrap();
    let watch = watch.methods().next().unwrap();
    let encode = |request: &Json| {
        let request = proto_json::read(&watch.input(), request).unwrap();
        bytes::Bytes::from(request.encode_to_vec())
    };
    let (requests, received) = mpsc::channel(2);
    requests.send(encode(request)).await.unwrap();
    let received = ReceiverStream::new(received);
    let member = caller.member.clone();
    let mut answers =
        raw_call::open(member, "etcdserverpb.Watch/Watch", caller.token, received).await.unwrap();
    let mut next = async || {
        let answer = answers.message().await.unwrap().unwrap();
        proto_json::write(&DynamicMessage::decode(watch.output(), answer).unwrap())
    };
    // Where etcd had nothing to say the recording has a sentence instead of a list.
    for expected in response.as_array().into_iter().flatten() {
        assert_same(&next().await, &expected["result"], &request.to_string());
    }
    let probe = json!({ "create_request": { "key": "YQ==", "watch_id": 77 } });
    requests.send(encode(&probe)).await.unwrap();
    let created = next().await;
    assert_eq!(created["watch_id"], "77", "{request}: one answer too many");
    assert_eq!(created["created"], true, "{request}: {created}");
}

fn method(path: &str) -> (&'static str, &'static str) {
    match path {
        "/v3/kv/range" => ("etcdserverpb.KV", "Range"),
        "/v3/kv/put" => ("etcdserverpb.KV", "Put"),
        "/v3/kv/deleterange" => ("etcdserverpb.KV", "DeleteRange"),
        "/v3/kv/txn" => ("etcdserverpb.KV", "Txn"),
        "/v3/kv/compaction" => ("etcdserverpb.KV", "Compact"),
        "/v3/lease/grant" => ("etcdserverpb.Lease", "LeaseGrant"),
        "/v3/lock/lock" => ("v3lockpb.Lock", "Lock"),
        "/v3/lock/unlock" => ("v3lockpb.Lock", "Unlock"),
        "/v3/election/campaign" => ("v3electionpb.Election", "Campaign"),
        "/v3/election/proclaim" => ("v3electionpb.Election", "Proclaim"),
        "/v3/election/leader" => ("v3electionpb.Election", "Leader"),
        "/v3/election/resign" => ("v3electionpb.Election", "Resign"),
        "/v3/lease/revoke" => ("etcdserverpb.Lease", "LeaseRevoke"),
        "/v3/lease/timetolive" => ("etcdserverpb.Lease", "LeaseTimeToLive"),
        "/v3/lease/leases" | "/v3/kv/lease/leases" => ("etcdserverpb.Lease", "LeaseLeases"),
        "/v3/maintenance/hashkv" => ("etcdserverpb.Maintenance", "HashKV"),
        "/v3/maintenance/hash" => ("etcdserverpb.Maintenance", "Hash"),
        "/v3/maintenance/defragment" => ("etcdserverpb.Maintenance", "Defragment"),
        "/v3/maintenance/status" => ("etcdserverpb.Maintenance", "Status"),
        "/v3/maintenance/alarm" => ("etcdserverpb.Maintenance", "Alarm"),
        "/v3/maintenance/transfer-leadership" => ("etcdserverpb.Maintenance", "MoveLeader"),
        "/v3/maintenance/downgrade" => ("etcdserverpb.Maintenance", "Downgrade"),
        "/v3/cluster/member/list" => ("etcdserverpb.Cluster", "MemberList"),
        "/v3/cluster/member/add" => ("etcdserverpb.Cluster", "MemberAdd"),
        "/v3/cluster/member/remove" => ("etcdserverpb.Cluster", "MemberRemove"),
        "/v3/cluster/member/update" => ("etcdserverpb.Cluster", "MemberUpdate"),
        "/v3/cluster/member/promote" => ("etcdserverpb.Cluster", "MemberPromote"),
        "/v3/auth/enable" => ("etcdserverpb.Auth", "AuthEnable"),
        "/v3/auth/disable" => ("etcdserverpb.Auth", "AuthDisable"),
        "/v3/auth/status" => ("etcdserverpb.Auth", "AuthStatus"),
        "/v3/auth/authenticate" => ("etcdserverpb.Auth", "Authenticate"),
        "/v3/auth/user/add" => ("etcdserverpb.Auth", "UserAdd"),
        "/v3/auth/user/get" => ("etcdserverpb.Auth", "UserGet"),
        "/v3/auth/user/list" => ("etcdserverpb.Auth", "UserList"),
        "/v3/auth/user/delete" => ("etcdserverpb.Auth", "UserDelete"),
        "/v3/auth/user/changepw" => ("etcdserverpb.Auth", "UserChangePassword"),
        "/v3/auth/user/grant" => ("etcdserverpb.Auth", "UserGrantRole"),
        "/v3/auth/user/revoke" => ("etcdserverpb.Auth", "UserRevokeRole"),
        "/v3/auth/role/add" => ("etcdserverpb.Auth", "RoleAdd"),
        "/v3/auth/role/get" => ("etcdserverpb.Auth", "RoleGet"),
        "/v3/auth/role/list" => ("etcdserverpb.Auth", "RoleList"),
        "/v3/auth/role/delete" => ("etcdserverpb.Auth", "RoleDelete"),
        "/v3/auth/role/grant" => ("etcdserverpb.Auth", "RoleGrantPermission"),
        "/v3/auth/role/revoke" => ("etcdserverpb.Auth", "RoleRevokePermission"),
        "/v3/watch" => ("etcdserverpb.Watch", "Watch"),
        _ => panic!("no method is known for {path}"),
    }
}

/// Requests that were too long to be recorded.
fn spell_out(request: &Json) -> Json {
    let put = |n: usize| json!({ "request_put": { "key": base64(&format!("k{n}")) } });
    match request.as_str() {
        None if request["value"] == "(base64 of 1600000 times x)" => {
            json!({ "key": request["key"], "value": base64(&"x".repeat(1_600_000)) })
        }
        None => request.clone(),
        Some("success: 128 puts of k0..k127") => {
            json!({ "success": (0..128).map(put).collect::<Json>() })
        }
        Some("success: 129 puts of k0..k128") => {
            json!({ "success": (0..129).map(put).collect::<Json>() })
        }
        Some("129 compares") => json!({ "compare": vec![json!({ "key": "YQ==" }); 129] }),
        Some("failure: 129 ranges") => {
            json!({ "failure": vec![json!({ "request_range": { "key": "YQ==" } }); 129] })
        }
        Some(other) => panic!("what is {other:?}?"),
    }
}

fn base64(text: &str) -> String {
    proto_json::base64(text.as_bytes())
}

/// Everything must be equal but Raft's term, which must only be there, and what was only described.
fn assert_same(answer: &Json, expected: &Json, at: &str) {
    let mut answer = answer.clone();
    let mut expected = expected.clone();
    if let Some(term) = expected.pointer_mut("/header/raft_term") {
        let term = std::mem::take(term);
        assert!(term.is_string(), "{at}");
        let own = answer.pointer_mut("/header/raft_term").map(std::mem::take);
        assert!(own.is_some_and(|own| own.is_string()), "{at}: no term in {answer}");
    }
    // How much was written until then, which no two stores agree on.
    if expected.get("dbSize").is_some() {
        for varies in ["dbSize", "dbSizeInUse", "raftIndex", "raftAppliedIndex", "raftTerm"] {
            assert!(answer[varies].take().is_string(), "{at}: no {varies} in {answer}");
            expected[varies].take();
        }
    }
    if expected["responses"] == "128 of them" {
        assert_eq!(answer["responses"].as_array().map(Vec::len), Some(128), "{at}");
        expected["responses"] = answer["responses"].clone();
    }
    assert_eq!(answer, expected, "{at}");
}
