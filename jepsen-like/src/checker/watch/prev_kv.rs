//! The key before: who asks for it gets with each event the key as it was before the event, unless that is compacted,
//! and who does not ask gets none (etcd's API of watches, `prev_kv` of `WatchCreateRequest`; robustness tests,
//! `validatePrevKV`).

use super::received::Received;
use super::told::Told;
use super::{Checked, Due};
use crate::history::{KeyValue, KvEvent};

pub(super) fn check(
    received: &Received,
    told: Told<'_>,
    event: &KvEvent,
    (position, _): Due<'_>,
) -> Checked {
    let Some(committed) = told.committed else { return Ok(()) };
    if !received.prev_kv && event.prev_kv.is_none() {
        return Ok(());
    }
    let right = committed.state.before(position).filter(|_| received.prev_kv);
    let given = event.prev_kv.as_ref();
    if right == given {
        return Ok(());
    }
    let revision = event.kv.mod_revision;
    let compacted = committed.compactions.possible_by(told.line.time) >= revision;
    if given.is_none() && compacted {
        return Ok(());
    }
    let show = |kv: Option<&KeyValue>| kv.map_or("nothing".to_owned(), ToString::to_string);
    let text = format!(
        "the event of {} at revision {revision} has {} as the key before it, which was {}",
        event.kv.key,
        show(given),
        show(right)
    );
    Err(told.breaks("PREV_KV", &text))
}
