//! Durability: what was acknowledged survives everything the run did to its members ("Any completed operations are
//! durable": etcd's API guarantees; Raft's state machine safety and leader completeness, seen from outside).
//!
//! The end of a run is what members applied, and what reads found, after it was healed.

use std::collections::BTreeMap;

use super::strict_serializability::{Committed, is_anchored_answer, is_newest_read};
use super::{Findings, Verdict, Violation};
use crate::history::{Applied, Event, History, MemberId, Micros, OpId, Operations, Outcome};
use crate::model::difference;

const CHECKER: &str = "durability";

/// The newest acknowledged revision.
struct Acknowledged {
    revision: i64,
    op: OpId,
    time: Micros,
    text: String,
}

/// Checks that the end of the run contains everything that was acknowledged before it.
pub fn check(
    history: &History,
    operations: &Operations<'_>,
    committed: Option<&Committed<'_>>,
) -> Verdict {
    let healed = healed(history);
    let Some(acknowledged) = newest(operations, healed) else {
        return Verdict::inconclusive("nothing was acknowledged");
    };
    let mut findings = Findings::default();
    let members = check_members(history, healed, &acknowledged, &mut findings);
    let reads = check_reads(operations, committed, healed, &acknowledged, &mut findings);
    let otherwise = if members + reads == 0 {
        Verdict::inconclusive("nobody read or told the state after the run was healed")
    } else {
        Verdict::Pass
    };
    findings.verdict_or(otherwise)
}

/// When the run was healed, if it was.
fn healed(history: &History) -> Option<Micros> {
    history.events.iter().rev().find_map(|event| match event {
        Event::Healed { time } => Some(*time),
        _ => None,
    })
}

fn newest(operations: &Operations<'_>, healed: Option<Micros>) -> Option<Acknowledged> {
    let acknowledged = operations.list.iter().filter_map(|operation| {
        let (Outcome::Ok(response), Some(time)) = (operation.outcome, operation.end) else {
            return None;
        };
        let before_the_end = healed.is_none_or(|healed| time <= healed);
        let known = is_anchored_answer(operation.request, response) && before_the_end;
        known.then(|| (response.header().revision, operation, time))
    });
    let (revision, operation, time) = acknowledged.max_by_key(|(revision, ..)| *revision)?;
    let text = operation.request.to_string();
    Some(Acknowledged { revision, op: operation.op, time, text })
}

fn lost(acknowledged: &Acknowledged, by: &str) -> Violation {
    let Acknowledged { revision, op, time, text } = acknowledged;
    let text = format!(
        "{text} by operation {op} was acknowledged with revision {revision} at {time} us, but {by}"
    );
    Violation::new(CHECKER, "LOST", text).at(*op, *time)
}

/// The members' last words must reach the newest acknowledged revision.
fn check_members(
    history: &History,
    healed: Option<Micros>,
    acknowledged: &Acknowledged,
    findings: &mut Findings,
) -> usize {
    let mut last: BTreeMap<MemberId, &Applied> = BTreeMap::new();
    for event in &history.events {
        if let Event::Applied(tap) = event {
            last.insert(tap.member, tap);
        }
    }
    let ended = |tap: &&Applied| healed.is_some_and(|healed| tap.time > healed);
    let taps: Vec<&Applied> = last.into_values().filter(ended).collect();
    let highest = taps.iter().max_by_key(|tap| tap.revision);
    if let Some(tap) = highest.filter(|tap| tap.revision < acknowledged.revision) {
        let by = format!(
            "no member went further than revision {} (index {}) at the end",
            tap.revision, tap.index
        );
        findings.add(lost(acknowledged, &by));
    }
    taps.len()
}

/// Reads of the newest state after the run was healed must show every acknowledged write.
fn check_reads(
    operations: &Operations<'_>,
    committed: Option<&Committed<'_>>,
    healed: Option<Micros>,
    acknowledged: &Acknowledged,
    findings: &mut Findings,
) -> usize {
    let mut reads = 0;
    for operation in &operations.list {
        let Outcome::Ok(response) = operation.outcome else { continue };
        let ended = healed.is_some_and(|healed| operation.call >= healed);
        if !ended || !is_newest_read(operation.request) {
            continue;
        }
        reads += 1;
        let revision = response.header().revision;
        let (op, request) = (operation.op, operation.request);
        if revision < acknowledged.revision {
            let by =
                format!("{request} by operation {op} found only revision {revision} at the end");
            findings.add(lost(acknowledged, &by).at(op, operation.call));
            continue;
        }
        let right = committed.map(|committed| committed.state.answer_at(request, revision));
        let problem = match right {
            Some(Ok(right)) => difference(&right, response),
            Some(Err(_)) | None => None,
        };
        if let Some(problem) = problem {
            let text = format!(
                "{request} by operation {op} at the end differs from what was acknowledged: \
                    {problem}"
            );
            findings.add(Violation::new(CHECKER, "LOST", text).at(op, operation.call));
        }
    }
    reads
}
