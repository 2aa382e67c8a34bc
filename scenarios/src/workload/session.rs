//! A client that sends one request at a time and writes down what becomes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use detcd_api::Client;
use detcd_node::grpc::Channel;
use jepsen_like::history::{
    ClientId, Info, InfoKind, MemberId, OpId, Refusal, RefusalKind, Request, Response,
};
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use tonic::Status;

use super::convert;
use super::recorder::Recorder;
use super::refusal::{End, end_of};
use super::stream;
use sim::cluster::ClientHost;

/// No member looks at it, but HTTP/2 wants one.
const ORIGIN: &str = "http://detcd";

/// One in so many ranges is read as a stream, if it can be.
const STREAMED_ONE_IN: OpId = 4;

/// A client's connections and its name in the history.
#[derive(Debug)]
pub struct Session {
    host: ClientHost,
    recorder: Recorder,
    client: ClientId,
    channels: BTreeMap<usize, Channel>,
}

/// The client side of a connection.
pub(super) fn client(channel: Channel) -> Client<Channel> {
    Client::new(channel, http::Uri::from_static(ORIGIN))
}

/// The number of a member in histories.
pub(crate) fn member_id(member: usize) -> MemberId {
    member as MemberId
}

impl Session {
    /// A session on a machine.
    pub fn new(host: ClientHost, recorder: &Recorder) -> Self {
        let client = recorder.new_client();
        Self { host, recorder: recorder.clone(), client, channels: BTreeMap::new() }
    }

    /// Where everything is written down.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Sends a request to a member (from 1) and waits so long for the answer.
    pub async fn call(
        &mut self,
        member: usize,
        request: Request,
        patience: Duration,
    ) -> Option<Response> {
        let op = self.recorder.new_op();
        self.call_as(op, member, request, patience).await
    }

    /// As [`Self::call`], for an operation that has its name already.
    pub async fn call_as(
        &mut self,
        op: OpId,
        member: usize,
        request: Request,
        patience: Duration,
    ) -> Option<Response> {
        let recorder = self.recorder.clone();
        recorder.invoke(op, self.client, member_id(member), &request);
        let Some(channel) = self.channel(member, patience).await else {
            recorder.fail(op, Refusal::from(RefusalKind::NotServed));
            return None;
        };
        match SimRuntime::timeout(patience, send(channel, op, &request)).await {
            Ok(Ok(response)) => {
                recorder.ok(op, response.clone());
                Some(response)
            }
            Ok(Err(status)) => {
                self.ended(op, member, end_of(&status));
                None
            }
            Err(_elapsed) => {
                self.ended(op, member, End::Info(Info::from(InfoKind::Timeout)));
                None
            }
        }
    }

    /// A connection to a member: the one that is there, or a new one.
    async fn channel(&mut self, member: usize, patience: Duration) -> Option<Channel> {
        if let Some(channel) = self.channels.get(&member)
            && !channel.is_closed()
        {
            return Some(channel.clone());
        }
        let channel = self.host.connect(member, patience).await.ok()?;
        self.channels.insert(member, channel.clone());
        Some(channel)
    }

    fn ended(&mut self, op: OpId, member: usize, end: End) {
        match end {
            End::Fail(refusal) => self.recorder.fail(op, refusal),
            End::Info(info) => {
                // Its last operation may still be under way, so that client is never heard of again.
                self.client = self.recorder.new_client();
                if matches!(info.kind, InfoKind::Timeout | InfoKind::ConnectionLost) {
                    self.channels.remove(&member);
                }
                self.recorder.info(op, info);
            }
        }
    }
}

async fn send(channel: Channel, op: OpId, request: &Request) -> Result<Response, Status> {
    let client = client(channel);
    Ok(match request {
        Request::Range(request)
            if op.is_multiple_of(STREAMED_ONE_IN) && stream::can_be(request) =>
        {
            let response = stream::range(&client, convert::range(request)).await?;
            Response::Range(convert::range_response(response))
        }
        Request::Range(request) => {
            let response = client.kv().range(convert::range(request)).await?;
            Response::Range(convert::range_response(response.into_inner()))
        }
        Request::Put(request) => {
            let response = client.kv().put(convert::put(request)).await?;
            Response::Put(convert::put_response(response.into_inner()))
        }
        Request::DeleteRange(request) => {
            let response = client.kv().delete_range(convert::delete_range(request)).await?;
            Response::DeleteRange(convert::delete_range_response(response.into_inner()))
        }
        Request::Txn(request) => {
            let response = client.kv().txn(convert::txn(request)).await?;
            Response::Txn(convert::txn_response(response.into_inner()))
        }
        Request::Compact(request) => {
            let request = detcd_api::etcdserverpb::CompactionRequest {
                revision: request.revision,
                physical: request.physical,
            };
            let response = client.kv().compact(request).await?;
            Response::Compact(convert::compact_response(response.get_ref()))
        }
    })
}
