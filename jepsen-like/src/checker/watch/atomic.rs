//! Atomic: "a list of events is guaranteed to encompass complete revisions; updates in the same revision over multiple
//! keys will not be split over several lists of events" (etcd's API guarantees; robustness tests, `validateAtomic`).
//! The parts of an answer that was split for its size are one list (`fragment` of `WatchResponse`).

use super::told::Told;
use super::{Checked, Due};

/// What is left of the last revision of an answer does not come in another one.
pub(super) fn check(told: Told<'_>, (_, rest): Due<'_>) -> Checked {
    if !told.later_has(rest) {
        return Ok(());
    }
    let text = format!(
        "the event of {} at revision {} came in another answer than the first of that revision",
        rest.kv.key, rest.kv.mod_revision
    );
    Err(told.breaks("ATOMIC", &text))
}
