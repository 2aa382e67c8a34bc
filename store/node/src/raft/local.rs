//! What a leader does, for itself and for the members that ask it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::errors::ClientWriteError;
use tokio::sync::{Notify, oneshot};

use super::in_flight::{Admitted, Answering, InFlight};
use super::leadership::Leadership;
use super::network::Links;
use super::roll_call::RollCall;
use super::{LogId, Proposal, Raft, Reply};
use crate::observer::{Observation, Observer};
use crate::runtime::Runtime;
use crate::tasks::Tasks;

/// Most readers waiting for a round at once; more are refused.
const READERS_MAX: usize = 100_000;

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
    readers: Arc<Readers>,
    in_flight: InFlight,
    roll_call: RollCall<R>,
    observer: Arc<dyn Observer>,
}

type Waiter = oneshot::Sender<Result<LogId, LocalError>>;

#[derive(Default)]
struct Readers {
    waiting: Mutex<Vec<Waiter>>,
    arrived: Notify,
}

impl<R: Runtime> Clone for Local<R> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
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
        let local = Self { raft, readers, in_flight, roll_call, observer };
        let (rounds, stop) = (local.clone(), tasks.stop().clone());
        tasks.add(R::spawn(async move {
            let serving = rounds.run_rounds(leadership);
            R::select2(Box::pin(stop.stopped()), Box::pin(serving)).await;
            rounds.answer_all(&Err(LocalError::Stopped));
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

    async fn read_log_id(&self) -> Result<LogId, LocalError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = self.readers.waiting.lock().expect("no panic happens under the lock");
            if waiting.len() >= READERS_MAX {
                return Err(LocalError::TooManyRequests);
            }
            waiting.push(answer);
        }
        self.readers.arrived.notify_one();
        answered.await.unwrap_or(Err(LocalError::Stopped))
    }

    /// One round serves all readers that were waiting when it began: a reply to an earlier round never
    /// confirms a later reader (etcd #20418).
    async fn run_rounds(&self, mut leadership: Leadership<R>) {
        loop {
            self.readers.arrived.notified().await;
            let readers = self.take_readers();
            if readers.is_empty() {
                continue;
            }
            self.observer.observe(Observation::ReadBegun);
            let result = leadership.confirm().await;
            if let Ok(read) = &result {
                let (index, term) = (read.index, read.leader_id.term);
                self.observer.observe(Observation::ReadGranted { index, term });
            }
            for reader in readers {
                // A reader that has given up meanwhile is not missed.
                let _ = reader.send(result.clone());
            }
            self.readers.arrived.notify_one();
        }
    }

    fn take_readers(&self) -> Vec<Waiter> {
        let mut waiting = self.readers.waiting.lock().expect("no panic happens under the lock");
        std::mem::take(&mut *waiting)
    }

    fn answer_all(&self, result: &Result<LogId, LocalError>) {
        for reader in self.take_readers() {
            let _ = reader.send(result.clone());
        }
    }
}
