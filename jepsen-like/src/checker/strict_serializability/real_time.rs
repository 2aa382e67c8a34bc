//! The order of revisions agrees with real time: what was known before an operation was called lies
//! before it (the second half of strict serializability; Herlihy and Wing 1990, section 2.3).

use super::anchor::{Anchors, Witness};
use super::evidence::Evidence;
use super::{Findings, Violation, violation};
use crate::checker::staircase::Step;
use crate::history::{Micros, OpId, Operation};

/// Checks writes, reads, and the proven writers of revisions that no answer owns.
pub(super) fn check(anchors: &Anchors<'_>, evidence: &Evidence<'_>, findings: &mut Findings) {
    let mut found: Vec<(Micros, Violation)> = Vec::new();
    for &(revision, index) in &anchors.readers {
        found.extend(late(anchors, revision, index, Rule::Read));
    }
    for &(revision, index) in &anchors.writes {
        found.extend(late(anchors, revision, index, Rule::Write));
    }
    for (revision, index) in evidence.writers() {
        found.extend(late(anchors, revision, index, Rule::Write));
    }
    found.sort_by_key(|(time, _)| *time);
    found.into_iter().for_each(|(_, violation)| findings.add(violation));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// A read may see what was known when it was called, or more.
    Read,
    /// A write must come after it.
    Write,
}

fn late(
    anchors: &Anchors<'_>,
    revision: i64,
    index: usize,
    rule: Rule,
) -> Option<(Micros, Violation)> {
    let operation = anchors.operations.get(index)?;
    let known = anchors.sightings.before(operation.call)?;
    let fine = match rule {
        Rule::Read => revision >= known.value,
        Rule::Write => revision > known.value,
    };
    (!fine).then(|| (operation.call, describe(anchors, operation, revision, known, rule)))
}

fn describe(
    anchors: &Anchors<'_>,
    operation: &Operation<'_>,
    revision: i64,
    known: &Step<Witness>,
    rule: Rule,
) -> Violation {
    let Operation { op, client, member, call, request, .. } = operation;
    let (who, witness) = describe_witness(anchors, known);
    let (guarantee, did) = match rule {
        Rule::Read => ("STALE_READ", "saw"),
        Rule::Write => ("REAL_TIME", "made"),
    };
    let text = format!(
        "{request} by client {client} at member {member}, called at {call} us, \
         {did} revision {revision}, \
         but {who} had shown revision {} at {} us",
        known.value, known.time
    );
    violation(guarantee, text).at(*op, *call).at(witness, known.time)
}

fn describe_witness(anchors: &Anchors<'_>, known: &Step<Witness>) -> (String, Option<OpId>) {
    match known.source {
        Witness::Watch(watch) => (format!("watch {watch}"), None),
        Witness::Operation(index) => match anchors.operations.get(index) {
            Some(other) => (format!("{} by operation {}", other.request, other.op), Some(other.op)),
            None => ("an operation".to_owned(), None),
        },
    }
}
