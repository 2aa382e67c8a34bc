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
//! age of answers, and each watch by itself. Most of the rest needs what comes later: which operation an unknown
//! outcome was.
//!
//! A checker never panics on what a history says; a history that makes no sense is a violation or
//! inconclusive.

pub mod access;
pub mod alarms;
pub mod convergence;
pub mod durability;
pub mod election;
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

pub use options::{Clocks, Minimum, Options, Report, Statistics};
pub use verdict::{Findings, Verdict, Violation};

use crate::history::History;

/// Judges a history by every property.
pub fn check(history: &History, options: &Options) -> Report {
    let operations = history.operations();
    let analysis = strict_serializability::check(history, &operations, options);
    let committed = analysis.committed.as_ref();
    let verdicts = vec![
        ("strict_serializability", analysis.verdict),
        ("serializable_read", serializable_read::check(history, &operations, committed)),
        ("watch", watch::check(history, committed, options)),
        ("durability", durability::check(history, &operations, committed)),
        ("convergence", convergence::check(history, options)),
        ("raft", raft::check(history)),
        ("lease", lease::check(history, &operations, committed, options)),
        ("lock", lock::check(&operations, committed)),
        ("election", election::check(history, committed)),
        ("hashes", hashes::check(history)),
        ("snapshots", snapshots::check(history, committed)),
        ("alarms", alarms::check(history, &operations)),
        ("access", access::check(history, &operations)),
        ("validity", validity::check(history, &operations, options)),
    ];
    Report { verdicts, statistics: analysis.statistics }
}
