//! Strict serializability, anchored at revisions: all transactions take effect in one order, and
//! that order agrees with real time (Herlihy and Wing 1990; Papadimitriou 1979; etcd's KV API
//! guarantees).
//!
//! Every answer carries the store's revision. A write that changed something owns its revision
//! alone; a read, or a write that found nothing to do, saw exactly the state of its revision. So
//! the order is given and only has to be verified; no search is needed except for where writes
//! without a known outcome landed. That makes the check nearly linear in the number of operations.
//!
//! 1. `anchor`: which operation owns which revision (`UNIQUE`).
//! 2. `evidence`: revisions without an owner are given to the write that members, watches or read
//!    values prove (`DUPLICATE_APPLY`, `PHANTOM`); `replay` tries candidates for the rest.
//! 3. `real_time`: nothing is older than what was known when it was called (`STALE_READ`).
//! 4. `replay`: the model gives the same answers, field by field (`ANSWER`).
//! 5. `refusal`: errors were legal at some moment of their operation (`REFUSAL`, `COMPACTED_READ`).

mod anchor;
mod committed;
mod compaction;
mod evidence;
mod quiet;
mod real_time;
mod refusal;
mod replay;
mod search;
mod windows;

pub(super) use anchor::puts;
pub use committed::{Committed, Owner};
pub use compaction::Compactions;
pub use real_time::RealTime;

use super::{Findings, Options, Statistics, Verdict, Violation};
use crate::history::{History, Operations, Outcome, Request, Response};
use anchor::Anchors;
use evidence::Evidence;
use replay::{Ending, Replay};

const CHECKER: &str = "strict_serializability";

/// A violation of this checker.
fn violation(guarantee: &'static str, message: String) -> Violation {
    Violation::new(CHECKER, guarantee, message)
}

/// What the check says, and the committed log that it found, for the other checkers.
#[derive(Debug)]
pub struct Analysis<'h> {
    /// What it says.
    pub verdict: Verdict,
    /// The log; `None` when revisions could not be explained.
    pub committed: Option<Committed<'h>>,
    /// What was counted.
    pub statistics: Statistics,
}

/// Checks a history.
pub fn check<'h>(
    history: &'h History,
    operations: &'h Operations<'h>,
    options: &Options,
) -> Analysis<'h> {
    let mut findings = Findings::default();
    for sentence in &operations.malformed {
        findings.add(violation("WELL_FORMED", sentence.clone()));
    }
    let mut statistics = count(operations);
    let anchors = Anchors::new(history, &operations.list, &mut findings);
    if let Some(phantom) = anchors.too_many_revisions() {
        findings.add(phantom);
        return Analysis { verdict: findings.verdict(), committed: None, statistics };
    }
    let evidence = Evidence::new(history, &anchors, &mut findings, &mut statistics);
    real_time::check(&anchors, &evidence, &mut findings);
    let replay = Replay::new(&anchors, &evidence, options.search_steps_max);
    let (state, owners) = match replay.run(&mut findings, &mut statistics) {
        Ending::Explained { state, owners } => (state, owners),
        Ending::OutOfSteps { revision } => {
            let reason = format!(
                "the writer of revision {revision} was not found in {} steps",
                options.search_steps_max
            );
            let verdict = findings.verdict_or(Verdict::inconclusive(reason));
            return Analysis { verdict, committed: None, statistics };
        }
    };
    statistics.revisions = owners.len();
    let applied =
        |owner: &&Owner| matches!(owner, Owner::Operation(index) if anchors.is_unknown(*index));
    statistics.unknown_applied = owners.iter().filter(applied).count();
    let compactions = Compactions::new(history, &operations.list);
    let committed = Committed::new(&operations.list, state, owners, anchors.sightings, compactions);
    if !options.is_beginning {
        refusal::check(&committed, &mut findings);
    }
    Analysis { verdict: findings.verdict(), committed: Some(committed), statistics }
}

fn count(operations: &Operations<'_>) -> Statistics {
    let mut statistics = Statistics { operations: operations.list.len(), ..Statistics::default() };
    for operation in &operations.list {
        match operation.outcome {
            Outcome::Ok(_) => statistics.answered += 1,
            Outcome::Fail(_) => statistics.refused += 1,
            Outcome::Info(_) => statistics.unknown += 1,
        }
    }
    statistics
}

/// Whether an answer says that its operation changed something, and so made the revision it names.
pub fn made_its_revision(request: &Request, response: &Response) -> bool {
    matches!(anchor::effect(request, response), Some(anchor::Effect::Wrote))
}

/// Whether an answer is that of a local read, which is not part of the one order.
pub(super) fn is_local_answer(request: &Request, response: &Response) -> bool {
    matches!(anchor::effect(request, response), Some(anchor::Effect::Local))
}

/// Whether an answer acknowledges its revision.
pub(super) fn is_anchored_answer(request: &Request, response: &Response) -> bool {
    matches!(anchor::effect(request, response), Some(anchor::Effect::Wrote | anchor::Effect::Saw))
}

/// Whether a request reads the newest state.
pub(super) fn is_newest_read(request: &Request) -> bool {
    matches!(request, Request::Range(range) if !range.serializable && range.revision <= 0)
}
