//! When the membership may change: etcd's rules and their order, as a decision about values.
//!
//! Must never know: Raft, clocks, who asks.

use std::collections::BTreeSet;

/// How the membership is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new member.
    Add {
        /// Computed by whoever was asked.
        id: u64,
        /// Where its peers reach it.
        peer_urls: Vec<String>,
        /// Whether it stays without a vote until it is promoted.
        is_learner: bool,
    },
    /// A member goes for ever.
    Remove(u64),
    /// A member has moved.
    Update {
        /// Which.
        id: u64,
        /// Where its peers reach it from now on.
        peer_urls: Vec<String>,
    },
    /// A learner gets a vote.
    Promote(u64),
}

impl Change {
    /// Whether it is refused while voters are missing.
    pub(super) fn depends_on_who_is_there(&self) -> bool {
        matches!(self, Self::Add { .. } | Self::Remove(_))
    }
}

/// Why it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A member of this id is there.
    #[error("member ID already exist")]
    MemberExists,
    /// Somebody has this URL.
    #[error("peer URLs already exist")]
    PeerUrlExists,
    /// Too few members have ever started for the quorum that would be needed.
    #[error("not enough started members")]
    NotEnoughStarted,
    /// No such member, or one that was removed.
    #[error("member not found")]
    NotFound,
    /// It has a vote already.
    #[error("not a learner")]
    NotLearner,
    /// It lacks too much of the leader's log.
    #[error("the learner is not in sync")]
    LearnerNotReady,
    /// The cluster has as many learners as it may have.
    #[error("too many learners")]
    TooManyLearners,
    /// Too few members were there for long enough.
    #[error("unhealthy cluster")]
    Unhealthy,
}

/// How long a member has been in contact with the leader, without a gap until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// It is not.
    Lost,
    /// For a short time only.
    Recent,
    /// For long enough to rely on it.
    Steady,
}

/// What the leader knows of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its id.
    pub id: u64,
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Whether it has ever told its name.
    pub is_started: bool,
    /// Whether it was added as a learner, and not promoted.
    pub is_learner: bool,
    /// Of itself the leader knows that it is there.
    pub contact: Contact,
    /// The last entry that it is known to have.
    pub matched: u64,
}

/// What is decided on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// All members, by id.
    pub members: Vec<Standing>,
    /// Who has been removed.
    pub removed: BTreeSet<u64>,
    /// The leader.
    pub leader: u64,
    /// The leader's last entry.
    pub last: u64,
    /// How many learners there may be.
    pub learners_max: usize,
}

impl View {
    /// Whether the change may be made (G62, G63, G65 to G67).
    pub fn check(&self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::Add { id, peer_urls, is_learner } => {
                self.check_add(*id, peer_urls, *is_learner)
            }
            Change::Remove(id) => self.check_remove(*id),
            Change::Update { id, peer_urls } => self.check_update(*id, peer_urls),
            Change::Promote(id) => self.check_promote(*id),
        }
    }

    fn member(&self, id: u64) -> Option<&Standing> {
        self.members.iter().find(|member| member.id == id)
    }

    fn voters(&self) -> impl Iterator<Item = &Standing> {
        self.members.iter().filter(|member| !member.is_learner)
    }

    fn started_voters(&self) -> usize {
        self.voters().filter(|member| member.is_started).count()
    }

    fn steady_voters(&self) -> usize {
        self.voters().filter(|member| member.contact == Contact::Steady).count()
    }

    fn check_add(&self, id: u64, peer_urls: &[String], is_learner: bool) -> Result<(), Refusal> {
        let (voters, started) = (self.voters().count(), self.started_voters());
        // One member alone may always get a second: it is how a cluster grows out of one.
        let grows_from_one = voters == 1 && started == 1;
        if !is_learner && !grows_from_one && started < quorum(voters + 1) {
            return Err(Refusal::NotEnoughStarted);
        }
        // The new member is taken for one that never comes.
        let steady = self.steady_voters();
        if steady < voters && steady < quorum(voters + 1) {
            return Err(Refusal::Unhealthy);
        }
        if self.removed.contains(&id) {
            return Err(Refusal::NotFound);
        }
        if self.member(id).is_some() {
            return Err(Refusal::MemberExists);
        }
        self.check_urls(id, peer_urls)?;
        let learners = self.members.len() - voters;
        if is_learner && learners >= self.learners_max {
            return Err(Refusal::TooManyLearners);
        }
        Ok(())
    }

    fn check_remove(&self, id: u64) -> Result<(), Refusal> {
        let member = self.member(id);
        if member.is_some_and(|member| member.is_learner) {
            return Ok(());
        }
        let others = || self.voters().filter(|voter| voter.id != id);
        if others().filter(|voter| voter.is_started).count() < quorum(others().count()) {
            return Err(Refusal::NotEnoughStarted);
        }
        let member = member.ok_or(Refusal::NotFound)?;
        // Who is not there takes no part in the quorum that is, and can go without harm.
        if member.contact == Contact::Lost {
            return Ok(());
        }
        let left = self.steady_voters().saturating_sub(1);
        if left < quorum(self.voters().count() - 1) {
            return Err(Refusal::Unhealthy);
        }
        Ok(())
    }

    fn check_update(&self, id: u64, peer_urls: &[String]) -> Result<(), Refusal> {
        self.member(id).ok_or(Refusal::NotFound)?;
        self.check_urls(id, peer_urls)
    }

    /// Nobody else has one of these URLs.
    fn check_urls(&self, id: u64, peer_urls: &[String]) -> Result<(), Refusal> {
        let mut taken = self.members.iter().filter(|member| member.id != id);
        if taken.any(|member| member.peer_urls.iter().any(|url| peer_urls.contains(url))) {
            return Err(Refusal::PeerUrlExists);
        }
        Ok(())
    }

    fn check_promote(&self, id: u64) -> Result<(), Refusal> {
        let member = self.member(id).ok_or(Refusal::NotFound)?;
        // Ready is who has nine tenths of the leader's log.
        if member.matched.saturating_mul(10) < self.last.saturating_mul(9) {
            return Err(Refusal::LearnerNotReady);
        }
        if self.started_voters() + 1 < quorum(self.voters().count() + 1) {
            return Err(Refusal::NotEnoughStarted);
        }
        if !member.is_learner {
            return Err(Refusal::NotLearner);
        }
        Ok(())
    }
}

