//! Unique: "an event will never appear on a watch twice" (etcd's API guarantees; robustness tests, `validateUnique`),
//! and not on the one that it is resumed as either.
//!
//! A transaction may put a key and then delete it as one of many (etcd lets a deletion without an end stand beside a
//! put), or the other way round: then the log has both. Only the log can tell.

use super::received::Received;
use super::told::Told;
use super::{Checked, Due};
use crate::history::KvEvent;

pub(super) fn check(
    received: &Received,
    told: Told<'_>,
    event: &KvEvent,
    due: Option<Due<'_>>,
) -> Checked {
    let (key, revision) = (&event.kv.key, event.kv.mod_revision);
    let is_due = |(_, change): Due<'_>| change.kind == event.kind && change.kv == event.kv;
    let again = received.has_of_last(event) && !told.is_online && !due.is_some_and(is_due);
    if again || (revision < received.last && told.earlier_has(event)) {
        let text = format!("got the event of {key} at revision {revision} twice");
        return Err(told.breaks("UNIQUE", &text));
    }
    Ok(())
}
