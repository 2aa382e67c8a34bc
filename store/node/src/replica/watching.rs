//! What the Watch service needs of the member.

use std::time::Duration;

use detcd_api::Error;
use detcd_api::etcdserverpb::ResponseHeader;
use futures_util::future::BoxFuture;
use openraft_rt::WatchReceiver;
use tonic::metadata::MetadataMap;

use super::Replica;
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
        self.leader().is_some()
    }

    fn leader_lost(&self) -> BoxFuture<'static, ()> {
        let replica = self.clone();
        Box::pin(async move { replica.wait_until_leaderless().await })
    }

    /// Nobody is refused until there is authentication.
    fn permits(&self, _: &MetadataMap, _: &[u8], _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
}

impl<R: Runtime> Replica<R> {
    /// Ends once no leader was known for three election timeouts (G52), or when the member stops.
    async fn wait_until_leaderless(&self) {
        let patience: Duration = 3 * self.config().election_timeout();
        let mut metrics = self.inner.raft.server_metrics();
        loop {
            let led = metrics.borrow_and_update().current_leader.is_some();
            if led {
                if metrics.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let leader_found = async {
                loop {
                    if metrics.changed().await.is_err() {
                        return false;
                    }
                    if metrics.borrow_and_update().current_leader.is_some() {
                        return true;
                    }
                }
            };
            if !R::timeout(patience, leader_found).await.unwrap_or(false) {
                return;
            }
        }
    }
}
