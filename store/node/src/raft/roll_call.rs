//! Who answers its leader at this moment.
//!
//! When a member answered last tells for a while after it was killed that it is still there. What must
//! not be decided by such a memory is decided by a call to everybody.
//!
//! Must never know: what the answers are for.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::Raft;
use super::leadership::{Confirmed, follows, standing};
use super::local::LocalError;
use super::network::Links;
use crate::runtime::Runtime;

/// See the module.
pub(super) struct RollCall<R: Runtime> {
    raft: Raft<R>,
    links: Links<R>,
    member_id: u64,
    /// Longest that an answer is waited for. A process that is gone is known at once by its closed port.
    patience: Duration,
}

impl<R: Runtime> Clone for RollCall<R> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            links: self.links.clone(),
            member_id: self.member_id,
            patience: self.patience,
        }
    }
}

impl<R: Runtime> RollCall<R> {
    pub(super) fn new(raft: Raft<R>, links: Links<R>, member_id: u64, patience: Duration) -> Self {
        Self { raft, links, member_id, patience }
    }

    /// Which of these members follow this leader, itself among them: each is asked once, after the call.
    pub(super) async fn call(&self, members: &[u64]) -> Result<BTreeSet<u64>, LocalError> {
        let standing = standing(&self.raft).await?;
        let others = members.iter().filter(|member| **member != self.member_id);
        let answers = others.filter_map(|member| {
            let node = standing.membership.get_node(member)?.clone();
            let (links, vote, patience) = (self.links.clone(), standing.vote, self.patience);
            let asked = R::spawn(follows::<R>(links, *member, node, vote, patience));
            Some(async move { (*member, asked.await.unwrap_or(Confirmed::Unknown)) })
        });
        let mut present = BTreeSet::from([self.member_id]);
        for (member, answer) in join_all(answers).await {
            match answer {
                Confirmed::Yes => _ = present.insert(member),
                Confirmed::No => return Err(LocalError::NotLeader),
                Confirmed::Unknown => {}
            }
        }
        Ok(present)
    }
}
