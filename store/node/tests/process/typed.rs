//! The project's own client, as the tests' [`Client`].

use std::time::Duration;

use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{
    PutRequest, RangeRequest, StatusRequest, WatchCreateRequest, WatchRequest, WatchResponse,
};
use detcd_api::mvccpb::KeyValue;
use detcd_node::grpc::{self, Channel, KeepAlive};
use detcd_node::runtime::tokio::{TcpNetwork, TokioRuntime};
use tonic::codec::Streaming;

use super::load::{Client, Row, Status};

const KEEP_ALIVE: KeepAlive = KeepAlive {
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(20),
    while_idle: false,
};

/// A connection to one member.
pub(crate) struct Typed {
    client: detcd_api::Client<Channel>,
}

/// A watch, and what keeps its request stream open.
pub(crate) struct Watch {
    responses: Streaming<WatchResponse>,
    _requests: tokio::sync::mpsc::Sender<WatchRequest>,
}

fn row(kv: KeyValue) -> Row {
    Row {
        key: String::from_utf8(kv.key.to_vec()).unwrap(),
        value: String::from_utf8(kv.value.to_vec()).unwrap(),
        revision: kv.mod_revision,
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Client for Typed {
    type Watch = Watch;

    async fn connect(address: &str) -> Result<Self, String> {
        let channel = grpc::connect::<TokioRuntime>(&TcpNetwork, address, KEEP_ALIVE).await;
        let origin = format!("http://{address}").parse().unwrap();
        Ok(Self { client: detcd_api::Client::new(channel.map_err(words)?, origin) })
    }

    async fn put(&mut self, key: &str, value: &str) -> Result<i64, String> {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        let request = PutRequest { key, value, ..PutRequest::default() };
        let response = self.client.kv().put(request).await.map_err(words)?;
        Ok(response.into_inner().header.unwrap().revision)
    }

    async fn get(&mut self, key: &str, revision: i64) -> Result<Option<Row>, String> {
        let key = key.to_owned().into();
        let request = RangeRequest { key, revision, ..RangeRequest::default() };
        let response = self.client.kv().range(request).await.map_err(words)?;
        Ok(response.into_inner().kvs.pop().map(row))
    }

    async fn status(&mut self) -> Result<Status, String> {
        let response = self.client.maintenance().status(StatusRequest {}).await.map_err(words)?;
        let response = response.into_inner();
        Ok(Status { member: response.header.unwrap().member_id, leader: response.leader })
    }

    async fn watch(&mut self, prefix: &str, from: i64) -> Result<Watch, String> {
        let mut end = prefix.as_bytes().to_vec();
        *end.last_mut().unwrap() += 1;
        let create = WatchCreateRequest {
            key: prefix.to_owned().into(),
            range_end: end.into(),
            start_revision: from,
            ..WatchCreateRequest::default()
        };
        let (requests, stream) = tokio::sync::mpsc::channel(1);
        let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        requests.send(request).await.map_err(words)?;
        let stream = tokio_stream::wrappers::ReceiverStream::new(stream);
        let responses = self.client.watch().watch(stream).await.map_err(words)?.into_inner();
        Ok(Watch { responses, _requests: requests })
    }

    async fn changes(watch: &mut Watch) -> Result<Vec<Row>, String> {
        let response = watch.responses.message().await.map_err(words)?.ok_or("it ended")?;
        if response.canceled {
            return Err(response.cancel_reason);
        }
        Ok(response.events.into_iter().filter_map(|event| event.kv.map(row)).collect())
    }
}
