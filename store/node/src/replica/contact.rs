//! Whether a member is in touch with its cluster, as far as it can tell by itself.
//!
//! openraft holds a leader for known until somebody else is one, and a leader that has lost its quorum
//! leads on until it hears of another. What clients are told of the leader must not depend on that: etcd's
//! members find out within two election timeouts (K12, K26).

use std::time::Duration;

use openraft_rt::{Instant, WatchReceiver};

use super::{Replica, Unavailable};
use crate::raft::is_voter;
use crate::runtime::Runtime;

/// Pause between two looks for a leader where there is none.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

impl<R: Runtime> Replica<R> {
    /// Whether the member leads, or has heard from a leader within an election timeout.
    pub fn has_contact(&self) -> bool {
        let leads = self.leader() == Some(self.inner.member_id);
        leads || self.inner.presence.silence() < self.inner.config.election_timeout()
    }

    /// The leader, unless it is silent; the member itself, unless its quorum is.
    pub fn present_leader(&self) -> Option<u64> {
        let patience = 2 * self.inner.config.election_timeout();
        let leader = self.leader()?;
        let is_present = if leader == self.inner.member_id {
            self.quorum_silence().is_none_or(|silence| silence < patience)
        } else {
            self.inner.presence.silence() < patience
        };
        is_present.then_some(leader)
    }

    /// How long a leader has heard nothing from a quorum; nothing for one that needs nobody, or does not
    /// know yet.
    fn quorum_silence(&self) -> Option<Duration> {
        let metrics = self.inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let stored = &metrics.membership_config;
        let is_alone = is_voter(stored, metrics.id) && stored.voter_ids().count() == 1;
        let acknowledged = metrics.last_quorum_acked.as_ref().filter(|_| !is_alone)?;
        Some(acknowledged.elapsed())
    }

    /// Waits until a leader is known, at most two election timeouts: etcd lets a request wait for the whole
    /// request timeout, and then it fails just the same.
    pub(super) async fn await_leader(&self) -> Result<u64, Unavailable> {
        let waiting = async {
            loop {
                if let Some(leader) = self.present_leader() {
                    return leader;
                }
                // Nobody tells that a leader has spoken again.
                R::sleep(LOOK_INTERVAL).await;
            }
        };
        let patience = 2 * self.inner.config.election_timeout();
        R::timeout(patience, waiting).await.map_err(|_elapsed| Unavailable::NoLeader)
    }

    /// Why a request was not answered in time: nobody was there to answer, or it took too long (E51).
    pub(super) fn too_late(&self) -> Unavailable {
        match self.present_leader() {
            Some(_) => Unavailable::Timeout,
            None => Unavailable::ConnectionLost,
        }
    }
}
