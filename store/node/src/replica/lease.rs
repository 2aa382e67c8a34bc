//! Leases: what only the leader's clock tells, asked of the leader.

use std::time::Duration;

use bytes::Bytes;
use detcd_api::peer::{self, lease_renew_reply, lease_time_to_live_reply};
use detcd_machine::{Rejection, Requester};

use super::{Replica, Unavailable};
use crate::lease::TimeToLive;
use crate::raft::local::LocalError;
use crate::raft::peers::Purpose;
use crate::runtime::Runtime;

/// Pause before the leader is asked again (G59).
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// What this member says of itself when it leads; `None` where another one is to be asked.
fn own<T>(result: Result<T, LocalError>) -> Option<Result<T, Unavailable>> {
    match result {
        Ok(value) => Some(Ok(value)),
        // The client may reach the others although this member does not: it is to try one of them.
        Err(LocalError::NoQuorum) => Some(Err(Unavailable::NotLeader)),
        Err(LocalError::Stopped) => Some(Err(Unavailable::Stopped)),
        Err(LocalError::TooManyRequests) => Some(Err(Unavailable::TooManyRequests)),
        Err(LocalError::NotLeader | LocalError::LeadershipLost) => None,
    }
}

impl<R: Runtime> Replica<R> {
    /// Gives a lease its whole time again: the seconds of that, or `None` where there is no such lease
    /// (G56). To do it twice does no harm, so the leader is asked until it answers.
    pub async fn renew_lease(&self, id: i64) -> Result<Option<i64>, Unavailable> {
        let asking = async {
            loop {
                let leader = self.await_leader().await?;
                let answer = if leader == self.inner.member_id {
                    own(self.inner.lessor.renew(id).await)
                } else {
                    self.remote_renew(leader, id).await.map(Ok)
                };
                if let Some(answer) = answer {
                    return answer;
                }
                R::sleep(RETRY_INTERVAL).await;
            }
        };
        self.bounded(asking).await
    }

    /// What is left of a lease; `None` where there is no such lease (G57).
    pub async fn lease_time_to_live(
        &self,
        id: i64,
        keys: bool,
    ) -> Result<Option<TimeToLive>, Unavailable> {
        let asking = async {
            loop {
                let leader = self.await_leader().await?;
                let answer = if leader == self.inner.member_id {
                    own(self.inner.lessor.time_to_live(id, keys).await)
                } else {
                    self.remote_time_to_live(leader, id, keys).await.map(Ok)
                };
                if let Some(answer) = answer {
                    return answer;
                }
                R::sleep(RETRY_INTERVAL).await;
            }
        };
        self.bounded(asking).await
    }

    /// Whether the requester may read all these keys, as of now and as of when it was identified (G84).
    pub fn check_readable<'k>(
        &self,
        by: &Requester,
        keys: impl IntoIterator<Item = &'k Bytes>,
    ) -> Result<(), Rejection> {
        self.inner.state.with_machine(|machine| {
            let mut keys = keys.into_iter();
            let one = Bytes::new();
            keys.try_for_each(|key| machine.auth().check_read(by, key, &one))
                .map_err(Rejection::Auth)
        })
    }

    /// The leases that this member knows (G58).
    pub fn leases(&self) -> Vec<i64> {
        self.inner.lessor.ids()
    }

    async fn remote_renew(&self, leader: u64, id: i64) -> Option<Option<i64>> {
        let node = self.node(leader)?;
        let mut client = self.inner.peers.client(leader, &node, Purpose::Control).await.ok()?;
        let cluster_id = self.inner.cluster_id;
        let request = peer::LeaseRenewRequest { id, cluster_id, recipient: leader };
        let asked = client.lease_renew(request);
        let reply = R::timeout(self.patience(), asked).await.ok()?.ok()?.into_inner();
        match reply.result? {
            lease_renew_reply::Result::Ttl(ttl) => Some((ttl > 0).then_some(ttl)),
            lease_renew_reply::Result::Error(_) => None,
        }
    }

    async fn remote_time_to_live(
        &self,
        leader: u64,
        id: i64,
        keys: bool,
    ) -> Option<Option<TimeToLive>> {
        let node = self.node(leader)?;
        let mut client = self.inner.peers.client(leader, &node, Purpose::Control).await.ok()?;
        let cluster_id = self.inner.cluster_id;
        let request = peer::LeaseTimeToLiveRequest { id, keys, cluster_id, recipient: leader };
        let asked = client.lease_time_to_live(request);
        let reply = R::timeout(self.patience(), asked).await.ok()?.ok()?.into_inner();
        match reply.result? {
            lease_time_to_live_reply::Result::Lease(lease) => Some(Some(TimeToLive {
                ttl: lease.ttl,
                granted_ttl: lease.granted_ttl,
                keys: lease.keys,
            })),
            lease_time_to_live_reply::Result::NotFound(_) => Some(None),
            lease_time_to_live_reply::Result::Error(_) => None,
        }
    }

    /// How long a leader is waited for. It may be cut off, and then another one answers; but a lease that
    /// is just ending takes a moment.
    fn patience(&self) -> Duration {
        2 * self.inner.config.election_timeout()
    }
}
