//! What clients see besides the answers of single requests: limits, health, headers and plain HTTP.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use detcd_api::Client;
use detcd_api::etcdserverpb::kv_client::KvClient;
use detcd_api::etcdserverpb::{
    AuthEnableRequest, AuthUserAddRequest, AuthUserGetRequest, AuthUserGrantRoleRequest,
    MemberListRequest, PutRequest, RangeRequest, ResponseHeader, StatusRequest,
};
use detcd_api::health::HealthCheckRequest;
use detcd_api::health::health_check_response::ServingStatus;
use http_body_util::BodyExt;
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tower_service::Service;

use crate::member;

/// A member, and a client of it.
async fn client() -> (member::Member, Client<axum::Router>) {
    let member = member::start().await;
    let client = Client::new(member.router(), "http://member".parse().unwrap());
    (member, client)
}

/// Status, content type and body.
async fn http(method: Method, uri: &str) -> (StatusCode, String, String) {
    ask(&member::start().await, method, uri).await
}

async fn ask(member: &member::Member, method: Method, uri: &str) -> (StatusCode, String, String) {
    let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    let response = member.router().call(request).await.unwrap();
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(uri: &str) -> (StatusCode, String) {
    let (status, _, body) = http(Method::GET, uri).await;
    (status, body)
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_by_the_member_and_beyond_that_by_the_transport() {
    let put =
        |len| PutRequest { key: "k".into(), value: vec![0; len].into(), ..Default::default() };
    let (_member, client) = client().await;
    let refused = client.kv().put(put(1_572_864)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.message(), "etcdserver: request is too large");
    let refused = client.kv().put(put(3_000_000)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.message(), "grpc: received message larger than max (3000008 vs. 2097152)");
    client.kv().put(put(1_500_000)).await.unwrap();
}

#[tokio::test]
async fn answers_larger_than_any_request_get_through() {
    let (_member, client) = client().await;
    for key in ["a", "b", "c"] {
        let value = vec![1; 1_500_000].into();
        let put = PutRequest { key: key.into(), value, ..Default::default() };
        client.kv().put(put).await.unwrap();
    }
    let all = RangeRequest { key: "a".into(), range_end: "z".into(), ..Default::default() };
    let range = client.kv().range(all).await.unwrap().into_inner();
    assert_eq!(range.kvs.iter().map(|kv| kv.value.len()).sum::<usize>(), 4_500_000);
}

#[tokio::test]
async fn membership_is_answered_without_a_revision() {
    let (_member, client) = client().await;
    client.kv().put(PutRequest { key: "k".into(), ..Default::default() }).await.unwrap();
    for linearizable in [false, true] {
        let request = MemberListRequest { linearizable };
        let list = client.cluster().member_list(request).await.unwrap().into_inner();
        let ResponseHeader { cluster_id, member_id, revision, raft_term } = list.header.unwrap();
        assert_eq!((cluster_id, revision), (0xcdf8_1819_4e3a_8c32, 0));
        assert!(raft_term > 0);
        let [member] = list.members.as_slice() else { panic!("{:?}", list.members) };
        assert_eq!((member.id, member_id), (0x8e9e_05c5_2164_694d, member.id));
        assert_eq!(member.name, "default");
    }
}

#[tokio::test]
async fn status_tells_the_versions_and_the_leader() {
    let (_member, client) = client().await;
    let status = client.maintenance().status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.version, "3.7.1");
    assert_eq!(status.storage_version, "3.7.0");
    assert_eq!(status.header.unwrap().revision, 1);
    assert_eq!(status.leader, 0x8e9e_05c5_2164_694d);
    assert_eq!(status.errors, Vec::<String>::new());
    assert!(status.downgrade_info.is_some());
    assert!(status.raft_applied_index <= status.raft_index);
}

#[tokio::test]
async fn the_server_is_healthy_and_other_services_are_unknown() {
    let ask = |service: &str| HealthCheckRequest { service: service.to_owned() };
    let (_member, client) = client().await;
    let mut health = client.health();
    let answer = health.check(ask("")).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);
    assert_eq!(health.check(ask("other")).await.unwrap_err().code(), Code::NotFound);
    for (service, status) in
        [("", ServingStatus::Serving), ("other", ServingStatus::ServiceUnknown)]
    {
        let mut stream = health.watch(ask(service)).await.unwrap().into_inner();
        assert_eq!(stream.message().await.unwrap().unwrap().status(), status);
    }
}

#[tokio::test]
async fn what_is_not_known_is_unimplemented() {
    let member = member::start().await;
    for (path, text) in [
        ("/no.Service/Call", "unknown service no.Service"),
        ("/nothing", "malformed method name: \"/nothing\""),
        ("/etcdserverpb.KV/Call", "unknown method Call for service etcdserverpb.KV"),
        ("/etcdserverpb.Watch/Call", "unknown method Call for service etcdserverpb.Watch"),
    ] {
        let status = raw(&member, path, &[0, 0, 0, 0, 0]).await;
        assert_eq!((status.code(), status.message()), (Code::Unimplemented, text));
    }
}

