//! The invariants of Raft (Ongaro and Ousterhout 2014, figure 3 and section 5.4), checked on what
//! members told of themselves.
//!
//! | guarantee | sentence |
//! |---|---|
//! | `ELECTION_SAFETY` | at most one leader in a term |
//! | `VOTE_ONCE` | a member votes for one candidate in a term, restarts included |
//! | `MONOTONIC_TERM` | a member's term never goes back, restarts included |
//! | `MONOTONIC_COMMIT`, `MONOTONIC_APPLIED` | nor do these while it runs |
//! | `LOG_MATCHING` | an index applied by two members is of the same term |
//! | `STATE_MACHINE_SAFETY` | and leaves the same state |
//! | `COMMITTED_IMMUTABLE` | an index is committed with one term only |
//! | `COMMITTED_ON_QUORUM` | what a leader commits is durable on a quorum of its membership |
//! | `LEADER_COMPLETENESS` | a leader's log holds everything committed in earlier terms |
//! | `STATE_ORDERING` | purged <= snapshot <= applied <= committed <= last |

use std::collections::BTreeMap;

use super::{Findings, Verdict, Violation};
use crate::history::{Event, History, MemberId};
use crate::observation::{Fact, LogId, Observation, Role};

const CHECKER: &str = "raft";

/// Checks the observations in their order.
pub fn check(history: &History) -> Verdict {
    let mut cluster = Cluster::default();
    let mut findings = Findings::default();
    let mut any = false;
    for event in &history.events {
        if let Event::Observed(seen) = event {
            any = true;
            cluster.observe(seen, &mut findings);
        }
    }
    if any { findings.verdict() } else { Verdict::inconclusive("no member told of itself") }
}

/// What is known of one member.
#[derive(Debug, Clone, Default)]
struct Member {
    term: u64,
    role: Option<Role>,
    last: Option<LogId>,
    durable: Option<LogId>,
    committed: u64,
    /// `None` until something is known to be applied; the first entry of a log has index 0.
    applied: Option<u64>,
    snapshot: u64,
    voters: Vec<Vec<MemberId>>,
}

/// What is known of all members together.
#[derive(Debug, Default)]
struct Cluster {
    members: BTreeMap<MemberId, Member>,
    leaders: BTreeMap<u64, MemberId>,
    votes: BTreeMap<(MemberId, u64), MemberId>,
    committed: BTreeMap<u64, (u64, MemberId)>,
    applied: BTreeMap<u64, (u64, u64, MemberId)>,
}

impl Cluster {
    fn observe(&mut self, seen: &Observation, findings: &mut Findings) {
        let mut report = |guarantee, text: String| {
            let text = format!("member {}, {} us: {text}", seen.member, seen.time);
            findings.add(Violation::new(CHECKER, guarantee, text).at(None, seen.time));
        };
        let mut member = self.members.remove(&seen.member).unwrap_or_default();
        match &seen.fact {
            Fact::Started { term, last_log, applied } => {
                member.enter_term(*term, &mut report);
                member = Member {
                    term: member.term,
                    last: Some(*last_log),
                    durable: Some(*last_log),
                    committed: 0,
                    applied: Some(*applied).filter(|applied| *applied > 0),
                    role: None,
                    ..member
                };
            }
            Fact::Stopped => member.role = None,
            Fact::Role { role, term } => {
                member.enter_term(*term, &mut report);
                member.role = Some(*role);
                if *role == Role::Leader {
                    self.elect(seen.member, *term, &member, &mut report);
                }
            }
            Fact::Voted { term, candidate } => {
                member.enter_term(*term, &mut report);
                let first = *self.votes.entry((seen.member, *term)).or_insert(*candidate);
                if first != *candidate {
                    report(
                        "VOTE_ONCE",
                        format!(
                            "in term {term} it voted for member {first} and for member {candidate}"
                        ),
                    );
                }
            }
            Fact::Appended { last, .. } | Fact::Truncated { last } => member.last = Some(*last),
            Fact::Durable { last } => member.durable = Some(*last),
            Fact::Committed { last } => {
                member.commit(*last, &mut report);
                self.check_committed(seen.member, *last, &member, &mut report);
            }
            Fact::Applied { entry, digest } => {
                member.apply(*entry, &mut report);
                self.check_applied(seen.member, *entry, *digest, &mut report);
            }
            Fact::Snapshot { last, installed } => member.snapshot(*last, *installed, &mut report),
            Fact::Purged { last } => {
                if last.index > member.snapshot {
                    report(
                        "STATE_ORDERING",
                        format!(
                            "it purged to index {}, but its snapshot reaches only {}",
                            last.index, member.snapshot
                        ),
                    );
                }
            }
            Fact::Membership { voters, .. } => member.voters.clone_from(voters),
        }
        self.members.insert(seen.member, member);
    }

