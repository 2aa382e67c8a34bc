//! Checkers: one file per property, each opening with what it checks and where that comes from.
//!
//! | checker | property |
//! |---|---|
//! | [`strict_serializability`] | every answer fits one order of all writes, true to real time |
//! | [`serializable_read`] | local reads show a state that was, and never go back |
//! | [`watch`] | a watch gets every event once, in order, whole, across resumes |
//! | [`durability`] | what was acknowledged is there at the end |
//! | [`convergence`] | members agree on the state at every applied index |
//! | [`raft`] | the invariants of the consensus algorithm |
//! | [`validity`] | enough happened for a pass to mean something |
//! | [`hashes`] | members give one hash of the same history |
//! | [`snapshots`] | a copy of a member holds what was committed at its revision |
//! | [`alarms`] | what an active alarm forbids is refused, and nothing else in its name |
//! | [`access`] | nobody is admitted who was not permitted, nobody denied who was |
//! | [`lease`] | a lease lives as long as it was promised, and its keys as long as it does |
//! | [`lock`] | nobody writes under a lock that somebody else owns |
//! | [`election`] | who observes an election is told of its leaders in order |
//! | [`linearizability`] | any model, by search, for histories without revisions |
//!
//! What can be told at once is judged [`online`] as well, while the run goes on: what members tell of themselves, the
//! age of answers, and each watch by itself. The rest needs the order of all writes, and so a history; but
//! [`check_beginning`] judges one that has only begun, as often as somebody likes.
//!
//! A checker never panics on what a history says; a history that makes no sense is a violation or
//! inconclusive.

pub mod access;
pub mod alarms;
pub mod convergence;
pub mod durability;
pub mod election;
mod guarantees;
pub mod hashes;
pub mod lease;
pub mod linearizability;
pub mod lock;
pub mod online;
mod options;
pub mod raft;
pub mod serializable_read;
pub mod snapshots;
mod staircase;
pub mod strict_serializability;
pub mod validity;
mod verdict;
pub mod watch;

pub use guarantees::GUARANTEES;
pub use options::{Clocks, Minimum, Options, Report, Statistics};
pub use verdict::{Findings, Verdict, Violation};

use crate::history::{History, Operations};

use self::strict_serializability::Committed;

/// Judges a history by every property.
pub fn check(history: &History, options: &Options) -> Report {
    let operations = history.operations();
    let analysis = strict_serializability::check(history, &operations, options);
    let committed = analysis.committed.as_ref();
    let mut verdicts = vec![("strict_serializability", analysis.verdict)];
    verdicts.extend(of_beginnings(history, &operations, committed, options));
    verdicts.extend([
        ("durability", durability::check(history, &operations, committed)),
        ("convergence", convergence::check(history, options)),
        ("raft", raft::check(history)),
        ("election", election::check(history, committed)),
        ("snapshots", snapshots::check(history, committed)),
        ("alarms", alarms::check(history, &operations)),
        ("validity", validity::check(history, &operations, options)),
    ]);
    Report { verdicts, statistics: analysis.statistics }
}

/// What is wrong in the beginning of a history, and stays wrong however it goes on. Left out are refusals, elections
/// and alarms, for which what comes later may be the reason, snapshots, which are read after a run, and what is true
/// of its end. What members tell the [`online`] checkers judge.
pub fn check_beginning(history: &History, options: &Options) -> Option<Violation> {
    let options = Options { is_beginning: true, ..options.clone() };
    let operations = history.operations();
    let analysis = strict_serializability::check(history, &operations, &options);
    let committed = analysis.committed.as_ref();
    let rest = of_beginnings(history, &operations, committed, &options);
    let mut verdicts = std::iter::once(analysis.verdict).chain(rest.map(|(_, verdict)| verdict));
    verdicts.find_map(|verdict| match verdict {
        Verdict::Violation(violation) => Some(violation),
        Verdict::Pass | Verdict::Inconclusive { .. } => None,
    })
}

/// Properties that the beginning of a history has if the whole has them, given the order of all writes.
fn of_beginnings(
    history: &History,
    operations: &Operations<'_>,
    committed: Option<&Committed<'_>>,
    options: &Options,
) -> [(&'static str, Verdict); 6] {
    [
        ("serializable_read", serializable_read::check(history, operations, committed)),
        ("watch", watch::check(history, committed, options)),
        ("lease", lease::check(history, operations, committed, options)),
        ("lock", lock::check(operations, committed)),
        ("hashes", hashes::check(history)),
        ("access", access::check(history, operations)),
    ]
}
