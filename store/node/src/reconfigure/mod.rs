//! Changing who is in the cluster: the leader's side.
//!
//! One change at a time, each by joint consensus. What is asked for is judged by etcd's `rules` on what
//! the leader knows after it has confirmed that it leads. A change that was begun is completed by whoever
//! leads then: see `steward`.
//!
//! Unlike etcd's, a voter that was added gets its vote only once it has the log: until then it is shown as
//! a voter, and counted as one by the rules, but a quorum does not wait for it. So a cluster of one can
//! add a second member and goes on while that one is still being set up, and a member whose log is empty
//! never has a vote.

mod contacts;
mod peer;
mod rules;
mod steward;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft_rt::{AsyncRuntime, Instant, WatchReceiver};
use tokio::sync::Mutex as AsyncMutex;

use crate::config::Config;
use crate::raft::local::{Local, LocalError};
use crate::raft::{MemberNode, Raft, StoredMembership, codec, is_voter, leads};
use crate::runtime::Runtime;
use crate::state::State;

use self::contacts::Contacts;
pub use self::peer::{change_from_peer, change_to_peer, refusal_from_peer, refusal_to_peer};
pub use self::rules::{Change, Contact, Refusal, Standing, View};

/// How many learners a cluster may have (etcd's `--max-learners`).
const LEARNERS_MAX: usize = 1;
/// Most changes that wait for their turn.
const WAITING_MAX: usize = 64;
/// Pause before it is looked again whether an earlier change is complete.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Why a change was not made, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It may not be made.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// This member could not do it.
    #[error(transparent)]
    Local(#[from] LocalError),
}

/// Makes changes, on the leader. Clones share it.
pub struct Reconfigurer<R: Runtime> {
    raft: Raft<R>,
    local: Local<R>,
    state: Arc<State<R>>,
    contacts: Arc<Mutex<Contacts<R>>>,
    turn: Arc<AsyncMutex<()>>,
    waiting: Arc<AtomicUsize>,
    heartbeat: Duration,
    /// Longest that an earlier change is waited for.
    patience: Duration,
}

impl<R: Runtime> Clone for Reconfigurer<R> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            local: self.local.clone(),
            state: self.state.clone(),
            contacts: self.contacts.clone(),
            turn: self.turn.clone(),
            waiting: self.waiting.clone(),
            heartbeat: self.heartbeat,
            patience: self.patience,
        }
    }
}

impl<R: Runtime> Reconfigurer<R> {
    /// Over the parts of a member.
    pub fn new(raft: Raft<R>, local: Local<R>, state: Arc<State<R>>, config: &Config) -> Self {
        Self {
            raft,
            local,
            state,
            contacts: Arc::new(Mutex::new(Contacts::new(config.election_timeout()))),
            turn: Arc::default(),
            waiting: Arc::default(),
            heartbeat: Duration::from_millis(config.heartbeat_interval_ms),
            patience: config.request_timeout(),
        }
    }

