//! Sends a request and remembers what its answer tells of the server.

use detcd_api::Client;
use detcd_api::etcdserverpb::ResponseHeader;
use tonic::Status;

use crate::channel::Channel;
use crate::fields::{self, Fields};
use crate::known::Known;
use crate::request::Request;

/// Sends `request`, without symbols, and tells the fields of the answer.
pub async fn send(
    client: &Client<Channel>,
    request: Request,
    known: &mut Known,
) -> Result<Fields, Status> {
    macro_rules! ask {
        ($service:ident.$method:ident($request:expr)) => {{
            let answer = client.$service().$method($request).await?.into_inner();
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
                known.compacted = revision;
            }
            answer
        }
    }
}

fn learn(known: &mut Known, header: Option<&ResponseHeader>) {
    known.revision = known.revision.max(header.map_or(0, |header| header.revision));
}
