//! What is no gRPC, or no HTTP/2: it ends its stream or its connection, and nobody else's.

use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{PutRequest, RangeRequest, WatchCreateRequest, WatchRequest};
use detcd_node::grpc::Channel;
use detcd_node::runtime::Network;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimRuntime, Trace, World, run};
use tokio::io::AsyncWriteExt;
use tonic::Code;
use tonic::body::Body;
use tower_service::Service;

use crate::http2::{PREFACE, SETTINGS, frame, has_ended, headers};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);

fn api(channel: &Channel) -> Client<Channel> {
    Client::new(channel.clone(), http::Uri::from_static("http://member"))
}

/// Runs `task` on a client of one member.
fn with_member<F, T>(task: F) -> T
where
    F: FnOnce(ClientHost) -> futures_util::future::BoxFuture<'static, T> + Send + 'static,
    T: Send + 'static,
{
    run(1, move || async move {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig { members: 1, ..Default::default() });
        let client = cluster.client("client", 1);
        R::sleep(5 * SECOND).await;
        let inside = client.clone();
        client.host().spawn(async move { task(inside).await }).await.expect("it is not cancelled")
    })
}

/// Sends a body as it is, and tells the status that came back.
async fn send(channel: &Channel, path: &str, body: Vec<u8>) -> Code {
    let request = http::Request::post(format!("http://member{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Full::from(body)))
        .expect("it is whole");
    let response = channel.clone().call(request).await.expect("the connection lives");
    let (parts, body) = response.into_parts();
    for name in ["date", "content-length"] {
        assert!(!parts.headers.contains_key(name), "{name} is no field of gRPC: {parts:?}");
    }
    let body = R::timeout(SECOND, body.collect()).await.expect("it ends").expect("it arrives");
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = parts.headers.get("grpc-status").or_else(|| trailers.get("grpc-status"));
    let status = status.expect("gRPC always tells how it ended").as_bytes();
    Code::from_bytes(status)
}

/// A message after gRPC's five bytes, which may lie.
fn message(compressed: u8, length: u32, content: &[u8]) -> Vec<u8> {
    let mut body = vec![compressed];
    body.extend(length.to_be_bytes());
    body.extend(content);
    body
}

#[test]
fn a_malformed_message_ends_its_stream_and_no_other() {
    with_member(|host| {
        Box::pin(async move {
            let channel = host.connect(1, SECOND).await.expect("it listens");
            let create = WatchCreateRequest { key: "k".into(), ..Default::default() };
            let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
            let requests = stream::iter([create]).chain(stream::pending());
            let mut watch =
                api(&channel).watch().watch(requests).await.expect("it leads").into_inner();
            assert!(watch.message().await.expect("it lives").expect("it is created").created);
            let malformed = [
                ("no protobuf", Code::Internal, message(0, 3, &[0xff; 3])),
                ("a length inside that is too long", Code::Internal, message(0, 3, &[0x0a, 9, 1])),
                ("less than was promised", Code::Internal, message(0, 10, &[0; 3])),
                ("half a header", Code::Internal, vec![0, 0]),
                ("nothing", Code::Unknown, Vec::new()),
                ("compressed by nobody knows what", Code::Internal, message(1, 2, &[0; 2])),
                ("an unknown form", Code::Internal, message(7, 2, &[0; 2])),
                ("4 GiB", Code::ResourceExhausted, message(0, u32::MAX, &[0; 9])),
            ];
            for path in ["/etcdserverpb.KV/Put", "/etcdserverpb.KV/Range", "/etcdserverpb.KV/Txn"] {
                for (what, code, body) in &malformed {
                    assert_eq!(send(&channel, path, body.clone()).await, *code, "{what} to {path}");
                }
            }
            for path in ["/etcdserverpb.Watch/Watch", "/etcdserverpb.Lease/LeaseKeepAlive"] {
                let code = send(&channel, path, message(0, 3, &[0xff; 3])).await;
                assert_eq!(code, Code::Internal, "{path}");
            }
            for path in ["/etcdserverpb.KV/Nothing", "/nobody.Knows/It", "/nothing"] {
                let unknown = send(&channel, path, message(0, 0, &[])).await;
                assert_eq!(unknown, Code::Unimplemented, "{path}");
            }
            // All that on one connection, whose other streams go on.
            let put = PutRequest { key: "k".into(), ..Default::default() };
            api(&channel).kv().put(put).await.expect("it leads");
            let told = watch.message().await.expect("it lives").expect("it goes on");
            assert_eq!(told.events.len(), 1);
        })
    });
}

/// What no client of HTTP/2 sends, after a proper beginning.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let mut trickle = headers(1);
    // A frame within a block of headers that is not over.
    trickle[4] = 0;
    trickle.extend(frame(6, 0, 0, &[0; 8]));
    let mut huge = vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1];
    huge.extend([0; 100]);
    vec![
        ("data on no stream", frame(0, 0, 0, b"data")),
        ("data on a stream that never was", frame(0, 0, 5, b"data")),
        ("headers on an even stream", frame(1, 4, 2, &headers(1)[9..])),
        ("headers that cannot be read", frame(1, 4, 1, &[0xff; 9])),
        ("half a ping", frame(6, 0, 0, &[0; 4])),
        ("a ping on a stream", frame(6, 0, 1, &[0; 8])),
        ("half a setting", frame(4, 0, 0, &[0; 5])),
        ("a window that grows by nothing", frame(8, 0, 0, &[0; 4])),
        ("a window that grows too large", frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2)),
        ("more headers of none", frame(9, 4, 1, b"")),
        ("a reset of no stream", frame(3, 0, 0, &[0; 4])),
        ("a push", frame(5, 4, 1, &[0; 8])),
        ("headers cut by something else", trickle),
        ("a frame of 16 MiB", huge),
    ]
}

#[test]
fn a_malformed_frame_ends_its_connection_and_no_other() {
    with_member(|host| {
        Box::pin(async move {
            let channel = host.connect(1, SECOND).await.expect("it listens");
            for (what, bytes) in nonsense() {
                let network = host.host().network();
                let mut connection = network.connect("10.0.0.1:2379").await.expect("it listens");
                let opening = [&PREFACE[..], &SETTINGS, &bytes].concat();
                connection.write_all(&opening).await.expect("it is open");
                assert!(has_ended(&mut connection).await, "{what} was taken");
                let read = RangeRequest { key: "k".into(), ..Default::default() };
                api(&channel).kv().range(read).await.expect("others are served");
            }
            // What is new in a later version is passed over.
            let network = host.host().network();
            let mut connection = network.connect("10.0.0.1:2379").await.expect("it listens");
            let unknown = [&PREFACE[..], &SETTINGS, &frame(0xfa, 0xff, 9, b"new")].concat();
            connection.write_all(&unknown).await.expect("it is open");
            assert!(!has_ended(&mut connection).await, "what is unknown harms nobody");
        })
    });
}
