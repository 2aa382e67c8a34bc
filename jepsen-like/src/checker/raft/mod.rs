//! The invariants of Raft (Ongaro and Ousterhout 2014, figure 3 and section 5.4; for memberships that
//! change, Ongaro's dissertation, chapter 4), checked on what members told of themselves.
//!
//! | file | guarantee | sentence |
//! |---|---|---|
//! | `term` | `MONOTONIC_TERM` | a member's term never goes back, restarts included |
//! | `vote` | `VOTE_ONCE` | a member votes for one candidate in a term, restarts included |
//! | | `MONOTONIC_VOTE` | the vote on its disk only moves on, restarts included |
//! | `election_safety` | `ELECTION_SAFETY` | at most one leader in a term |
//! | `elected_by_quorum` | `ELECTED_BY_QUORUM` | a leader votes, or is let go by what is not committed, and has the votes of a quorum of its configuration |
//! | `leader_completeness` | `LEADER_COMPLETENESS` | a leader's log holds everything committed in earlier terms |
//! | `log_matching` | `LOG_MATCHING` | an index applied by two members is of the same term |
//! | `state_machine_safety` | `STATE_MACHINE_SAFETY` | and leaves the same state |
//! | `committed_immutable` | `COMMITTED_IMMUTABLE` | an index is committed with one term only |
//! | `committed_on_quorum` | `COMMITTED_ON_QUORUM` | what a leader commits is durable on a quorum of its configuration |
//! | `durable_bytes` | `DURABLE_BYTES` | what a member tells to be durable is on its disk |
//! | `committed_kept` | `COMMITTED_KEPT` | a committed entry stays on every disk that has it |
//! | `configuration` | `CONFIGURATION_MATCHING` | a committed configuration is the same for everybody |
//! | | `ONE_CHANGE` | a configuration and the next have no quorums that do not meet |
//! | | `NEVER_RETURNS` | who was removed is in no later configuration |
//! | `monotonic_commit` | `MONOTONIC_COMMIT` | the committed index never goes back while a member runs |
//! | `monotonic_applied` | `MONOTONIC_APPLIED` | nor does the applied one |
//! | `monotonic_snapshot` | `MONOTONIC_SNAPSHOT` | a snapshot is never followed by an older one, restarts included |
//! | `state_ordering` | `STATE_ORDERING` | purged <= snapshot <= applied <= committed <= last |
//! | `read_index` | `READ_INDEX` | no read is granted by a leader that a newer one had superseded, and none of too old an index |
//!
//! Of openraft's own (tests-turmoil, `invariants`) one has no name here: that a key's revision and version never go
//! back at a member. Members do not tell of keys. What they tell is a digest of the whole state, the same at an index
//! for everybody ([`convergence`](super::convergence), `SAME_STATE`), and the store's revision, which does not go back
//! from one index to the next (`MONOTONIC_REVISION`). Whether the one sequence of states is right key by key is judged
//! on answers, field by field, against a model ([`strict_serializability`](super::strict_serializability)), and on
//! events ([`watch`](super::watch)): a key that goes back at all members alike, and that nobody reads or watches,
//! is not seen.
//!
//! A quorum is one of each set of voters: of both, while a change is joint. Learners and members that were
//! removed are in none. Members that tell nothing of themselves are taken to have done what is needed.

mod committed_immutable;
mod committed_kept;
mod committed_on_quorum;
mod configuration;
mod durable_bytes;
mod elected_by_quorum;
mod election_safety;
mod known;
mod leader_completeness;
mod log_matching;
mod monotonic_applied;
mod monotonic_commit;
mod monotonic_snapshot;
mod read_index;
mod state_machine_safety;
mod state_ordering;
mod term;
mod vote;

use std::fmt::Debug;

use super::{Findings, Verdict, Violation};
use crate::history::{Event, History};
use crate::observation::Observation;

use self::known::Known;

const CHECKER: &str = "raft";

/// Takes the name of a guarantee and how it is broken.
type Report<'a> = dyn FnMut(&'static str, String) + 'a;

/// A guarantee, or a few of one kind: looks at each observation before the rest of it is learnt.
trait Property: Debug + Send {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>);
}

/// Judges one observation after the other, in the order of time.
#[derive(Debug)]
pub struct Invariants {
    properties: Vec<Box<dyn Property>>,
    known: Known,
    findings: Findings,
    any: bool,
}

fn properties() -> Vec<Box<dyn Property>> {
    vec![
        Box::<term::MonotonicTerm>::default(),
        Box::<vote::VoteOnce>::default(),
        Box::<vote::MonotonicVote>::default(),
        Box::<election_safety::ElectionSafety>::default(),
        Box::<elected_by_quorum::ElectedByQuorum>::default(),
        Box::<leader_completeness::LeaderCompleteness>::default(),
        Box::<log_matching::LogMatching>::default(),
        Box::<state_machine_safety::StateMachineSafety>::default(),
        Box::<committed_immutable::CommittedImmutable>::default(),
        Box::<durable_bytes::DurableBytes>::default(),
        Box::<committed_on_quorum::CommittedOnQuorum>::default(),
        Box::<committed_kept::CommittedKept>::default(),
        Box::<configuration::Configurations>::default(),
        Box::<monotonic_commit::MonotonicCommit>::default(),
        Box::<monotonic_applied::MonotonicApplied>::default(),
        Box::<monotonic_snapshot::MonotonicSnapshot>::default(),
        Box::<state_ordering::StateOrdering>::default(),
        Box::<read_index::ReadIndex>::default(),
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
