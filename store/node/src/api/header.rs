//! What every answer starts with.

use detcd_api::etcdserverpb::ResponseHeader;

use crate::replica::Replica;
use crate::runtime::Runtime;

/// With the revision at which the request was answered (G1).
pub(super) fn at<R: Runtime>(replica: &Replica<R>, revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { revision, ..current(replica) })
}

/// With the current revision.
pub(super) fn now<R: Runtime>(replica: &Replica<R>) -> Option<ResponseHeader> {
    Some(current(replica))
}

/// Of answers about the membership: without a revision (G2).
pub(super) fn without_revision<R: Runtime>(replica: &Replica<R>) -> Option<ResponseHeader> {
    at(replica, 0)
}

fn current<R: Runtime>(replica: &Replica<R>) -> ResponseHeader {
    let header = replica.header();
    ResponseHeader {
        cluster_id: header.cluster_id,
        member_id: header.member_id,
        revision: header.revision,
        raft_term: header.raft_term,
    }
}
