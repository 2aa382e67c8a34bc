//! What the Watch service needs of the member.

use std::time::Duration;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::ResponseHeader;
use futures_util::future::BoxFuture;
use openraft_rt::{AsyncRuntime, Instant, WatchReceiver};
use tonic::metadata::MetadataMap;

use super::Replica;
use crate::api;
use crate::auth;
use crate::runtime::Runtime;
use crate::watch;

/// How often it is looked whether the leader is silent.
const LEADER_POLL: Duration = Duration::from_millis(100);

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

impl<R: Runtime> Replica<R> {
    /// Ends once no leader was known for three election timeouts (G52), or when the member stops.
    pub(crate) async fn wait_until_leaderless(&self) {
        let patience: Duration = 3 * self.config().election_timeout();
        let mut metrics = self.inner.raft.server_metrics();
        let mut lost_at: Option<<R as AsyncRuntime>::Instant> = None;
        loop {
            if self.present_leader().is_some() {
                lost_at = None;
            } else if lost_at.get_or_insert_with(Instant::now).elapsed() >= patience {
                return;
            }
            // Nobody tells that a leader has become silent.
            match R::timeout(LEADER_POLL, metrics.changed()).await {
                Ok(Err(_stopped)) => return,
                Ok(Ok(())) => {
                    metrics.borrow_and_update();
                }
                Err(_elapsed) => {}
            }
        }
    }
}
