//! Ordered: "events are ordered by revision; an event will never appear on a watch if it precedes an event in time that
//! has already been posted" (etcd's API guarantees; robustness tests, `validateOrdered`).

use super::received::Received;
use super::told::Told;
use super::{Checked, Due};
use crate::history::KvEvent;

const GUARANTEE: &str = "ORDERED";

pub(super) fn does_not_go_back(received: &Received, told: Told<'_>, event: &KvEvent) -> Checked {
    let (key, revision, last) = (&event.kv.key, event.kv.mod_revision, received.last);
    if revision >= last {
        return Ok(());
    }
    Err(told.breaks(GUARANTEE, &format!("got revision {revision} of {key} after revision {last}")))
}

/// What should have come before the event does not come after it.
pub(super) fn leaves_nothing_for_later(
    told: Told<'_>,
    event: &KvEvent,
    (_, due): Due<'_>,
) -> Checked {
    if told.later_has(due) { Err(told.breaks_at(GUARANTEE, event, due)) } else { Ok(()) }
}