/// The status that a body of raw bytes gets.
async fn raw(member: &member::Member, path: &str, body: &'static [u8]) -> tonic::Status {
    let request = Request::post(path).header("content-type", "application/grpc");
    let request = request.body(Body::from(body)).unwrap();
    let response = member.router().call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    tonic::Status::from_header_map(response.headers()).unwrap()
}

#[tokio::test]
async fn a_message_that_is_none_ends_its_call_and_nothing_else() {
    let (member, client) = client().await;
    // Field 1 with five bytes announced, and two there.
    let status =
        raw(&member, "/etcdserverpb.KV/Range", &[0, 0, 0, 0, 4, 0x0a, 5, b'a', b'b']).await;
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().starts_with("grpc: error unmarshalling request: "), "{status:?}");
    client.kv().put(PutRequest { key: "k".into(), ..Default::default() }).await.unwrap();
}

#[tokio::test]
async fn health_is_told_in_json() {
    let healthy = (StatusCode::OK, r#"{"health":"true","reason":""}"#.to_owned());
    assert_eq!(get("/health").await, healthy);
    assert_eq!(get("/health?serializable=true&exclude=NOSPACE").await, healthy);
}

#[tokio::test]
async fn version_is_told_in_json() {
    let member = member::start().await;
    let body = loop {
        let (status, kind, body) = ask(&member, Method::GET, "/version").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(kind, "application/json");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        // Until its leader has decided, a new cluster has no version.
        if body["etcdcluster"] != "not_decided" {
            break body;
        }
        tokio::task::yield_now().await;
    };
    let expected = serde_json::json!({
        "etcdserver": "3.7.1", "etcdcluster": "3.7.0", "storage": "3.7.0",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn probes_list_their_checks_when_asked_to() {
    let ok = (StatusCode::OK, "ok\n".to_owned());
    for uri in ["/livez", "/readyz", "/livez/serializable_read", "/readyz/data_corruption"] {
        assert_eq!(get(uri).await, ok, "{uri}");
    }
    let (_, body) = get("/readyz?verbose&exclude=non_learner&exclude=nothing").await;
    assert_eq!(
        body,
        "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\nok\n"
    );
    let (_, body) = get("/livez?verbose").await;
    assert_eq!(body, "[+]serializable_read ok\nok\n");
}

#[tokio::test]
async fn plain_http_answers_only_get_and_only_known_paths() {
    let member = member::start().await;
    for uri in ["/health", "/version", "/livez", "/readyz", "/readyz/non_learner"] {
        let request = Request::post(uri).body(Body::empty()).unwrap();
        let response = member.router().call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{uri}");
        assert_eq!(response.headers()[header::ALLOW], "GET", "{uri}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "Method Not Allowed\n", "{uri}");
    }
    for uri in ["/", "/nothing", "/livez/linearizable_read", "/health/more"] {
        assert_eq!(get(uri).await, (StatusCode::NOT_FOUND, "404 page not found\n".to_owned()));
    }
}

/// A request that is compressed is answered alike, and no other, though its client would understand.
#[tokio::test]
async fn compressed_requests_are_answered_alike() {
    let (member, client) = client().await;
    let value = vec![b'v'; 100_000];
    let put = PutRequest { key: "k".into(), value: value.clone().into(), ..Default::default() };
    client.kv().put(put).await.unwrap();
    let range = || RangeRequest { key: "k".into(), ..Default::default() };
    let kv = || {
        KvClient::with_origin(member.router(), "http://member".parse().unwrap())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(200_000)
    };
    let plain = kv().range(range()).await.unwrap();
    assert_eq!(plain.metadata().get("grpc-encoding"), None);
    let compressed = kv().send_compressed(CompressionEncoding::Gzip).range(range()).await.unwrap();
    assert_eq!(compressed.metadata().get("grpc-encoding").unwrap(), "gzip");
    for answer in [plain, compressed] {
        assert_eq!(answer.into_inner().kvs[0].value, value);
    }
    // What is small on its way must be small inside.
    let bomb =
        PutRequest { key: "k".into(), value: vec![0; 3_000_000].into(), ..Default::default() };
    let refused = kv().send_compressed(CompressionEncoding::Gzip).put(bomb).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let text = "grpc: received message after decompression larger than max 2097152";
    assert_eq!(refused.message(), text);
}

/// G85: to see oneself needs no right, not even for who is nobody, and is told so.
#[tokio::test]
async fn nobody_may_ask_for_nobody() {
    let (_member, client) = client().await;
    let (name, mut auth) = ("root".to_owned(), client.auth());
    let add = AuthUserAddRequest { name: name.clone(), password: "x".into(), ..Default::default() };
    auth.user_add(add).await.unwrap();
    let grant = AuthUserGrantRoleRequest { user: name.clone(), role: name.clone() };
    auth.user_grant_role(grant).await.unwrap();
    auth.auth_enable(AuthEnableRequest {}).await.unwrap();
    for (name, text) in
        [("", "etcdserver: user name not found"), ("root", "etcdserver: user name is empty")]
    {
        let refused = auth.user_get(AuthUserGetRequest { name: name.into() }).await.unwrap_err();
        assert_eq!(refused.message(), text);
    }
}
