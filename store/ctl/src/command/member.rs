//! `member` (C28).

use detcd_api::etcdserverpb::MemberListRequest;

/// What `member list` asks: the list that a quorum agrees on.
pub fn list_request() -> MemberListRequest {
    MemberListRequest { linearizable: true }
}
