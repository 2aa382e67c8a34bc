//! What clients ask of the leader's clock.

use std::time::Duration;

use bytes::Bytes;
use detcd_machine::{Command, LeaseCheckpoint, LeaseCommand, Requester};
use openraft_rt::Instant;

use super::deadlines::InstantOf;
use super::keeper::Renewal;
use super::lessor::Lessor;
use crate::raft::Proposal;
use crate::raft::local::LocalError;
use crate::runtime::Runtime;

/// How often it is looked whether a lease has ended, or its checkpoint is made.
const SETTLING_POLL: Duration = Duration::from_millis(10);

/// What is left of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeToLive {
    /// Whole seconds left.
    pub ttl: i64,
    /// Seconds that it was granted for.
    pub granted_ttl: i64,
    /// The keys attached to it, where asked for.
    pub keys: Vec<Bytes>,
}

impl<R: Runtime> Lessor<R> {
    /// Gives a lease its whole time again; the seconds of that, or `None` where there is no such lease.
    /// Only on the leader.
    ///
    /// The time counts from before leadership is confirmed: whoever leads later began to lead, and gave
    /// the lease its time anew, after that.
    pub async fn renew(&self, id: i64) -> Result<Option<i64>, LocalError> {
        let term = self.term()?;
        loop {
            match self.known(id) {
                None => {
                    self.catch_up(term).await?;
                    if self.known(id).is_none() {
                        return Ok(None);
                    }
                }
                Some(_) => {
                    let renewal = self.deadlines.keeper().renew(term, id, InstantOf::<R>::now());
                    match renewal {
                        Renewal::Renewed => return self.make_it_hold(term, id).await,
                        Renewal::NotLeader => return Err(LocalError::NotLeader),
                        // Unknown: it is applied, and about to be told to the keeper.
                        Renewal::Wait | Renewal::Unknown => {}
                    }
                }
            }
            R::sleep(SETTLING_POLL).await;
        }
    }

    /// What is left of a lease; `None` where there is no such lease. Only on the leader.
    pub async fn time_to_live(
        &self,
        id: i64,
        keys: bool,
    ) -> Result<Option<TimeToLive>, LocalError> {
        let term = self.term()?;
        self.catch_up(term).await?;
        let lease = self.state.with_machine(|machine| {
            machine.leases().get(id).map(|lease| TimeToLive {
                ttl: lease.ttl,
                granted_ttl: lease.ttl,
                keys: if keys { lease.keys().cloned().collect() } else { Vec::new() },
            })
        });
        let Some(mut lease) = lease else { return Ok(None) };
        let keeper = self.deadlines.keeper();
        if keeper.term() != Some(term) {
            return Err(LocalError::NotLeader);
        }
        // One that the keeper has not heard of yet was granted, or has ended, this very moment.
        if let Some(left) = keeper.remaining(term, id, InstantOf::<R>::now()) {
            lease.ttl = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
        }
        Ok(Some(lease))
    }

    /// The ids of all leases, those first that expire first as far as this member knows.
    pub fn ids(&self) -> Vec<i64> {
        let ordered = self.deadlines.keeper().by_expiry();
        self.state.with_machine(|machine| {
            let leases = machine.leases();
            let is_kept: std::collections::BTreeSet<i64> = ordered.iter().copied().collect();
            let known = ordered.iter().copied().filter(|id| leases.get(*id).is_some());
            let rest = leases.iter().map(|(id, _)| id).filter(|id| !is_kept.contains(id));
            known.chain(rest).collect()
        })
    }

    fn term(&self) -> Result<u64, LocalError> {
        self.deadlines.keeper().term().ok_or(LocalError::NotLeader)
    }

    /// What a lease was granted for, and what a checkpoint left of it.
    fn known(&self, id: i64) -> Option<(i64, i64)> {
        self.state.with_machine(|machine| {
            machine.leases().get(id).map(|lease| (lease.ttl, lease.remaining_ttl))
        })
    }

    /// Everything acknowledged anywhere before the call is applied here when it returns.
    async fn catch_up(&self, term: u64) -> Result<(), LocalError> {
        let index = self.local.read_index_in_term(term).await?;
        let applied = self.state.wait(|progress| progress.index >= index).await;
        applied.map_err(|_stopped| LocalError::Stopped)
    }

    /// Makes sure that whoever leads next gives the lease no less time than it has here now.
    async fn make_it_hold(&self, term: u64, id: i64) -> Result<Option<i64>, LocalError> {
        // Only now: no checkpoint from before the renewal is on its way any more.
        let Some((_, remaining_ttl)) = self.known(id) else { return Ok(None) };
        self.take_back_checkpoint(term, id, remaining_ttl).await?;
        // Others may have applied a revocation, and answered, before this leader has.
        self.catch_up(term).await?;
        Ok(self.known(id).map(|(ttl, _)| ttl))
    }

    /// A new leader would give the lease only what the checkpoint left.
    async fn take_back_checkpoint(
        &self,
        term: u64,
        id: i64,
        remaining_ttl: i64,
    ) -> Result<(), LocalError> {
        if remaining_ttl == 0 {
            return Ok(());
        }
        let whole = LeaseCheckpoint { id, remaining_ttl: 0 };
        let command = Command::Lease(LeaseCommand::Checkpoint(vec![whole]));
        self.local
            .propose_in_term(Proposal::new(Requester::Member, command), term)
            .await
            .map(|_| ())
    }
}
