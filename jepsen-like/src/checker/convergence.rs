//! Convergence: members that applied the same index have the same state (state machine safety, Raft paper, figure 3),
//! the revision never goes back from one index to the next ("revisions are monotonically increasing over the lifetime
//! of a cluster": etcd's data model), and at the end of a healed run all of them have applied the same (a leader
//! retries "until all followers eventually store all log entries": Raft paper, section 5.3).

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Options, Verdict, Violation};
use crate::history::{Applied, Event, History, MemberId, Micros};
use crate::observation::Fact;

const CHECKER: &str = "convergence";

/// The state that each index left, as the first member told it that was there.
#[derive(Debug, Default)]
pub struct States {
    first: BTreeMap<u64, Applied>,
    findings: Findings,
}

impl States {
    /// Compares what a member applied with what another did.
    pub fn look(&mut self, tap: &Applied) {
        match self.first.get(&tap.index) {
            Some(other) => findings_of_index(other, tap, &mut self.findings),
            None => {
                let before = self.first.range(..tap.index).next_back();
                let after = self.first.range(tap.index..).next();
                for (_, other) in before.into_iter().chain(after) {
                    findings_of_neighbours(other, tap, &mut self.findings);
                }
                self.first.insert(tap.index, tap.clone());
            }
        }
    }

    /// The first two that differ, so far.
    pub fn violation(&self) -> Option<&Violation> {
        self.findings.first()
    }
}

/// Compares what members told of each index, and their ends.
pub fn check(history: &History, options: &Options) -> Verdict {
    let mut states = States::default();
    let mut last: BTreeMap<MemberId, &Applied> = BTreeMap::new();
    let mut stopped: BTreeMap<MemberId, bool> = BTreeMap::new();
    let mut healed: Option<Micros> = None;
    let mut memberships: BTreeMap<MemberId, (u64, BTreeSet<MemberId>)> = BTreeMap::new();
    for event in &history.events {
        match event {
            Event::Applied(tap) => {
                states.look(tap);
                last.insert(tap.member, tap);
            }
            Event::Observed(seen) => match &seen.fact {
                Fact::Started { .. } => {
                    stopped.insert(seen.member, false);
                }
                Fact::Stopped => {
                    stopped.insert(seen.member, true);
                }
                Fact::Membership { index, voters, learners } => {
                    let members = voters.iter().flatten().chain(learners).copied().collect();
                    memberships.insert(seen.member, (*index, members));
                }
                _ => {}
            },
            Event::Healed { time } => healed = Some(*time),
            _ => {}
        }
    }
    if states.first.is_empty() {
        return Verdict::inconclusive("no member told what it applied");
    }
    let mut findings = states.findings;
    let end = history.events.iter().map(Event::time).max().unwrap_or(0);
    if healed.is_some_and(|healed| end >= healed.saturating_add(options.watch_grace)) {
        last.retain(|member, _| !stopped.get(member).copied().unwrap_or(false));
        // Whoever was removed may end with an older membership, in which it still is.
        let newest = memberships.into_values().max_by_key(|(index, _)| *index);
        last.retain(|member, _| newest.as_ref().is_none_or(|(_, all)| all.contains(member)));
        findings_of_ends(&last, &mut findings);
    }
    findings.verdict()
}

fn findings_of_index(a: &Applied, b: &Applied, findings: &mut Findings) {
    let difference = if a.term != b.term {
        format!("term {} and term {}", a.term, b.term)
    } else if a.revision != b.revision {
        format!("revision {} and revision {}", a.revision, b.revision)
    } else if a.digest != b.digest {
        format!("digest {:016x} and digest {:016x}", a.digest, b.digest)
    } else {
        return;
    };
    let text = format!(
        "members {} and {} applied index {} with {difference}, at {} us and {} us",
        a.member, b.member, a.index, a.time, b.time
    );
    findings.add(Violation::new(CHECKER, "SAME_STATE", text).at(a.op, a.time).at(b.op, b.time));
}

/// Every change of a key takes a revision of its own, so the store's never goes back.
fn findings_of_neighbours(a: &Applied, b: &Applied, findings: &mut Findings) {
    let (before, after) = if a.index < b.index { (a, b) } else { (b, a) };
    if after.revision < before.revision {
        let text = format!(
            "index {} left member {} at revision {}, and index {} member {} at revision {}",
            before.index, before.member, before.revision, after.index, after.member, after.revision
        );
        let violation = Violation::new(CHECKER, "MONOTONIC_REVISION", text);
        findings.add(violation.at(before.op, before.time).at(after.op, after.time));
    }
}

fn findings_of_ends(last: &BTreeMap<MemberId, &Applied>, findings: &mut Findings) {
    let ahead = last.values().max_by_key(|tap| tap.index);
    let behind = last.values().min_by_key(|tap| tap.index);
    if let (Some(ahead), Some(behind)) = (ahead, behind)
        && ahead.index != behind.index
    {
        let text = format!(
            "at the end of the healed run member {} has applied index {} and member {} only {}",
            ahead.member, ahead.index, behind.member, behind.index
        );
        findings.add(Violation::new(CHECKER, "SAME_END", text).at(None, behind.time));
    }
}
