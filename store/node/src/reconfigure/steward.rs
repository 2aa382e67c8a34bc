//! What a leader does about the membership without being asked: it completes changes that an earlier
//! leader began, gives those a vote that were added as voters and have caught up, and notes who is there.

use std::collections::BTreeSet;

use openraft::ChangeMembers;
use openraft_rt::{AsyncRuntime, Instant, WatchReceiver};

use super::Reconfigurer;
use super::rules::Contact;
use crate::raft::{MemberNode, is_voter, leads};
use crate::runtime::Runtime;

type Steps = ChangeMembers<u64, MemberNode>;

impl<R: Runtime> Reconfigurer<R> {
    /// Runs until the member stops.
    pub async fn run(&self) {
        let mut metrics = self.raft.server_metrics();
        loop {
            let is_leader = leads(&metrics.borrow_and_update());
            if is_leader {
                self.note_contacts();
                self.take_next_step().await;
                R::sleep(self.heartbeat).await;
            } else if metrics.changed().await.is_err() {
                return;
            }
        }
    }

    fn note_contacts(&self) {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let Some(heartbeat) = &metrics.heartbeat else { return };
        let answered = heartbeat.iter().filter_map(|(id, at)| Some((*id, **at.as_ref()?)));
        let now = <R as AsyncRuntime>::Instant::now();
        self.contacts().note(metrics.current_term, now, answered);
    }

    async fn take_next_step(&self) {
        // A change that goes on takes its own steps.
        let Ok(_turn) = self.turn.try_lock() else { return };
        let Some(step) = self.next_step() else { return };
        match self.commit(step.clone()).await {
            Ok(index) => tracing::info!(index, ?step, "the membership changed"),
            Err(error) => tracing::debug!(%error, "the membership did not change"),
        }
    }

    fn next_step(&self) -> Option<Steps> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let stored = &metrics.membership_config;
        let is_settled = stored.log_id() == metrics.committed_membership_config.log_id();
        if !is_settled || self.has_left(metrics.id, stored) {
            return None;
        }
        if stored.membership().get_joint_config().len() > 1 {
            return Some(ChangeMembers::AddVoterIds(BTreeSet::new()));
        }
        let (last, replication) = (metrics.last_log_index?, metrics.replication.as_ref()?);
        let contacts = self.contacts();
        let is_ready = |id: &u64| {
            let matched = replication.get(id).cloned().flatten().map(|log_id| log_id.index);
            let has_log = matched.is_some_and(|matched| matched * 10 >= last * 9);
            has_log && contacts.contact(*id) != Contact::Lost
        };
        let waiting = stored.membership().nodes().filter(|(_, node)| node.awaits_vote);
        let mut ready = waiting.map(|(id, _)| *id).filter(|id| !is_voter(stored, *id));
        ready.find(is_ready).map(|id| ChangeMembers::AddVoterIds([id].into()))
    }
}
