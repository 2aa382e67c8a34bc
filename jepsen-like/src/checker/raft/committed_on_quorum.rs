//! Commitment: "a log entry is committed once the leader that created the entry has replicated it on a
//! majority of the servers" (Raft paper, section 5.3), and a leader counts by the newest configuration in
//! its log: of a joint one, "agreement requires separate majorities from both" (dissertation, 4.3).
//! Replicated means durable (openraft, tests-turmoil, `committed_on_quorum`).
//!
//! A leader tells of a commit when Raft hands it to the log, when it may use a newer configuration already. But
//! what stands behind a configuration in the log was never counted by an earlier one; so an entry must be
//! durable on a quorum of the configuration before it, or of one after it.

use super::known::Known;
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, LogId, Observation, Role};

#[derive(Debug, Default)]
pub(super) struct CommittedOnQuorum;

impl Property for CommittedOnQuorum {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let Fact::Committed { last } = &seen.fact else { return };
        let leader = known.of(seen.member);
        if leader.role != Some(Role::Leader) {
            return;
        }
        // A leader that does not know what was in force before it counts by no rule that is known here.
        let before = leader.configurations.iter().rposition(|it| it.index <= last.index);
        let Some(before) = before else { return };
        let in_force = &leader.configurations[before..];
        let holds = |voter: MemberId| holds(known.durable(voter), *last);
        if in_force.iter().all(|configuration| configuration.lacks(holds).is_some())
            && let Some((holding, of)) = in_force[0].lacks(holds)
        {
            let text = format!(
                "it leads term {} and committed index {}, which is durable on {holding} of {of} voters",
                leader.term, last.index
            );
            report("COMMITTED_ON_QUORUM", text);
        }
    }
}

/// Whether the entry is on the disk; a member that tells nothing of its disk proves nothing.
fn holds(durable: Option<LogId>, last: LogId) -> bool {
    durable.is_none_or(|durable| durable.index >= last.index && durable.term >= last.term)
}
