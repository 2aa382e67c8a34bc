//! What the readers of a follower wait for: the leader's word on how far they have to wait.

use std::sync::Arc;

use openraft_rt::{Select2, WatchReceiver};

use super::Replica;
use super::forward::ReadIndex;
use crate::observer::{Observation, Observer};
use crate::raft::leader_of;
use crate::runtime::Runtime;

impl<R: Runtime> Replica<R> {
    /// Asks the leader for one round of readers after the other, while another member leads. Once that is dropped,
    /// nobody waits for one any more.
    pub(crate) fn read_rounds(
        &self,
        observer: Arc<dyn Observer>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (replica, closing) = (self.clone(), self.inner.readers.closing());
        async move {
            let _closing = closing;
            loop {
                let round = replica.inner.readers.next_round().await;
                observer.observe(Observation::ReadAsked);
                let read = replica.read_index_of_leader().await;
                if let Some(ReadIndex { index, term }) = read {
                    observer.observe(Observation::ReadAnswered { index, term });
                }
                round.answer(&read.map(|read| read.index));
            }
        }
    }

    /// Nothing, if it is not found out in time: a read changes nothing, and can be asked for as often as it takes.
    async fn read_index_of_leader(&self) -> Option<ReadIndex> {
        let leader = self.leader().filter(|leader| *leader != self.inner.member_id)?;
        let asking = R::select2(self.leads_no_more(leader), self.remote_read_index(leader));
        // A leader that is cut off must not hold a read that another one could serve.
        match R::timeout(self.inner.config.election_timeout(), asking).await {
            Ok(Select2::Second(read)) => read,
            Ok(Select2::First(())) | Err(_) => None,
        }
    }

    /// Waits until this member takes another one for the leader, or none.
    async fn leads_no_more(&self, leader: u64) {
        let mut metrics = self.inner.raft.server_metrics();
        while leader_of(&metrics.borrow_and_update()) == Some(leader) {
            if metrics.changed().await.is_err() {
                return;
            }
        }
    }
}