    fn elect(
        &mut self,
        id: MemberId,
        term: u64,
        member: &Member,
        report: &mut impl FnMut(&'static str, String),
    ) {
        let leader = *self.leaders.entry(term).or_insert(id);
        if leader != id {
            report(
                "ELECTION_SAFETY",
                format!("it leads term {term}, which member {leader} leads too"),
            );
        }
        let earlier = self.committed.iter().rev().find(|(_, (entry, _))| *entry < term);
        if let (Some((&index, &(entry, by))), Some(last)) = (earlier, member.last)
            && last.index < index
        {
            report(
                "LEADER_COMPLETENESS",
                format!(
                    "it leads term {term} with a log that ends at index {}, but member {by} knew \
                        index {index} of term {entry} as committed",
                    last.index
                ),
            );
        }
    }

    fn check_committed(
        &mut self,
        id: MemberId,
        last: LogId,
        member: &Member,
        report: &mut impl FnMut(&'static str, String),
    ) {
        let (term, by) = *self.committed.entry(last.index).or_insert((last.term, id));
        if term != last.term {
            report(
                "COMMITTED_IMMUTABLE",
                format!(
                    "index {} is committed in term {}, but member {by} committed it in term {term}",
                    last.index, last.term
                ),
            );
        }
        if member.role != Some(Role::Leader) {
            return;
        }
        let has = |voter: &MemberId| {
            let voter = if *voter == id { Some(member) } else { self.members.get(voter) };
            voter.and_then(|voter| voter.durable)
        };
        for voters in &member.voters {
            let known = voters.iter().filter(|voter| has(voter).is_some()).count();
            let holds = |durable: LogId| durable.index >= last.index && durable.term >= last.term;
            let holding = voters.iter().filter(|voter| has(voter).is_some_and(holds)).count();
            // Members that tell nothing of their disks prove nothing.
            if known == voters.len() && holding * 2 <= voters.len() {
                report(
                    "COMMITTED_ON_QUORUM",
                    format!(
                        "it leads term {} and committed index {}, which is durable on {holding} \
                            of {} voters",
                        member.term,
                        last.index,
                        voters.len()
                    ),
                );
            }
        }
    }

    fn check_applied(
        &mut self,
        id: MemberId,
        entry: LogId,
        digest: u64,
        report: &mut impl FnMut(&'static str, String),
    ) {
        let (term, state, by) =
            *self.applied.entry(entry.index).or_insert((entry.term, digest, id));
        if term != entry.term {
            report(
                "LOG_MATCHING",
                format!(
                    "it applied index {} of term {}, member {by} of term {term}",
                    entry.index, entry.term
                ),
            );
        } else if state != digest {
            report(
                "STATE_MACHINE_SAFETY",
                format!(
                    "index {} left its state at {digest:016x}, that of member {by} at {state:016x}",
                    entry.index
                ),
            );
        }
    }
}

impl Member {
    fn enter_term(&mut self, term: u64, report: &mut impl FnMut(&'static str, String)) {
        if term < self.term {
            report("MONOTONIC_TERM", format!("its term went back from {} to {term}", self.term));
        }
        self.term = self.term.max(term);
    }

    fn commit(&mut self, last: LogId, report: &mut impl FnMut(&'static str, String)) {
        if last.index < self.committed {
            report(
                "MONOTONIC_COMMIT",
                format!("its committed index went back from {} to {}", self.committed, last.index),
            );
        }
        if let Some(end) = self.last.filter(|end| end.index < last.index) {
            report(
                "STATE_ORDERING",
                format!("it committed index {}, but its log ends at {}", last.index, end.index),
            );
        }
        self.committed = self.committed.max(last.index);
    }

    fn apply(&mut self, entry: LogId, report: &mut impl FnMut(&'static str, String)) {
        if let Some(applied) = self.applied.filter(|applied| entry.index <= *applied) {
            report(
                "MONOTONIC_APPLIED",
                format!("it applied index {} after index {applied}", entry.index),
            );
        }
        if self.committed > 0 && entry.index > self.committed {
            report(
                "STATE_ORDERING",
                format!(
                    "it applied index {}, but knows only {} as committed",
                    entry.index, self.committed
                ),
            );
        }
        self.applied = self.applied.max(Some(entry.index));
    }

    fn snapshot(
        &mut self,
        last: LogId,
        installed: bool,
        report: &mut impl FnMut(&'static str, String),
    ) {
        if installed {
            // A received snapshot stands for the log it covers.
            self.applied = self.applied.max(Some(last.index));
            // A member that never tells its commit index is not held to one.
            if self.committed > 0 {
                self.committed = self.committed.max(last.index);
            }
            self.last = self.last.max(Some(last));
            self.durable = self.durable.max(Some(last));
        } else if Some(last.index) > self.applied {
            let applied = self.applied.unwrap_or(0);
            report(
                "STATE_ORDERING",
                format!("its snapshot covers index {}, but it applied only {applied}", last.index),
            );
        }
        self.snapshot = self.snapshot.max(last.index);
    }
}
