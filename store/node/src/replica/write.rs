//! Proposing commands.

use std::time::Duration;

use detcd_machine::{Command, Requester};

use super::forward::Asked;
use super::{Answer, Replica, Unavailable};
use crate::raft::local::LocalError;
use crate::raft::{Proposal, Reply};
use crate::runtime::Runtime;

/// Pause before another leader is looked for.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_millis(50);

impl<R: Runtime> Replica<R> {
    /// Replicates a command, through the leader, and waits until it is applied here as well. Whether
    /// the requester may have it is decided when it is applied.
    ///
    /// Every error but [`Unavailable::NoLeader`] leaves it open whether the command is or will be done.
    pub async fn propose(&self, by: Requester, command: Command) -> Result<Answer, Unavailable> {
        let (_, answer) = self.propose_indexed(by, command).await?;
        Ok(answer)
    }

    /// The same, and tells the index of the command's entry.
    pub async fn propose_indexed(
        &self,
        by: Requester,
        command: Command,
    ) -> Result<(u64, Answer), Unavailable> {
        self.bounded(self.propose_until_done(Proposal::new(by, command))).await
    }

    async fn propose_until_done(&self, proposal: Proposal) -> Result<(u64, Answer), Unavailable> {
        loop {
            let leader = self.await_leader().await?;
            let asked = if leader == self.inner.member_id {
                self.propose_here(&proposal).await
            } else {
                self.forward(leader, &proposal).await
            };
            match asked {
                Asked::Answered(reply) => {
                    self.applied(reply.index).await?;
                    let answer = reply.answer.ok_or(Unavailable::LeaderChanged)?;
                    return Ok((reply.index, answer));
                }
                Asked::Unknown(unavailable) => return Err(unavailable),
                Asked::NotDone => R::sleep(RETRY_INTERVAL).await,
            }
        }
    }

    async fn propose_here(&self, proposal: &Proposal) -> Asked<Reply> {
        match self.inner.local.propose(proposal.clone()).await {
            Ok(reply) => Asked::Answered(reply),
            Err(LocalError::NotLeader) => Asked::NotDone,
            Err(LocalError::TooManyRequests) => Asked::Unknown(Unavailable::TooManyRequests),
            Err(LocalError::Stopped) => Asked::Unknown(Unavailable::Stopped),
            Err(LocalError::LeadershipLost | LocalError::NoQuorum) => {
                Asked::Unknown(Unavailable::LeaderChanged)
            }
        }
    }

    /// Waits until a compaction to `revision`, already applied here, has removed its rows (G37).
    pub async fn compact_physically(&self, revision: i64) -> Result<(), Unavailable> {
        let removing =
            async { self.inner.state.compacted(revision).await.map_err(|_| Unavailable::Stopped) };
        self.bounded(removing).await
    }
}
