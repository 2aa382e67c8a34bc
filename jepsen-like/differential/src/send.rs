//! Sends a request and remembers what its answer tells of the server.

use detcd_api::Client;
use detcd_api::etcdserverpb::{
    LeaseKeepAliveRequest, LeaseLeasesRequest, ResponseHeader, StatusRequest,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::auth;
use crate::channel::Channel;
use crate::fields::{self, Fields};
use crate::known::Known;
use crate::request::Request;
use crate::watch;

/// Sends `request`, without symbols, and tells the fields of the answer.
pub async fn send(
    client: &Client<Channel>,
    request: Request,
    known: &mut Known,
) -> Result<Fields, Status> {
    macro_rules! ask {
        ($service:ident.$method:ident($request:expr)) => {{
            let request = auth::spoken($request, known);
            let answer = client.$service().$method(request).await?.into_inner();
            learn(known, answer.header.as_ref());
            Ok(fields::of(&answer))
        }};
    }
    match request {
        Request::Range(request) => ask!(kv.range(request)),
        Request::Put(request) => ask!(kv.put(request)),
        Request::DeleteRange(request) => ask!(kv.delete_range(request)),
        Request::Txn(request) => ask!(kv.txn(request)),
        Request::Compact(request) => {
            let revision = request.revision;
            let answer = ask!(kv.compact(request));
            if answer.is_ok() {
                known.compacted_at(revision);
            }
            answer
        }
        Request::LeaseGrant(request) => {
            let id = request.id;
            let answer = ask!(lease.lease_grant(request));
            if answer.is_ok() {
                known.leases.push(id);
            }
            answer
        }
        Request::LeaseRevoke(request) => ask!(lease.lease_revoke(request)),
        Request::LeaseTimeToLive(request) => ask!(lease.lease_time_to_live(request)),
        Request::LeaseKeepAlive(request) => keep_alive(client, request, known).await,
        Request::LeaseLeases => ask!(lease.lease_leases(LeaseLeasesRequest {})),
        Request::Alarm(request) => ask!(maintenance.alarm(request)),
        Request::HashKv(request) => ask!(maintenance.hash_kv(request)),
        Request::MemberList(request) => ask!(cluster.member_list(request)),
        Request::MoveLeader(request) => ask!(maintenance.move_leader(request)),
        Request::Status => ask!(maintenance.status(StatusRequest {})),
        Request::Watch(steps) => watch::run(client, steps, known).await,
        Request::Auth(call) => {
            known.has_users = true;
            auth::send(client, call, known).await
        }
        Request::As(who, request) => {
            known.speaks = known.token_of(&who);
            let answer = Box::pin(send(client, *request, known)).await;
            known.speaks = None;
            answer
        }
        Request::Restart => Err(Status::internal("a session restarts its server itself")),
    }
}

/// One renewal on a stream of its own.
async fn keep_alive(
    client: &Client<Channel>,
    request: LeaseKeepAliveRequest,
    known: &Known,
) -> Result<Fields, Status> {
    let (requests, receiver) = mpsc::channel(1);
    let _ = requests.send(request).await;
    let renewals = auth::spoken(ReceiverStream::new(receiver), known);
    let mut answers = client.lease().lease_keep_alive(renewals).await?.into_inner();
    Ok(fields::of(&answers.message().await?))
}

/// The fields of a refusal.
pub fn refusal(status: &Status) -> Fields {
    Fields::from([
        ("code".to_owned(), format!("{:?}", status.code())),
        ("text".to_owned(), status.message().to_owned()),
    ])
}

fn learn(known: &mut Known, header: Option<&ResponseHeader>) {
    known.revision = known.revision.max(header.map_or(0, |header| header.revision));
}