fn quorum(members: usize) -> usize {
    members / 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(voters: u64) -> View {
        let members = (1..=voters).map(|id| member(id, false)).collect();
        View { members, leader: 1, last: 100, learners_max: 1, ..View::default() }
    }

    fn member(id: u64, is_learner: bool) -> Standing {
        let peer_urls = vec![format!("http://{id}")];
        let contact = Contact::Steady;
        Standing { id, peer_urls, is_started: true, is_learner, contact, matched: 100 }
    }

    fn add(is_learner: bool) -> Change {
        Change::Add { id: 9, peer_urls: vec!["http://9".to_owned()], is_learner }
    }

    #[test]
    fn adding_to_a_healthy_cluster_is_allowed() {
        for voters in 1..=5 {
            assert_eq!(view(voters).check(&add(false)), Ok(()));
            assert_eq!(view(voters).check(&add(true)), Ok(()));
        }
    }

    #[test]
    fn adding_is_refused_while_members_are_down_unless_the_quorum_stays() {
        // G63, and the fix of 3.6.11: of five one may be down, of three none.
        for (voters, expected) in [(3, Err(Refusal::Unhealthy)), (5, Ok(()))] {
            let mut view = view(voters);
            view.members[1].contact = Contact::Lost;
            assert_eq!(view.check(&add(false)), expected);
            view.members[1].contact = Contact::Recent;
            assert_eq!(view.check(&add(false)), expected);
        }
    }

    #[test]
    fn adding_voters_waits_for_those_that_were_added_before() {
        let mut view = view(2);
        view.members[1].is_started = false;
        assert_eq!(view.check(&add(false)), Err(Refusal::NotEnoughStarted));
    }

    #[test]
    fn an_id_or_url_that_is_known_is_refused() {
        // G62.
        let mut view = view(3);
        let taken = Change::Add { id: 9, peer_urls: vec!["http://2".into()], is_learner: false };
        assert_eq!(view.check(&taken), Err(Refusal::PeerUrlExists));
        let known = Change::Add { id: 2, peer_urls: vec!["http://9".into()], is_learner: false };
        assert_eq!(view.check(&known), Err(Refusal::MemberExists));
        view.removed.insert(9);
        assert_eq!(view.check(&add(false)), Err(Refusal::NotFound));
    }

    #[test]
    fn one_learner_is_enough() {
        // G62.
        let mut view = view(3);
        view.members.push(member(4, true));
        assert_eq!(view.check(&add(true)), Err(Refusal::TooManyLearners));
        assert_eq!(view.check(&add(false)), Ok(()));
    }

    #[test]
    fn the_quorum_that_is_there_may_not_be_broken_by_a_removal() {
        // G65.
        let mut view = view(3);
        assert_eq!(view.check(&Change::Remove(9)), Err(Refusal::NotFound));
        assert_eq!(view.check(&Change::Remove(2)), Ok(()));
        view.members[2].contact = Contact::Lost;
        assert_eq!(view.check(&Change::Remove(3)), Ok(()));
        assert_eq!(view.check(&Change::Remove(2)), Err(Refusal::Unhealthy));
        view.members[2].is_started = false;
        assert_eq!(view.check(&Change::Remove(2)), Err(Refusal::NotEnoughStarted));
    }

    #[test]
    fn the_last_voter_stays() {
        assert_eq!(view(1).check(&Change::Remove(1)), Err(Refusal::NotEnoughStarted));
        assert_eq!(view(1).check(&Change::Remove(5)), Err(Refusal::NotFound));
    }

    #[test]
    fn an_update_moves_a_member_to_where_nobody_is() {
        // G66.
        let update = |id, url: &str| Change::Update { id, peer_urls: vec![url.to_owned()] };
        let view = view(3);
        assert_eq!(view.check(&update(2, "http://7")), Ok(()));
        assert_eq!(view.check(&update(2, "http://2")), Ok(()));
        assert_eq!(view.check(&update(2, "http://3")), Err(Refusal::PeerUrlExists));
        assert_eq!(view.check(&update(7, "http://7")), Err(Refusal::NotFound));
    }

    #[test]
    fn only_a_learner_that_is_in_sync_is_promoted() {
        // G67, K7.
        let mut view = view(3);
        view.members.push(member(4, true));
        for (matched, expected) in [(89, Err(Refusal::LearnerNotReady)), (90, Ok(()))] {
            view.members[3].matched = matched;
            assert_eq!(view.check(&Change::Promote(4)), expected);
        }
        assert_eq!(view.check(&Change::Promote(2)), Err(Refusal::NotLearner));
        assert_eq!(view.check(&Change::Promote(7)), Err(Refusal::NotFound));
    }
}
