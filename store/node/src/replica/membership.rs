//! Who is in the cluster.

use detcd_machine::{Command, MemberAttributes, Requester};
use openraft_rt::WatchReceiver;

use super::{Replica, Unavailable};
use crate::runtime::Runtime;

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
    /// Whether it has no vote.
    pub is_learner: bool,
}

impl<R: Runtime> Replica<R> {
    /// The members of the cluster, by id.
    pub fn members(&self) -> Vec<Member> {
        let metrics = self.inner.raft.server_metrics();
        let stored = metrics.borrow_watched().membership_config.clone();
        let membership = stored.membership();
        let learners: Vec<u64> = membership.learner_ids().collect();
        self.inner.state.with_machine(|machine| {
            membership
                .nodes()
                .map(|(id, node)| {
                    let attributes = machine.members().get(id).cloned().unwrap_or_default();
                    Member {
                        id: *id,
                        name: attributes.name,
                        peer_urls: node.peer_urls.clone(),
                        client_urls: attributes.client_urls,
                        is_learner: learners.contains(id),
                    }
                })
                .collect()
        })
    }

    /// Publishes this member's name and client URLs, unless the cluster knows them already.
    pub async fn publish(&self) -> Result<(), Unavailable> {
        let attributes = MemberAttributes {
            id: self.inner.member_id,
            name: self.inner.config.name.clone(),
            client_urls: self.inner.config.advertise_client_urls.clone(),
        };
        let known = self
            .inner
            .state
            .with_machine(|machine| machine.members().get(&attributes.id) == Some(&attributes));
        if known {
            return Ok(());
        }
        let command = Command::SetMember(attributes);
        self.propose(Requester::Member, command).await.map(|_| ())
    }
}
