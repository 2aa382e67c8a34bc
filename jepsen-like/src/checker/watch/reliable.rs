//! Reliable: "a sequence of events will never drop any subsequence of events; if there are events ordered in time as
//! a < b < c, then if the watch receives events a and c, it is guaranteed to receive b" (etcd's API guarantees;
//! robustness tests, `validateReliable`).
//!
//! What is missing and is neither late nor the first to come is missing for this reason: it is asked last.

use super::told::Told;
use super::{Due, Violation};
use crate::history::KvEvent;

const GUARANTEE: &str = "RELIABLE";

/// One that was due before the event came.
pub(super) fn misses_one(told: Told<'_>, event: &KvEvent, (_, due): Due<'_>) -> Violation {
    told.breaks_at(GUARANTEE, event, due)
}

/// One of the last revision that came.
pub(super) fn misses_the_rest(told: Told<'_>, (_, rest): Due<'_>) -> Violation {
    let text = format!(
        "the event of {} at revision {} is missing from its revision",
        rest.kv.key, rest.kv.mod_revision
    );
    told.breaks(GUARANTEE, &text)
}
