//! What members have told so far, without a judgement.

use std::collections::BTreeMap;

use crate::history::MemberId;
use crate::observation::{Fact, LogId, Observation, Role};

/// Who votes and who does not, from an entry of the log on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Configuration {
    /// The index of the entry.
    pub(super) index: u64,
    /// One set of voters, or two while a change is joint.
    pub(super) voters: Vec<Vec<MemberId>>,
    pub(super) learners: Vec<MemberId>,
}

impl Configuration {
    /// The set of voters of which too few are in, if there is one: how many are, and of how many.
    pub(super) fn lacks(&self, is_in: impl Fn(MemberId) -> bool) -> Option<(usize, usize)> {
        let count = |set: &Vec<MemberId>| set.iter().filter(|voter| is_in(**voter)).count();
        let counted = self.voters.iter().map(|set| (count(set), set.len()));
        counted.into_iter().find(|(count, of)| count * 2 <= *of)
    }

    /// Whether a quorum counts the member.
    pub(super) fn counts(&self, member: MemberId) -> bool {
        self.voters.iter().any(|set| set.contains(&member))
    }

    /// Everybody in it.
    pub(super) fn members(&self) -> impl Iterator<Item = MemberId> {
        self.voters.iter().flatten().chain(&self.learners).copied()
    }
}

/// What is known of one member.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pub(super) term: u64,
    /// The term that it had when it started.
    pub(super) started_in: u64,
    pub(super) role: Option<Role>,
    pub(super) last: Option<LogId>,
    pub(super) durable: Option<LogId>,
    pub(super) committed: u64,
    /// `None` until something is known to be applied; the first entry of a log has index 0.
    pub(super) applied: Option<u64>,
    pub(super) snapshot: u64,
    /// The configurations in its log: the last that is committed, and those after it.
    pub(super) configurations: Vec<Configuration>,
}

/// What is known of all members.
#[derive(Debug, Default)]
pub(super) struct Known {
    members: BTreeMap<MemberId, Member>,
    nobody: Member,
}

impl Known {
    /// What is known of a member; nothing much, if it never told anything.
    pub(super) fn of(&self, member: MemberId) -> &Member {
        self.members.get(&member).unwrap_or(&self.nobody)
    }

    /// The end of a member's log on its disk, if it ever told of that.
    pub(super) fn durable(&self, member: MemberId) -> Option<LogId> {
        self.members.get(&member)?.durable
    }

    pub(super) fn learn(&mut self, seen: &Observation) {
        self.members.entry(seen.member).or_default().learn(&seen.fact);
    }
}

impl Member {
    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Started { term, last_log, applied, .. } => {
                *self = Self {
                    term: *term,
                    started_in: *term,
                    last: Some(*last_log),
                    durable: Some(*last_log),
                    applied: Some(*applied).filter(|applied| *applied > 0),
                    // The state that it found stands for everything before.
                    snapshot: self.snapshot.max(*applied),
                    ..Self::default()
                };
            }
            Fact::Stopped => self.role = None,
            Fact::Role { role, term } => {
                self.term = self.term.max(*term);
                self.role = Some(*role);
            }
            Fact::Voted { term, .. } | Fact::Acknowledged { term, .. } => {
                self.term = self.term.max(*term);
            }
            Fact::Appended { last, .. } => self.last = Some(*last),
            Fact::Truncated { last } => {
                self.last = Some(*last);
                self.durable = self.durable.map(|durable| durable.min(*last));
            }
            Fact::Durable { last } => self.durable = Some(*last),
            Fact::Committed { last } => {
                self.committed = self.committed.max(last.index);
                self.forget_configurations();
            }
            Fact::Applied { entry, .. } => self.applied = self.applied.max(Some(entry.index)),
            Fact::Snapshot { last, installed } => self.learn_snapshot(*last, *installed),
            Fact::Damaged => self.snapshot = 0,
            Fact::Purged { .. }
            | Fact::AtRisk { .. }
            | Fact::ReadBegun
            | Fact::ReadGranted { .. }
            | Fact::ReadAsked
            | Fact::ReadAnswered { .. } => {}
            Fact::Membership { index, voters, learners } => {
                // What stood there, or after it, is cut off.
                self.configurations.retain(|before| before.index < *index);
                let (index, voters, learners) = (*index, voters.clone(), learners.clone());
                self.configurations.push(Configuration { index, voters, learners });
            }
        }
    }

    fn learn_snapshot(&mut self, last: LogId, installed: bool) {
        self.snapshot = self.snapshot.max(last.index);
        if installed {
            // A received snapshot stands for the log it covers.
            self.applied = self.applied.max(Some(last.index));
            // A member that never tells its commit index is not held to one.
            if self.committed > 0 {
                self.committed = self.committed.max(last.index);
            }
            self.last = self.last.max(Some(last));
            self.durable = self.durable.max(Some(last));
        }
    }

    /// Keeps the last configuration that is committed, and those after it.
    fn forget_configurations(&mut self) {
        let committed = self.committed;
        let in_force = self.configurations.iter().rposition(|it| it.index <= committed);
        self.configurations.drain(..in_force.unwrap_or(0));
    }
}
