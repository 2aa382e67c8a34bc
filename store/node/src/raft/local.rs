//! What a leader does, for itself and for the members that ask it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::ClientWriteError;

use super::in_flight::{Admitted, Answering, InFlight};
use super::leadership::{self, Leadership};
use super::network::Links;
use super::readers::{Readers, Unserved};
use super::roll_call::RollCall;
use super::{LogId, Proposal, Raft, RaftVote, Reply};
use crate::observer::{Observation, Observer};
use crate::runtime::Runtime;
use crate::tasks::Tasks;

/// Why this member could not do what a leader does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalError {
    /// It does not lead: nothing was done.
    #[error("not the leader")]
    NotLeader,
    /// It led when it began, and lost leadership: what was asked may or may not be done.
    #[error("leadership was lost")]
    LeadershipLost,
    /// No quorum confirmed its leadership.
    #[error("no quorum confirmed the leadership")]
    NoQuorum,
    /// Too much is waiting already.
    #[error("too many requests")]
    TooManyRequests,
    /// The member is stopping.
    #[error("the member is stopping")]
    Stopped,
}

/// The leader's side of a member. Clones share it.
pub struct Local<R: Runtime> {
    raft: Raft<R>,
    member_id: u64,
    readers: Arc<Readers<Result<LogId, LocalError>>>,
    in_flight: InFlight,
    roll_call: RollCall<R>,
    observer: Arc<dyn Observer>,
}

impl<R: Runtime> Clone for Local<R> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            member_id: self.member_id,
            readers: self.readers.clone(),
            in_flight: self.in_flight.clone(),
            roll_call: self.roll_call.clone(),
            observer: self.observer.clone(),
        }
    }
}

impl<R: Runtime> Local<R> {
    /// Starts serving reads of member `member_id` in a task of its own, until the member stops. A round
    /// of readers waits for a quorum at most as long as `patience`.
    pub fn start(
        raft: Raft<R>,
        links: Links<R>,
        member_id: u64,
        patience: Duration,
        observer: Arc<dyn Observer>,
        tasks: &Tasks<R>,
    ) -> Self {
        let leadership = Leadership::new(raft.clone(), links.clone(), member_id, patience);
        let roll_call = RollCall::new(raft.clone(), links, member_id, patience);
        let (readers, in_flight) = (Arc::default(), InFlight::default());
        let local = Self { raft, member_id, readers, in_flight, roll_call, observer };
        let (rounds, stop) = (local.clone(), tasks.stop().clone());
        let closing = local.readers.closing();
        tasks.add(R::spawn(async move {
            let _closing = closing;
            let serving = rounds.run_rounds(leadership);
            R::select2(Box::pin(stop.stopped()), Box::pin(serving)).await;
        }));
        local
    }

    /// Replicates a proposal and applies it here. Only on the leader.
    ///
    /// [`LocalError::NotLeader`] and [`LocalError::TooManyRequests`] mean that nothing was appended
    /// anywhere; every other error leaves it open whether the command is done.
    pub async fn propose(&self, proposal: Proposal) -> Result<Reply, LocalError> {
        let admitted = self.in_flight.admit(proposal.bytes().len());
        let admitted = admitted.ok_or(LocalError::TooManyRequests)?;
        self.write(proposal, None, Some(admitted)).await
    }

    /// Replicates a proposal of the member's own if it still leads in `term`, and does nothing
    /// otherwise: what was decided by a leader is not done by a later one, even if that is the same
    /// member.
    pub async fn propose_in_term(
        &self,
        proposal: Proposal,
        term: u64,
    ) -> Result<Reply, LocalError> {
        self.write(proposal, Some(term), None).await
    }

    async fn write(
        &self,
        proposal: Proposal,
        term: Option<u64>,
        admitted: Option<Admitted>,
    ) -> Result<Reply, LocalError> {
        let (responder, answered) = Answering::<R, _>::new(admitted);
        let mut write = self.raft.write(proposal).responder(responder);
        if let Some(term) = term {
            write = write.with_leader(term);
        }
        write.await.map_err(|_fatal| LocalError::Stopped)?;
        match answered.await {
            Ok(Ok(response)) => Ok(response.data),
            Ok(Err(ClientWriteError::ForwardToLeader(_))) => Err(LocalError::NotLeader),
            Ok(Err(_)) => Err(LocalError::LeadershipLost),
            Err(_) => Err(LocalError::Stopped),
        }
    }

    /// Which of these members answer now. Only on the leader.
    pub async fn present(&self, members: &[u64]) -> Result<BTreeSet<u64>, LocalError> {
        self.roll_call.call(members).await
    }

    /// As [`read_index`](Self::read_index), but only as the leader of `term`.
    pub async fn read_index_in_term(&self, term: u64) -> Result<u64, LocalError> {
        let read = self.read_log_id().await?;
        // A leader has an entry of its own term, and reads no earlier.
        if read.leader_id.term == term { Ok(read.index) } else { Err(LocalError::NotLeader) }
    }

    /// An index such that whoever has applied it may answer a linearizable read that began before the
    /// call. Only on the leader.
    pub async fn read_index(&self) -> Result<u64, LocalError> {
        self.read_log_id().await.map(|read| read.index)
    }

    /// The same, with the term in which it leads.
    pub async fn read_log_id(&self) -> Result<LogId, LocalError> {
        self.readers.join().await.unwrap_or_else(|unserved| match unserved {
            Unserved::TooMany => Err(LocalError::TooManyRequests),
            Unserved::Closed => Err(LocalError::Stopped),
        })
    }

    /// The same for those who had asked `voter` before it looked up this vote of its own, which may be all that there is
    /// to find out.
    pub async fn read_log_id_for(&self, voter: u64, vote: RaftVote) -> Result<LogId, LocalError> {
        let standing = leadership::standing(&self.raft).await?;
        match standing.confirmed_by(self.member_id, voter, vote) {
            Some(read) => Ok(read),
            None => self.read_log_id().await,
        }
    }

    async fn run_rounds(&self, mut leadership: Leadership<R>) {
        loop {
            let round = self.readers.next_round().await;
            self.observer.observe(Observation::ReadBegun);
            let result = leadership.confirm().await;
            if let Ok(read) = &result {
                let (index, term) = (read.index, read.leader_id.term);
                self.observer.observe(Observation::ReadGranted { index, term });
            }
            round.answer(&result);
        }
    }
}
