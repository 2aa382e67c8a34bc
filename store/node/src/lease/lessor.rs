//! What a leader does about its leases, for as long as it leads.

use std::sync::Arc;
use std::time::Duration;

use detcd_machine::{Command, LeaseCommand, Rejection, Requester};
use futures_util::{StreamExt, stream};
use openraft_rt::{Instant, WatchReceiver};

use super::deadlines::{Deadlines, InstantOf};
use super::pacing::{self, TICK};
use crate::raft::local::{Local, LocalError};
use crate::raft::{Proposal, Raft, Reply, leads};
use crate::runtime::Runtime;
use crate::state::{Answer, State};

/// Pause before a new leader asks again what it has to have applied.
const PROMOTION_RETRY: Duration = Duration::from_millis(50);

/// The leader's side of leases. Clones share it.
pub struct Lessor<R: Runtime> {
    pub(super) deadlines: Deadlines<R>,
    pub(super) state: Arc<State<R>>,
    pub(super) local: Local<R>,
    /// What a new leader adds to every lease, for the time in which nobody could be asked.
    extension: Duration,
}

impl<R: Runtime> Clone for Lessor<R> {
    fn clone(&self) -> Self {
        Self {
            deadlines: self.deadlines.clone(),
            state: self.state.clone(),
            local: self.local.clone(),
            extension: self.extension,
        }
    }
}

impl<R: Runtime> Lessor<R> {
    /// Over the parts of a member.
    pub fn new(
        deadlines: Deadlines<R>,
        state: Arc<State<R>>,
        local: Local<R>,
        extension: Duration,
    ) -> Self {
        Self { deadlines, state, local, extension }
    }

    /// What it leads with.
    pub fn local(&self) -> &Local<R> {
        &self.local
    }

    /// Ends leases whenever this member leads.
    pub async fn run(&self, raft: Raft<R>) {
        let mut metrics = raft.server_metrics();
        loop {
            let led = {
                let now = metrics.borrow_and_update();
                leads(&now).then_some(now.vote.leader_id.term)
            };
            let Some(term) = led else {
                if metrics.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let mut stopped = false;
            let deposed = async {
                loop {
                    if metrics.changed().await.is_err() {
                        stopped = true;
                        return;
                    }
                    let now = metrics.borrow_and_update();
                    if !leads(&now) || now.vote.leader_id.term != term {
                        return;
                    }
                }
            };
            R::select2(deposed, self.lead(term)).await;
            self.deadlines.keeper().demote();
            // What Raft said last stays readable when it has stopped, and is not true any more.
            if stopped {
                return;
            }
        }
    }

    async fn lead(&self, term: u64) {
        while self.promote(term).await.is_err() {
            R::sleep(PROMOTION_RETRY).await;
        }
        loop {
            let idle = self.deadlines.keeper().is_empty();
            if idle {
                self.deadlines.grant().await;
            }
            R::sleep(TICK).await;
            self.expire(term).await;
            self.checkpoint(term).await;
        }
    }

    /// Begins to lead once everything that came before this term is applied: a revocation that a former
    /// leader has put into the log has happened then.
    async fn promote(&self, term: u64) -> Result<(), LocalError> {
        let index = self.local.read_index_in_term(term).await?;
        let applied = self.state.wait(|progress| progress.index >= index).await;
        applied.map_err(|_stopped| LocalError::Stopped)?;
        // The keeper first: whatever is granted from now on is told to it.
        let mut keeper = self.deadlines.keeper();
        let leases: Vec<(i64, i64, i64)> = self.state.with_machine(|machine| {
            machine.leases().iter().map(|(id, lease)| (id, lease.ttl, lease.time_left())).collect()
        });
        let ttl =
            |id| leases.binary_search_by_key(&id, |(id, _, _)| *id).map_or(0, |at| leases[at].1);
        let left = leases
            .iter()
            .map(|(id, _, left)| (*id, Duration::from_secs(u64::try_from(*left).unwrap_or(0))));
        let deadlines = pacing::deadlines(left, self.extension);
        let kept = deadlines.into_iter().map(|(id, left)| (id, ttl(id), left));
        keeper.promote(term, InstantOf::<R>::now(), kept);
        Ok(())
    }

    /// Proposes what has expired, bounded in number and in what is under way.
    async fn expire(&self, term: u64) {
        let now = InstantOf::<R>::now();
        let expired = self.deadlines.keeper().expire(now, pacing::REVOKES_PER_TICK_MAX);
        stream::iter(expired)
            .for_each_concurrent(pacing::REVOKES_IN_FLIGHT_MAX, |id| self.revoke(term, id))
            .await;
    }

    async fn revoke(&self, term: u64, id: i64) {
        let revoke = Command::Lease(LeaseCommand::Revoke { id });
        match self.local.propose_in_term(Proposal::new(Requester::Member, revoke), term).await {
            // Refused, where it is not gone already: such as by an alarm.
            Ok(Reply { answer: Some(Answer { outcome: Err(rejection), .. }), .. })
                if rejection != Rejection::LeaseNotFound =>
            {
                tracing::warn!(lease = format!("{id:016x}"), %rejection, "revoking a lease was refused");
                self.retry(term, id);
            }
            // The applier has told the keeper.
            Ok(_) => tracing::debug!(lease = format!("{id:016x}"), "lease expired"),
            Err(error) => {
                tracing::warn!(lease = format!("{id:016x}"), %error, "revoking a lease failed");
                self.retry(term, id);
            }
        }
    }

    fn retry(&self, term: u64, id: i64) {
        let at = InstantOf::<R>::now() + pacing::REVOKE_RETRY;
        self.deadlines.keeper().retry(term, id, at);
    }

    async fn checkpoint(&self, term: u64) {
        loop {
            let now = InstantOf::<R>::now();
            let due = self.deadlines.keeper().checkpoint(now, pacing::CHECKPOINT_LEASES_MAX);
            if due.is_empty() {
                return;
            }
            let command = Command::Lease(LeaseCommand::Checkpoint(due.clone()));
            if let Err(error) =
                self.local.propose_in_term(Proposal::new(Requester::Member, command), term).await
            {
                tracing::warn!(%error, "keeping what is left of leases failed");
            }
            self.deadlines.keeper().settle(term, &due, InstantOf::<R>::now());
        }
    }
}
