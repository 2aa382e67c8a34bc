//! Whether this member still leads, asked of a quorum (ReadIndex: Ongaro's thesis, 6.4).
//!
//! openraft has a check of its own, but credits an answer to every request that ends at the log id
//! in it, also to an empty one that was sent later. A leader that stood still for seconds then finds
//! its leadership confirmed by what was answered before, and serves a stale read. Here an answer
//! belongs to its own request.
//!
//! Must never know: what is read.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use openraft::ServerState;
use openraft::network::RPCOption;
use openraft::network::v2::RaftNetworkV2;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse};

use super::local::LocalError;
use super::network::Links;
use super::{LogId, MemberNode, Membership, Raft, RaftVote};
use crate::runtime::Runtime;

/// How often a new leader looks whether it has committed something in its term.
const COMMIT_POLL: Duration = Duration::from_millis(5);

/// Asks the voters, for one round of readers after the other.
pub(super) struct Leadership<R: Runtime> {
    raft: Raft<R>,
    links: Links<R>,
    member_id: u64,
    /// Longest that a round may take.
    patience: Duration,
    round: u64,
    asking: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// Whose answers are still to come. Nobody is asked twice at a time, so that a member that does
    /// not answer costs no more than one request.
    asked: BTreeSet<u64>,
}

/// What this member is as a leader.
pub(super) struct Standing {
    pub(super) vote: RaftVote,
    pub(super) membership: Membership,
    /// Its last committed entry, if one of its own term is committed: then everything that any
    /// leader acknowledged before is (Raft 5.4.2).
    committed: Option<LogId>,
}

/// The answer of one voter to the request of one round.
struct Answer {
    round: u64,
    voter: u64,
    result: Confirmed,
}

/// What a voter says of its leader.
pub(super) enum Confirmed {
    /// It followed this leader when it answered.
    Yes,
    /// It follows somebody newer.
    No,
    /// Nobody knows.
    Unknown,
}

impl<R: Runtime> Leadership<R> {
    pub(super) fn new(raft: Raft<R>, links: Links<R>, member_id: u64, patience: Duration) -> Self {
        let (asking, asked) = (FuturesUnordered::new(), BTreeSet::new());
        Self { raft, links, member_id, patience, round: 0, asking, asked }
    }

    /// An entry that covers whatever was acknowledged before the call, once a quorum has said after the
    /// call that it follows this member.
    pub(super) async fn confirm(&mut self) -> Result<LogId, LocalError> {
        let patience = self.patience;
        let round = R::timeout(patience, self.confirm_in_time()).await;
        round.unwrap_or(Err(LocalError::NoQuorum))
    }

    async fn confirm_in_time(&mut self) -> Result<LogId, LocalError> {
        let (standing, committed) = loop {
            let standing = standing(&self.raft).await?;
            match standing.committed {
                Some(committed) => break (standing, committed),
                None => R::sleep(COMMIT_POLL).await,
            }
        };
        self.round += 1;
        let mut confirmed = BTreeSet::from([self.member_id]);
        let me = self.member_id;
        for voter in standing.membership.voter_ids().filter(|voter| *voter != me) {
            self.ask(voter, &standing);
        }
        while !is_quorum(&standing.membership, &confirmed) {
            let Some(Answer { round, voter, result }) = self.asking.next().await else {
                return Err(LocalError::NoQuorum);
            };
            self.asked.remove(&voter);
            if round != self.round {
                // It was asked for readers of before, and tells nothing about now.
                self.ask(voter, &standing);
                continue;
            }
            match result {
                Confirmed::Yes => _ = confirmed.insert(voter),
                Confirmed::No => return Err(LocalError::NotLeader),
                Confirmed::Unknown => {}
            }
        }
        Ok(committed)
    }

    fn ask(&mut self, voter: u64, standing: &Standing) {
        let Some(node) = standing.membership.get_node(&voter).cloned() else { return };
        if self.asked.insert(voter) {
            let (links, vote, round) = (self.links.clone(), standing.vote, self.round);
            let patience = self.patience;
            // A task of its own: between two rounds nobody would drive it, and what it waits in line
            // for, such as a connection, everybody behind it would wait for as well.
            let asking = R::spawn(follows::<R>(links, voter, node, vote, patience));
            self.asking.push(Box::pin(async move {
                let result = asking.await.unwrap_or(Confirmed::Unknown);
                Answer { round, voter, result }
            }));
        }
    }
}

