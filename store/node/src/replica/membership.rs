//! Who is in the cluster.

use detcd_api::peer;
use detcd_machine::{Command, MemberAttributes, Requester};
use openraft_rt::WatchReceiver;

use super::forward::Asked;
use super::{Replica, Unavailable};
use crate::raft::is_voter;
use crate::raft::local::LocalError;
use crate::reconfigure::{Change, ChangeError, Refusal};
use crate::runtime::Runtime;
use crate::version;

/// A member as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Its name; empty until it has started once.
    pub name: String,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it was added as a learner, and not promoted.
    pub is_learner: bool,
}

/// Why the membership was not changed, or is not known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// It may not be changed so.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It cannot be done now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl<R: Runtime> Replica<R> {
    /// The members of the cluster, by id, as of what is applied here.
    pub fn members(&self) -> Vec<Member> {
        self.inner.state.with_mark(|machine, mark| {
            let stored = self.inner.membership.decoded(&mark.membership);
            let member = |(id, node): (&u64, &crate::raft::MemberNode)| {
                let attributes = machine.members().get(id).cloned().unwrap_or_default();
                Member {
                    id: *id,
                    name: attributes.name,
                    peer_urls: node.peer_urls.clone(),
                    client_urls: attributes.client_urls,
                    is_learner: !node.awaits_vote && !is_voter(&stored, *id),
                }
            };
            stored.nodes().map(member).collect()
        })
    }

    /// Whether this member was added as a learner, and not promoted.
    pub(super) fn is_learner(&self) -> bool {
        let id = self.inner.member_id;
        let stored =
            self.inner.state.with_mark(|_, mark| self.inner.membership.decoded(&mark.membership));
        let node = stored.membership().get_node(&id);
        node.is_some_and(|node| !node.awaits_vote) && !is_voter(&stored, id)
    }

    /// Whether the cluster knows a quorum of its voters by name, as of what is applied here.
    ///
    /// Before that a founder that loses its disk may be taken for one that was never there, and begin
    /// anew; so nothing may be acknowledged to a client before that.
    pub fn is_founded(&self) -> bool {
        self.inner.state.with_mark(|machine, mark| {
            let stored = self.inner.membership.decoded(&mark.membership);
            let is_named =
                |id: &&u64| machine.members().get(*id).is_some_and(|told| !told.name.is_empty());
            let sets = stored.membership().get_joint_config();
            !sets.is_empty()
                && sets.iter().all(|set| set.iter().filter(is_named).count() * 2 > set.len())
        })
    }

    /// Changes the membership, through the leader, and tells the members as of then.
    ///
    /// An error but a refusal leaves it open whether the change is or will be made.
    pub async fn reconfigure(&self, change: Change) -> Result<Vec<Member>, MembershipError> {
        let limit = self.inner.config.request_timeout();
        let index = R::timeout(limit, self.reconfigure_until_done(&change)).await;
        let index = index.unwrap_or_else(|_elapsed| Err(self.too_late().into()))?;
        self.bounded(self.applied(index)).await?;
        Ok(self.members())
    }

    async fn reconfigure_until_done(&self, change: &Change) -> Result<u64, MembershipError> {
        loop {
            let leader = self.await_leader().await?;
            let asked = if leader == self.inner.member_id {
                self.reconfigure_here(change).await
            } else {
                self.ask_to_reconfigure(leader, change).await
            };
            match asked {
                Asked::Answered(answer) => return Ok(answer?),
                Asked::Unknown(unavailable) => return Err(unavailable.into()),
                Asked::NotDone => R::sleep(super::write::RETRY_INTERVAL).await,
            }
        }
    }

    async fn reconfigure_here(&self, change: &Change) -> Asked<Result<u64, Refusal>> {
        match self.inner.reconfigurer.change(change.clone()).await {
            Ok(index) => Asked::Answered(Ok(index)),
            Err(ChangeError::Refused(refusal)) => Asked::Answered(Err(refusal)),
            Err(ChangeError::Local(LocalError::NotLeader)) => Asked::NotDone,
            Err(ChangeError::Local(LocalError::TooManyRequests)) => {
                Asked::Unknown(Unavailable::TooManyRequests)
            }
            Err(ChangeError::Local(LocalError::Stopped)) => Asked::Unknown(Unavailable::Stopped),
            Err(ChangeError::Local(LocalError::NoQuorum)) => Asked::Unknown(Unavailable::Timeout),
            Err(ChangeError::Local(LocalError::LeadershipLost)) => {
                Asked::Unknown(Unavailable::LeaderChanged)
            }
        }
    }

    /// What this member says of its cluster to a peer that asks, or that wants to become one.
    pub async fn describe(&self, request: peer::DescribeRequest) -> peer::DescribeReply {
        let patience = self.inner.config.election_timeout();
        let confirmed = request.linearizable
            && self.leader() == Some(self.inner.member_id)
            && R::timeout(patience, self.read_barrier()).await.is_ok_and(|read| read.is_ok());
        let (established, term, replication) = {
            let metrics = self.inner.raft.metrics();
            let metrics = metrics.borrow_watched();
            let established = metrics.last_log_index.is_some_and(|last| last > 0);
            let replication = metrics.replication.clone().unwrap_or_default();
            (established, metrics.vote.leader_id.term, replication)
        };
        let (stored, sender_removed) = self.inner.state.with_mark(|machine, mark| {
            let removed = machine.removed_members().contains(&request.sender);
            (self.inner.membership.decoded(&mark.membership), removed)
        });
        let describe = |member: Member| peer::MemberDescription {
            votes: is_voter(&stored, member.id),
            has_log: replication.get(&member.id).is_some_and(Option::is_some),
            id: member.id,
            name: member.name,
            peer_urls: member.peer_urls,
            client_urls: member.client_urls,
            is_learner: member.is_learner,
        };
        peer::DescribeReply {
            cluster_id: self.inner.cluster_id,
            member_id: self.inner.member_id,
            established,
            confirmed,
            members: self.members().into_iter().map(describe).collect(),
            sender_removed,
            version: version::ETCD_COMPATIBLE_VERSION.to_owned(),
            term,
        }
    }

    /// What this member tells the cluster of itself.
    fn attributes(&self) -> MemberAttributes {
        MemberAttributes {
            id: self.inner.member_id,
            name: self.inner.config.name.clone(),
            client_urls: self.inner.config.advertise_client_urls.clone(),
        }
    }

    /// Whether the cluster knows this member's name and client URLs, as of what is applied here.
    pub fn is_published(&self) -> bool {
        let attributes = self.attributes();
        let state = &self.inner.state;
        state.with_machine(|machine| machine.members().get(&attributes.id) == Some(&attributes))
    }

    /// Publishes this member's name and client URLs, unless the cluster knows them already.
    pub async fn publish(&self) -> Result<(), Unavailable> {
        if self.is_published() {
            return Ok(());
        }
        let command = Command::SetMember(self.attributes());
        self.propose(Requester::Member, command).await.map(|_| ())
    }
}