    /// Makes a change and tells the index after which it is complete. Only on the leader.
    ///
    /// [`LocalError::NotLeader`] and a refusal mean that nothing was changed; every other error leaves it
    /// open.
    pub async fn change(&self, change: Change) -> Result<u64, ChangeError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(LocalError::TooManyRequests.into());
        }
        let this = self.clone();
        // Whoever asked may give up; the second half of a change is made all the same.
        let changing = R::spawn(async move {
            let changed = this.change_in_turn(&change).await;
            this.waiting.fetch_sub(1, Ordering::Relaxed);
            changed
        });
        changing.await.unwrap_or(Err(ChangeError::Local(LocalError::Stopped)))
    }

    async fn change_in_turn(&self, change: &Change) -> Result<u64, ChangeError> {
        let _turn = self.turn.lock().await;
        let confirmed = self.local.read_index().await?;
        self.applied(confirmed).await?;
        let settled = R::timeout(self.patience, self.settle()).await;
        settled.unwrap_or(Err(LocalError::NoQuorum))?;
        if change.depends_on_who_is_there() {
            self.call_the_roll().await?;
        }
        self.view()?.check(change)?;
        let index = self.commit(self.steps(change)).await?;
        self.applied(index).await?;
        Ok(index)
    }

    /// Finds out which voters have gone since they answered last.
    async fn call_the_roll(&self) -> Result<(), LocalError> {
        let here = self.contacts().present();
        let present = self.local.present(&here).await?;
        let now = <R as AsyncRuntime>::Instant::now();
        let mut contacts = self.contacts();
        for gone in here.iter().filter(|id| !present.contains(id)) {
            contacts.miss(*gone, now);
        }
        Ok(())
    }

    fn contacts(&self) -> MutexGuard<'_, Contacts<R>> {
        self.contacts.lock().expect("no panic happens under the lock")
    }

    async fn applied(&self, index: u64) -> Result<(), LocalError> {
        let applied = self.state.wait(|progress| progress.index >= index).await;
        applied.map_err(|_stopped| LocalError::Stopped)
    }

    /// Completes the change before, whoever began it.
    async fn settle(&self) -> Result<(), LocalError> {
        loop {
            let metrics = self.raft.server_metrics().borrow_watched().clone();
            if !leads(&metrics) {
                return Err(LocalError::NotLeader);
            }
            let in_force = &metrics.membership_config;
            if self.has_left(metrics.id, in_force) {
                return Err(LocalError::NotLeader);
            }
            let is_committed = in_force.log_id() == metrics.committed_membership_config.log_id();
            if !is_committed {
                R::sleep(RETRY_INTERVAL).await;
            } else if in_force.membership().get_joint_config().len() > 1 {
                self.complete_joint().await?;
            } else {
                return Ok(());
            }
        }
    }

    /// Whether this member is no longer in the cluster. openraft has it lead until it notices, and must not be
    /// asked for another change then: who leads next makes it.
    fn has_left(&self, id: u64, in_force: &StoredMembership) -> bool {
        in_force.membership().get_node(&id).is_none()
            || self.state.with_machine(|machine| machine.removed_members().contains(&id))
    }

    /// Takes the second step of a change whose first is committed.
    async fn complete_joint(&self) -> Result<(), LocalError> {
        match self.commit(ChangeMembers::AddVoterIds(BTreeSet::new())).await {
            Ok(_) | Err(ChangeError::Refused(_)) => Ok(()),
            Err(ChangeError::Local(error)) => Err(error),
        }
    }

    async fn commit(&self, steps: ChangeMembers<u64, MemberNode>) -> Result<u64, ChangeError> {
        // What loses its vote leaves the cluster.
        match self.raft.change_membership(steps, false).await {
            Ok(response) => Ok(response.log_id.index),
            Err(RaftError::Fatal(_)) => Err(LocalError::Stopped.into()),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => {
                // The first step may be done already.
                Err(LocalError::LeadershipLost.into())
            }
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
                Err(match error {
                    ChangeMembershipError::EmptyMembership(_) => Refusal::NotEnoughStarted.into(),
                    ChangeMembershipError::LearnerNotFound(_) => Refusal::NotFound.into(),
                    _ => LocalError::LeadershipLost.into(),
                })
            }
            Err(RaftError::APIError(_)) => Err(LocalError::LeadershipLost.into()),
        }
    }

    /// The change in openraft's words.
    fn steps(&self, change: &Change) -> ChangeMembers<u64, MemberNode> {
        let metrics = self.raft.server_metrics();
        let stored = metrics.borrow_watched().membership_config.clone();
        match change {
            Change::Add { id, peer_urls, is_learner } => {
                let node = MemberNode { peer_urls: peer_urls.clone(), awaits_vote: !*is_learner };
                ChangeMembers::AddNodes([(*id, node)].into())
            }
            Change::Remove(id) if is_voter(&stored, *id) => {
                ChangeMembers::RemoveVoters([*id].into())
            }
            Change::Remove(id) => ChangeMembers::RemoveNodes([*id].into()),
            Change::Update { id, peer_urls } => {
                let known = stored.membership().get_node(id).cloned().unwrap_or_default();
                let node = MemberNode { peer_urls: peer_urls.clone(), ..known };
                ChangeMembers::SetNodes([(*id, node)].into())
            }
            Change::Promote(id) => ChangeMembers::AddVoterIds([*id].into()),
        }
    }

    /// What the leader knows of everybody.
    fn view(&self) -> Result<View, LocalError> {
        let metrics = self.raft.metrics().borrow_watched().clone();
        let (leader, last) = (metrics.id, metrics.last_log_index.unwrap_or(0));
        let matched = metrics.replication.ok_or(LocalError::NotLeader)?;
        let contacts = self.contacts();
        self.state.with_mark(|machine, mark| {
            let stored = codec::decode_stored_membership(mark.membership.clone())
                .map_err(|_damaged| LocalError::Stopped)?;
            let membership = stored.membership();
            let standing = |(id, node): (&u64, &MemberNode)| Standing {
                id: *id,
                peer_urls: node.peer_urls.clone(),
                is_started: machine.members().get(id).is_some_and(|told| !told.name.is_empty()),
                is_learner: !node.awaits_vote && !is_voter(&stored, *id),
                contact: if *id == leader { Contact::Steady } else { contacts.contact(*id) },
                matched: match matched.get(id) {
                    _ if *id == leader => last,
                    Some(Some(log_id)) => log_id.index,
                    Some(None) | None => 0,
                },
            };
            Ok(View {
                members: membership.nodes().map(standing).collect(),
                removed: machine.removed_members().clone(),
                leader,
                last,
                learners_max: LEARNERS_MAX,
            })
        })
    }
}
