//! The invariants of Raft (Ongaro and Ousterhout 2014, figure 3 and section 5.4; for memberships that
//! change, Ongaro's dissertation, chapter 4), checked on what members told of themselves.
//!
//! | file | guarantee | sentence |
//! |---|---|---|
//! | `term` | `MONOTONIC_TERM` | a member's term never goes back, restarts included |
//! | | `VOTE_ONCE` | a member votes for one candidate in a term, restarts included |
//! | `election` | `ELECTION_SAFETY` | at most one leader in a term |
//! | | `ELECTED_BY_QUORUM` | a leader votes, or is let go by what is not committed, and has the votes of a quorum of its configuration |
//! | | `LEADER_COMPLETENESS` | a leader's log holds everything committed in earlier terms |
//! | `log` | `LOG_MATCHING` | an index applied by two members is of the same term |
//! | | `STATE_MACHINE_SAFETY` | and leaves the same state |
//! | | `COMMITTED_IMMUTABLE` | an index is committed with one term only |
//! | `commit` | `COMMITTED_ON_QUORUM` | what a leader commits is durable on a quorum of its configuration |
//! | `keeping` | `COMMITTED_KEPT` | a committed entry stays on every disk that has it |
//! | `configuration` | `CONFIGURATION_MATCHING` | a committed configuration is the same for everybody |
//! | | `ONE_CHANGE` | a configuration and the next have no quorums that do not meet |
//! | | `NEVER_RETURNS` | who was removed is in no later configuration |
//! | `order` | `MONOTONIC_COMMIT`, `MONOTONIC_APPLIED` | these never go back while a member runs |
//! | | `STATE_ORDERING` | purged <= snapshot <= applied <= committed <= last |
//!
//! A quorum is one of each set of voters: of both, while a change is joint. Learners and members that were
//! removed are in none. Members that tell nothing of themselves are taken to have done what is needed.

mod commit;
mod configuration;
mod election;
mod keeping;
mod known;
mod log;
mod order;
mod term;

use std::fmt::Debug;

use super::{Findings, Verdict, Violation};
use crate::history::{Event, History};
use crate::observation::Observation;

use self::known::Known;

const CHECKER: &str = "raft";

/// Takes the name of a guarantee and how it is broken.
type Report<'a> = dyn FnMut(&'static str, String) + 'a;

/// A group of guarantees: looks at each observation before the rest of it is learnt.
trait Property: Debug + Send {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>);
}

/// Judges one observation after the other, in the order of time.
#[derive(Debug)]
pub struct Invariants {
    properties: [Box<dyn Property>; 7],
    known: Known,
    findings: Findings,
    any: bool,
}

fn properties() -> [Box<dyn Property>; 7] {
    [
        Box::<term::Terms>::default(),
        Box::<election::Elections>::default(),
        Box::<log::Logs>::default(),
        Box::<commit::Commits>::default(),
        Box::<keeping::Keeping>::default(),
        Box::<configuration::Configurations>::default(),
        Box::<order::Order>::default(),
    ]
}

impl Default for Invariants {
    fn default() -> Self {
        let (known, findings) = (Known::default(), Findings::default());
        Self { properties: properties(), known, findings, any: false }
    }
}

impl Invariants {
    /// Takes the next observation.
    pub fn look(&mut self, seen: &Observation) {
        self.any = true;
        let mut report = |guarantee, text: String| {
            let text = format!("member {}, {} us: {text}", seen.member, seen.time);
            self.findings.add(Violation::new(CHECKER, guarantee, text).at(None, seen.time));
        };
        for property in &mut self.properties {
            property.look(seen, &self.known, &mut report);
        }
        self.known.learn(seen);
    }

    /// The first that was broken, so far.
    pub fn violation(&self) -> Option<&Violation> {
        self.findings.first()
    }

    fn verdict(self) -> Verdict {
        if self.any {
            self.findings.verdict()
        } else {
            Verdict::inconclusive("no member told of itself")
        }
    }
}

/// Checks the observations in their order.
pub fn check(history: &History) -> Verdict {
    let mut invariants = Invariants::default();
    for event in &history.events {
        if let Event::Observed(seen) = event {
            invariants.look(seen);
        }
    }
    invariants.verdict()
}
