//! Handing leadership over, on demand.

use openraft_rt::WatchReceiver;

use super::{Replica, Unavailable};
use crate::raft::{is_voter, leader_of, leads};
use crate::runtime::Runtime;

/// Why leadership was not handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// This member does not lead.
    #[error("not the leader")]
    NotLeader,
    /// The other is no member, or has no vote.
    #[error("bad leader transferee")]
    BadTransferee,
    /// The other did not take over in time.
    #[error("leader transfer took too long")]
    Timeout,
    /// The member is stopping.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl<R: Runtime> Replica<R> {
    /// Hands leadership over to `target` and returns once it leads (G77, K10).
    pub async fn move_leader(&self, target: u64) -> Result<(), MoveError> {
        let mut metrics = self.inner.raft.server_metrics();
        {
            let now = metrics.borrow_and_update();
            if !leads(&now) {
                return Err(MoveError::NotLeader);
            }
            if !is_voter(&now.membership_config, target) {
                return Err(MoveError::BadTransferee);
            }
            if now.id == target {
                return Ok(());
            }
        }
        let stopped = |_| MoveError::Unavailable(Unavailable::Stopped);
        self.inner.raft.trigger().transfer_leader(target).await.map_err(stopped)?;
        let moved = async {
            while leader_of(&metrics.borrow_and_update()) != Some(target) {
                if metrics.changed().await.is_err() {
                    return Err(MoveError::Unavailable(Unavailable::Stopped));
                }
            }
            Ok(())
        };
        let limit = self.inner.config.request_timeout();
        R::timeout(limit, moved).await.unwrap_or(Err(MoveError::Timeout))
    }
}
