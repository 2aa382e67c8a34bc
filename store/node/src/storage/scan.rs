//! Reading a stretch of history from memory and database together.

use std::collections::BTreeMap;
use std::ops::Bound;

use detcd_machine::{Revision, Row};

use super::cache::row_size;
use super::codec::first_from;
use super::error::Error;
use super::shared::Shared;
use super::view::RowResult;
use crate::runtime::Runtime;

/// The rows from `from` on and before `to`, within `budget`. Blocks.
pub(super) fn scan<R: Runtime>(
    shared: &Shared<R>,
    from: Revision,
    to: Revision,
    budget: Budget,
) -> Result<Vec<(Revision, Row)>, Error> {
    let (from, to) = (first_from(from), first_from(to));
    if from >= to {
        return Ok(Vec::new());
    }
    // Memory first: a row that moves from there to the database meanwhile is then found twice, not never.
    // A part of it that alone uses up the budget bounds what the database is asked for.
    let mut left = budget;
    let pending = shared.state().rows.pending(from, to, |row| left.spend(row));
    let end = match pending.keys().next_back() {
        Some(last) if left.is_spent() => Bound::Included(*last),
        Some(_) | None => Bound::Excluded(to),
    };
    let view = shared.view()?;
    let stored = view.rows(Bound::Included(from), end)?;
    merge(stored, pending, budget)
}

/// What a scan may still return.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) rows: usize,
    pub(super) bytes: usize,
}

impl Budget {
    /// Charges a row; whether the budget is used up then.
    fn spend(&mut self, row: &Row) -> bool {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(row_size(row));
        self.is_spent()
    }

    fn is_spent(&self) -> bool {
        self.rows == 0 || self.bytes == 0
    }
}

/// Stored rows and pending changes in one order; a pending change hides a stored row of its revision.
fn merge(
    stored: impl Iterator<Item = RowResult>,
    pending: BTreeMap<Revision, Option<Row>>,
    mut budget: Budget,
) -> Result<Vec<(Revision, Row)>, Error> {
    let mut pending = pending.into_iter().peekable();
    let mut found = Vec::new();
    for entry in stored {
        let (revision, row) = entry?;
        while let Some((revision, row)) = pending.next_if(|(pending, _)| *pending < revision) {
            if push(&mut found, revision, row, &mut budget) {
                return Ok(found);
            }
        }
        let row = match pending.next_if(|(pending, _)| *pending == revision) {
            Some((_, changed)) => changed,
            None => Some(row),
        };
        if push(&mut found, revision, row, &mut budget) {
            return Ok(found);
        }
    }
    for (revision, row) in pending {
        if push(&mut found, revision, row, &mut budget) {
            break;
        }
    }
    Ok(found)
}

/// Adds a row unless it was removed; whether the budget is used up then.
fn push(
    found: &mut Vec<(Revision, Row)>,
    revision: Revision,
    row: Option<Row>,
    budget: &mut Budget,
) -> bool {
    let Some(row) = row else { return false };
    let spent = budget.spend(&row);
    found.push((revision, row));
    spent
}
