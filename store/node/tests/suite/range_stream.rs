//! A range as a stream (R2, G19).

use axum::Router;
use detcd_api::Client;
use detcd_api::etcdserverpb::{CompactionRequest, PutRequest, RangeRequest, RangeResponse};
use tonic::{Code, Status};

use crate::member;

async fn client() -> (member::Member, Client<Router>) {
    let member = member::start().await;
    let client = Client::new(member.router(), "http://member".parse().unwrap());
    (member, client)
}

async fn put(client: &Client<Router>, key: &str, bytes: usize) {
    let value = vec![b'v'; bytes].into();
    let request = PutRequest { key: key.to_owned().into(), value, ..Default::default() };
    client.kv().put(request).await.unwrap();
}

async fn stream(
    client: &Client<Router>,
    request: RangeRequest,
) -> Result<Vec<RangeResponse>, Status> {
    let mut chunks = Vec::new();
    let mut stream = client.kv().range_stream(request).await?.into_inner();
    while let Some(chunk) = stream.message().await? {
        chunks.push(chunk.range_response.unwrap());
    }
    Ok(chunks)
}

fn all() -> RangeRequest {
    RangeRequest { key: "\0".into(), range_end: "\0".into(), ..Default::default() }
}

/// The chunks as one answer; only the last may say anything of the whole.
fn joined(chunks: Vec<RangeResponse>) -> RangeResponse {
    let (last, rest) = chunks.split_last().unwrap();
    for chunk in rest {
        assert_eq!((chunk.header, chunk.count, chunk.more), (None, 0, false));
        assert!(!chunk.kvs.is_empty());
    }
    let mut whole = last.clone();
    whole.kvs = chunks.into_iter().flat_map(|chunk| chunk.kvs).collect();
    whole
}

#[tokio::test]
async fn the_chunks_together_are_what_a_range_answers() {
    let (_member, client) = client().await;
    for number in 0..45 {
        put(&client, &format!("k{number:02}"), 3).await;
    }
    let key = |key: &str| RangeRequest { key: key.to_owned().into(), ..Default::default() };
    for request in [
        all(),
        RangeRequest { limit: 1, ..all() },
        RangeRequest { limit: 10, ..all() },
        RangeRequest { limit: 11, ..all() },
        RangeRequest { limit: 44, ..all() },
        RangeRequest { limit: 45, ..all() },
        RangeRequest { limit: -1, ..all() },
        RangeRequest { revision: 20, ..all() },
        RangeRequest { keys_only: true, serializable: true, ..all() },
        RangeRequest { count_only: true, ..all() },
        RangeRequest { sort_order: 1, ..all() },
        key("k07"),
        key("none"),
        RangeRequest { range_end: "k20".into(), ..key("k05") },
        RangeRequest { range_end: "a".into(), ..key("b") },
    ] {
        let range = client.kv().range(request.clone()).await.unwrap().into_inner();
        let chunks = stream(&client, request.clone()).await.unwrap();
        assert_eq!(joined(chunks), range, "{request:?}");
    }
    assert_eq!(stream(&client, all()).await.unwrap()[0].kvs.len(), 10);
}

#[tokio::test]
async fn chunks_stay_near_the_largest_request() {
    let (_member, client) = client().await;
    for number in 0..40 {
        put(&client, &format!("k{number:02}"), 600_000).await;
    }
    let chunks = stream(&client, all()).await.unwrap();
    let sizes: Vec<usize> = chunks.iter().map(|chunk| chunk.kvs.len()).collect();
    // 6 MB, then halved until it is no more than twice 1.5 MB.
    assert_eq!(sizes, [10, 5, 5, 5, 5, 5, 5]);
}

#[tokio::test]
async fn what_is_written_meanwhile_is_not_in_the_stream() {
    let (_member, client) = client().await;
    for number in 0..30 {
        put(&client, &format!("k{number:02}"), 1).await;
    }
    let mut chunks = client.kv().range_stream(all()).await.unwrap().into_inner();
    let mut kvs = chunks.message().await.unwrap().unwrap().range_response.unwrap().kvs;
    put(&client, "k29", 2).await;
    put(&client, "k30", 2).await;
    let mut revision = 0;
    while let Some(chunk) = chunks.message().await.unwrap() {
        let chunk = chunk.range_response.unwrap();
        kvs.extend(chunk.kvs);
        revision = chunk.header.map_or(0, |header| header.revision);
    }
    assert_eq!((kvs.len(), revision), (30, 31));
    assert!(kvs.iter().all(|kv| kv.value.len() == 1));
}

#[tokio::test]
async fn refusals_are_etcds() {
    let (_member, client) = client().await;
    put(&client, "k", 1).await;
    put(&client, "k", 1).await;
    client.kv().compact(CompactionRequest { revision: 3, physical: true }).await.unwrap();
    for (request, code, text) in [
        (RangeRequest::default(), Code::InvalidArgument, "etcdserver: key is not provided"),
        (
            RangeRequest { sort_order: 9, ..all() },
            Code::InvalidArgument,
            "etcdserver: invalid sort option",
        ),
        (
            RangeRequest { sort_order: 2, min_mod_revision: 1, ..all() },
            Code::Unimplemented,
            "RangeStream does not support custom sort orders",
        ),
        (
            RangeRequest { sort_order: 1, sort_target: 3, ..all() },
            Code::Unimplemented,
            "RangeStream does not support custom sort orders",
        ),
        (
            RangeRequest { max_create_revision: -1, ..all() },
            Code::Unimplemented,
            "RangeStream does not support revision filters",
        ),
        (
            RangeRequest { revision: 2, ..all() },
            Code::OutOfRange,
            "etcdserver: mvcc: required revision has been compacted",
        ),
        (
            RangeRequest { revision: 4, ..all() },
            Code::OutOfRange,
            "etcdserver: mvcc: required revision is a future revision",
        ),
    ] {
        let refused = stream(&client, request).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (code, text));
    }
}
