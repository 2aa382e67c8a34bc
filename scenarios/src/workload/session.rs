//! A client that sends one request at a time and writes down what becomes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use detcd_api::Error;
use detcd_node::grpc::Channel;
use jepsen_like::history::{
    ClientId, Info, InfoKind, MemberId, OpId, Refusal, RefusalKind, Request, Response,
};
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use tonic::Status;

use super::access::no_token;
use super::convert;
use super::election_calls::elect;
use super::lease_calls;
use super::login::{Caller, Login, Token, authenticate, client};
use super::recorder::Recorder;
use super::refusal::{End, end_of, unsettled};
use super::stream;
use sim::cluster::ClientHost;

/// One in so many ranges is read as a stream, if it can be.
const STREAMED_ONE_IN: OpId = 4;

/// How long a token may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client's connections and its name in the history.
#[derive(Debug)]
pub struct Session {
    host: ClientHost,
    recorder: Recorder,
    client: ClientId,
    channels: BTreeMap<usize, Channel>,
    login: Option<Login>,
    token: Option<Token>,
    /// Whether locks are elections.
    elects: bool,
}

/// The number of a member in histories.
pub(crate) fn member_id(member: usize) -> MemberId {
    member as MemberId
}

impl Session {
    /// A session on a machine.
    pub fn new(host: ClientHost, recorder: &Recorder) -> Self {
        let client = recorder.new_client();
        let (recorder, channels) = (recorder.clone(), BTreeMap::new());
        Self { host, recorder, client, channels, login: None, token: None, elects: false }
    }

    /// The same as a user.
    #[must_use]
    pub fn with_login(self, login: Option<Login>) -> Self {
        Self { login, ..self }
    }

    /// The same through the election service, as far as that goes.
    #[must_use]
    pub fn electing(self) -> Self {
        Self { elects: true, ..self }
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
        let is_lock = matches!(request, Request::Lock(_));
        match SimRuntime::timeout(patience, self.send(channel, op, &request)).await {
            Ok(Ok(None)) => {
                recorder.fail(op, no_token());
                None
            }
            Ok(Ok(Some(response))) => {
                recorder.ok(op, response.clone());
                Some(response)
            }
            Ok(Err(status)) => {
                let end = if is_lock { unsettled(&status) } else { end_of(&status) };
                self.ended(op, member, end);
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

    /// Sends a request; once more if it was refused because its token is not known any more. Nothing
    /// comes of it without a token.
    async fn send(
        &mut self,
        channel: Channel,
        op: OpId,
        request: &Request,
    ) -> Result<Option<Response>, Status> {
        for _ in 0..2 {
            let Some(token) = self.token(channel.clone(), PATIENCE).await else { return Ok(None) };
            let client = client(channel.clone(), token);
            let elected = match self.elects {
                true => elect(&client, request).await,
                false => None,
            };
            let answer = match elected {
                Some(answer) => answer,
                None => send(client, op, request).await,
            };
            match answer {
                Ok(response) => return Ok(Some(response)),
                Err(status) if self.looked_at(&status) => {}
                Err(status) => return Err(status),
            }
        }
        Ok(None)
    }

    /// Gets a token at this member, unless there is one: a learner takes tokens and gives none (G69).
    pub async fn log_in(&mut self, member: usize, patience: Duration) {
        // Where it fails, whoever needs it finds out.
        let _ = self.caller(member, patience).await;
    }

    /// A client that says who it is, if the member can be reached and gives a token.
    pub(super) async fn caller(&mut self, member: usize, patience: Duration) -> Option<Caller> {
        let channel = self.channel(member, patience).await?;
        let token = self.token(channel.clone(), patience).await?;
        Some(client(channel, token))
    }

    async fn token(&mut self, channel: Channel, patience: Duration) -> Option<Token> {
        if self.token.is_none() {
            self.token = authenticate(channel, self.login.as_ref(), patience).await;
        }
        self.token.clone()
    }

    /// Forgets a token that is not known any more, or too old, and tells whether that was so.
    pub(super) fn looked_at(&mut self, status: &Status) -> bool {
        let error = Error::from_status(status);
        let is_unknown = matches!(error, Some(Error::InvalidAuthToken | Error::AuthOldRevision));
        if is_unknown {
            self.token = None;
        }
        is_unknown
    }

    /// Forgets the connection to a member that does not answer.
    pub(super) fn leave(&mut self, member: usize) {
        self.channels.remove(&member);
    }
}

async fn send(client: Caller, op: OpId, request: &Request) -> Result<Response, Status> {
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
        Request::Lease(request) => Response::Lease(lease_calls::lease(&client, request).await?),
        Request::Lock(request) => Response::Lock(lease_calls::lock(&client, request).await?),
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