impl Standing {
    /// The entry that [`Leadership::confirm`] would find for those who had asked `voter` before it looked up its `vote`,
    /// if nobody else has to be asked.
    ///
    /// It had voted for nobody newer by then, and neither had `leader`, which still has not. If the two are a quorum,
    /// nobody newer had been elected, and so nobody newer had acknowledged anything. A membership that `leader` does not
    /// know changes nothing in that: the log of a newer leader has the committed entry, which is of this term, and so
    /// begins its changes with this membership or the one before; quorums of these overlap.
    pub(super) fn confirmed_by(&self, leader: u64, voter: u64, vote: RaftVote) -> Option<LogId> {
        let both = BTreeSet::from([leader, voter]);
        let is_confirmed = vote == self.vote && is_quorum(&self.membership, &both);
        self.committed.filter(|_| is_confirmed)
    }
}

/// What this member is as a leader, if it is one.
pub(super) async fn standing<R: Runtime>(raft: &Raft<R>) -> Result<Standing, LocalError> {
    let read = raft.with_raft_state(|state| {
        let vote = *state.vote_ref();
        let committed = state.local_committed();
        let own = committed.filter(|id| id.leader_id.term == vote.leader_id.term);
        let standing = Standing {
            vote,
            membership: state.membership_state.effective().membership().clone(),
            committed: own.copied(),
        };
        // The vote alone does not tell: see `leader_of`.
        (state.server_state == ServerState::Leader).then_some(standing)
    });
    read.await.map_err(|_fatal| LocalError::Stopped)?.ok_or(LocalError::NotLeader)
}

/// Asks a voter by a heartbeat of its own.
pub(super) async fn follows<R: Runtime>(
    links: Links<R>,
    voter: u64,
    node: MemberNode,
    vote: RaftVote,
    patience: Duration,
) -> Confirmed {
    let heartbeat =
        AppendEntriesRequest { vote, prev_log_id: None, entries: Vec::new(), leader_commit: None };
    let mut link = links.heartbeat_link(voter, &node);
    match link.append_entries(heartbeat, RPCOption::new(patience)).await {
        Ok(AppendEntriesResponse::HigherVote(_)) => Confirmed::No,
        // Whatever it thinks of the log, it accepted the leader.
        Ok(_) => Confirmed::Yes,
        Err(_) => Confirmed::Unknown,
    }
}

/// Whether these are a majority, while a change of the membership is going on of both.
fn is_quorum(membership: &Membership, members: &BTreeSet<u64>) -> bool {
    membership
        .get_joint_config()
        .iter()
        .all(|voters| 2 * voters.intersection(members).count() > voters.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::codec;
    use crate::wal::Position;

    fn membership(configs: &[&[u64]]) -> Membership {
        let configs: Vec<BTreeSet<u64>> =
            configs.iter().map(|voters| voters.iter().copied().collect()).collect();
        let nodes = configs.iter().flatten().map(|id| (*id, MemberNode::default()));
        let nodes: std::collections::BTreeMap<u64, MemberNode> = nodes.collect();
        Membership::new(configs, nodes).expect("it is a membership")
    }

    #[test]
    fn a_quorum_is_a_majority_of_every_configuration() {
        let is = |configs: &[&[u64]], members: &[u64]| {
            is_quorum(&membership(configs), &members.iter().copied().collect())
        };
        assert!(is(&[&[1]], &[1]));
        assert!(!is(&[&[1, 2]], &[1]));
        assert!(is(&[&[1, 2, 3]], &[1, 3]));
        assert!(!is(&[&[1, 2, 3, 4]], &[1, 2]));
        assert!(!is(&[&[1, 2, 3]], &[1, 8, 9]));
        assert!(!is(&[&[1, 2, 3], &[3, 4, 5]], &[1, 2, 3]));
        assert!(is(&[&[1, 2, 3], &[3, 4, 5]], &[1, 3, 4]));
    }

    #[test]
    fn a_voter_that_still_follows_confirms_if_it_and_the_leader_are_a_quorum() {
        let vote = RaftVote::new_committed(3, 1);
        let committed = Some(codec::log_id(Position { term: 3, node: 0, index: 7 }));
        let standing =
            |configs: &[&[u64]]| Standing { vote, membership: membership(configs), committed };
        let three = standing(&[&[1, 2, 3]]);
        assert_eq!(three.confirmed_by(1, 2, vote), committed);
        assert_eq!(three.confirmed_by(1, 1, vote), None);
        // A learner has no voice.
        assert_eq!(three.confirmed_by(1, 4, vote), None);
        for other in [RaftVote::new(3, 1), RaftVote::new_committed(4, 2), RaftVote::new(4, 3)] {
            assert_eq!(three.confirmed_by(1, 2, other), None);
        }
        assert_eq!(standing(&[&[1, 2, 3, 4]]).confirmed_by(1, 2, vote), None);
        assert_eq!(standing(&[&[1, 2], &[1, 3, 4]]).confirmed_by(1, 2, vote), None);
        // What a leader of before has acknowledged may not be known to be committed yet.
        let new = Standing { committed: None, ..three };
        assert_eq!(new.confirmed_by(1, 2, vote), None);
    }
}
