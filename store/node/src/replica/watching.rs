//! What the Watch service needs of the member.

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::ResponseHeader;
use futures_util::future::BoxFuture;
use tonic::metadata::MetadataMap;

use super::Replica;
use crate::api;
use crate::auth;
use crate::runtime::Runtime;
use crate::watch;

impl<R: Runtime> watch::Member for Replica<R> {
    fn header(&self) -> ResponseHeader {
        let header = Replica::header(self);
        ResponseHeader {
            cluster_id: header.cluster_id,
            member_id: header.member_id,
            revision: header.revision,
            raft_term: header.raft_term,
        }
    }

    fn has_leader(&self) -> bool {
        self.present_leader().is_some()
    }

    fn leader_lost(&self) -> BoxFuture<'static, ()> {
        let replica = self.clone();
        Box::pin(async move { replica.wait_until_leaderless().await })
    }

    fn permits(
        &self,
        metadata: &MetadataMap,
        key: Bytes,
        range_end: Bytes,
    ) -> BoxFuture<'static, Result<(), Error>> {
        let replica = self.clone();
        let token = auth::token(metadata).map(<[u8]>::to_vec);
        Box::pin(async move {
            let by = replica.identify(token.as_deref()).await;
            let by = by.map_err(|_| Error::InvalidAuthToken)?;
            replica
                .with_auth(|auth| auth.check_read(&by, &key, &range_end))
                .map_err(api::auth_error)
        })
    }
}
