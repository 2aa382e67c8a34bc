//! Fields: an event is of the kind, and its key has the value, the revisions, the version and the lease, that its
//! revision gave it (etcd's API, `Event` and `KeyValue` of `mvccpb`; robustness tests, `validateIsCreate` for a part of
//! it).

use super::told::Told;
use super::{Checked, Due, compacted};
use crate::history::KvEvent;

pub(super) fn check(told: Told<'_>, event: &KvEvent, due: Due<'_>) -> Checked {
    if compacted::is_it(event, due) {
        return Ok(());
    }
    let (_, change) = due;
    let text =
        format!("got {:?} {}, but it was {:?} {}", event.kind, event.kv, change.kind, change.kv);
    Err(told.breaks("FIELDS", &text))
}
