//! The committed log that the check found, for the checkers that build on it.

use std::collections::HashSet;

use super::Compactions;
use super::anchor::{Sightings, may_write};
use crate::history::{Micros, Operation, Outcome};
use crate::model::State;

/// Who made a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// An operation, by its position in the order of calls.
    Operation(usize),
    /// The end of a lease, which deleted its keys.
    Lease(i64),
    /// Nobody that the history knows; a violation says so.
    Nobody,
}

/// All revisions with their writers, and the state at each of them.
#[derive(Debug)]
pub struct Committed<'h> {
    /// All operations in the order of their calls.
    pub operations: &'h [Operation<'h>],
    /// The state at all revisions.
    pub state: State,
    /// When which compactions were in force.
    pub compactions: Compactions,
    owners: Vec<Owner>,
    sightings: Sightings,
    /// The first call of a write without a known outcome that made no revision that anybody saw.
    first_unplaced: Option<Micros>,
    /// For each revision the latest of the calls before which it and the earlier ones cannot be.
    latest_calls: Vec<Micros>,
}

impl<'h> Committed<'h> {
    /// Puts the parts together; `owners` begins with revision 2.
    pub(super) fn new(
        operations: &'h [Operation<'h>],
        state: State,
        owners: Vec<Owner>,
        sightings: Sightings,
        compactions: Compactions,
    ) -> Self {
        // Which of several unknown writes made a revision may be a guess: the first of them can have been
        // it, and a later one the other.
        let is_unknown = |operation: &Operation<'_>| matches!(operation.outcome, Outcome::Info(_));
        let mut unknown = operations.iter().filter(|operation| is_unknown(operation));
        let first_unknown = unknown.next().map_or(0, |operation| operation.call);
        let mut latest = 0;
        let calls = owners.iter().map(|owner| {
            if let Owner::Operation(index) = owner
                && let Some(operation) = operations.get(*index)
            {
                let call = if is_unknown(operation) { first_unknown } else { operation.call };
                latest = latest.max(call);
            }
            latest
        });
        let latest_calls = calls.collect();
        let first_unplaced = first_unplaced(operations, &owners);
        Self { operations, state, compactions, owners, sightings, first_unplaced, latest_calls }
    }

    /// Who made a revision.
    pub fn owner(&self, revision: i64) -> Option<Owner> {
        let position = usize::try_from(revision.checked_sub(2)?).ok()?;
        self.owners.get(position).copied()
    }

    /// The operation that made a revision.
    pub fn writer(&self, revision: i64) -> Option<&Operation<'h>> {
        match self.owner(revision)? {
            Owner::Operation(index) => self.operations.get(index),
            Owner::Lease(_) | Owner::Nobody => None,
        }
    }

    /// The highest revision known to be committed strictly before a moment.
    pub fn known_before(&self, time: Micros) -> i64 {
        self.sightings.before(time).map_or(1, |step| step.value.max(1))
    }

    /// The highest revision that may be committed by a moment.
    pub fn possible_by(&self, time: Micros) -> i64 {
        let count = self.latest_calls.partition_point(|call| *call <= time);
        i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// When somebody first saw that a revision, or a later one, is committed.
    pub fn first_seen(&self, revision: i64) -> Option<Micros> {
        self.sightings.reaching(revision).map(|step| step.time)
    }

    /// Whether some write without a known outcome, called by then, has not been placed.
    pub fn may_hide_writes(&self, time: Micros) -> bool {
        self.first_unplaced.is_some_and(|call| call <= time)
    }
}

fn first_unplaced(operations: &[Operation<'_>], owners: &[Owner]) -> Option<Micros> {
    let placed: HashSet<usize> = owners
        .iter()
        .filter_map(|owner| match owner {
            Owner::Operation(index) => Some(*index),
            Owner::Lease(_) | Owner::Nobody => None,
        })
        .collect();
    let mut open = operations.iter().enumerate().filter(|(index, operation)| {
        let unknown = matches!(operation.outcome, Outcome::Info(_));
        unknown && may_write(operation.request) && !placed.contains(index)
    });
    open.next().map(|(_, operation)| operation.call)
}
