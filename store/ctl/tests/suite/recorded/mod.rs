//! The member that the transcripts of etcdctl were recorded of, and what it said of itself.

use detcd_api::etcdserverpb::{DowngradeInfo, ResponseHeader, StatusResponse};

const CLUSTER: u64 = 14_841_639_068_965_178_418;
pub(crate) const MEMBER: u64 = 10_276_657_743_932_975_437;
pub(crate) const ENDPOINT: &str = "127.0.0.1:2379";

pub(crate) fn header(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { cluster_id: CLUSTER, member_id: MEMBER, revision, raft_term: 2 })
}

pub(crate) fn status() -> StatusResponse {
    StatusResponse {
        header: header(25),
        version: "3.6.14".to_owned(),
        db_size: 24_576,
        leader: MEMBER,
        raft_index: 43,
        raft_term: 2,
        raft_applied_index: 43,
        db_size_in_use: 20_480,
        storage_version: "3.6.0".to_owned(),
        db_size_quota: 2_147_483_648,
        downgrade_info: Some(DowngradeInfo::default()),
        ..StatusResponse::default()
    }
}
