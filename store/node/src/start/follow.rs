//! The tasks that follow a member's life until it stops.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use detcd_api::peer;
use openraft::ServerState;
use openraft_rt::WatchReceiver;

use crate::bootstrap::{self, BootstrapError};
use crate::node::Environment;
use crate::observer::{Observation, Observer};
use crate::raft::peers::Peers;
use crate::raft::{Raft, leader_of, leads};
use crate::replica::Replica;
use crate::runtime::{Network, Runtime};
use crate::stop::Stop;
use crate::tasks::Tasks;

/// Pause before it is looked again whether clients may be served.
const START_POLL: Duration = Duration::from_millis(10);

pub(super) fn spawn<R: Runtime>(
    tasks: &Tasks<R>,
    replica: &Replica<R>,
    raft: &Raft<R>,
    environment: &Environment,
    peers: Peers<R>,
    removed: Stop,
) {
    let published = replica.clone();
    tasks.until_stop(async move { publish(&published).await });
    let led = replica.clone();
    tasks.until_stop(async move { led.watch_leadership().await });
    tasks.until_stop(replica.read_rounds(environment.observer.clone()));
    tasks.until_stop(follow_role(raft.clone(), environment.observer.clone()));
    tasks.until_stop(follow_members(raft.clone(), peers));
    let reconfigurer = replica.reconfigurer().clone();
    tasks.until_stop(async move { reconfigurer.run().await });
    let (versions, network) = (replica.clone(), environment.network.clone());
    tasks.until_stop(async move { versions.keep_version(&*network).await });
    tasks.until_stop(notice_removal(replica.clone(), environment.network.clone(), removed));
}

/// Tells the cluster the member's name and client URLs.
async fn publish<R: Runtime>(replica: &Replica<R>) {
    while let Err(error) = replica.publish().await {
        tracing::debug!(%error, "publishing name and client URLs failed");
        R::sleep(replica.config().election_timeout() / 10).await;
    }
}

/// Waits until something is so; an error if the member hears of its removal before.
pub(super) async fn until<R: Runtime>(
    is_so: impl Fn() -> bool,
    removed: &Stop,
) -> Result<(), BootstrapError> {
    while !is_so() {
        if removed.is_stopped() {
            return Err(BootstrapError::Removed);
        }
        R::sleep(START_POLL).await;
    }
    Ok(())
}

/// Keeps the addresses of the other members up to date.
async fn follow_members<R: Runtime>(raft: Raft<R>, peers: Peers<R>) {
    let mut metrics = raft.server_metrics();
    let mut last = None;
    loop {
        let stored = metrics.borrow_and_update().membership_config.clone();
        if last.as_ref() != Some(stored.log_id()) {
            last = Some(*stored.log_id());
            let members: BTreeMap<_, _> =
                stored.nodes().map(|(id, node)| (*id, node.clone())).collect();
            if !members.is_empty() {
                peers.set_members(members);
            }
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// A member that is removed while nobody reaches it hears of it from whoever answers first (K2). Those whom
/// its flags name are asked as well: it may not have been told of any other yet, or of none that is left.
async fn notice_removal<R: Runtime>(replica: Replica<R>, network: Arc<dyn Network>, removed: Stop) {
    let patience = replica.config().election_timeout();
    loop {
        R::sleep(patience).await;
        if replica.has_contact() {
            continue;
        }
        let request = peer::DescribeRequest { sender: replica.member_id(), linearizable: false };
        let known = replica.members().into_iter().filter(|member| member.id != request.sender);
        let mut others: Vec<Vec<String>> = known.map(|member| member.peer_urls).collect();
        others.extend(replica.config().others());
        for urls in others {
            let asking = bootstrap::describe::<R>(&*network, &urls, &request, patience);
            if asking.await.is_ok_and(|reply| {
                reply.cluster_id == replica.header().cluster_id && reply.sender_removed
            }) {
                removed.stop();
                return;
            }
        }
    }
}

async fn follow_role<R: Runtime>(raft: Raft<R>, observer: Arc<dyn Observer>) {
    let mut metrics = raft.server_metrics();
    let mut last = None;
    loop {
        let now = {
            let now = metrics.borrow_and_update();
            // Where the vote for itself cannot be kept, the metrics go on to tell the one before.
            let is_candidate = now.state == ServerState::Candidate
                && now.vote.leader_id.voted_for == now.id
                && !now.vote.committed;
            (now.vote.leader_id.term, leader_of(&now), leads(&now), is_candidate)
        };
        if last != Some(now) {
            last = Some(now);
            let (term, leader, is_leader, is_candidate) = now;
            if is_leader {
                tracing::info!(term, "became leader");
            } else if is_candidate {
                tracing::debug!(term, "stands for election");
            } else {
                tracing::debug!(term, leader = leader.map(|id| format!("{id:x}")), "follows");
            }
            observer.observe(Observation::Role { term, leader, is_leader, is_candidate });
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}
