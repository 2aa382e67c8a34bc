//! Filter: a watch gets only events of the keys, the kinds and the revisions that it asked for (etcd's API of watches,
//! `key`, `range_end`, `filters` and `start_revision` of `WatchCreateRequest`; etcd's robustness tests,
//! `validateFilter`).

use super::Checked;
use super::received::Received;
use super::told::Told;
use crate::history::KvEvent;

const GUARANTEE: &str = "FILTER";

pub(super) fn is_wanted(received: &Received, told: Told<'_>, event: &KvEvent) -> Checked {
    let KvEvent { kind, kv, .. } = event;
    let (key, revision) = (&kv.key, kv.mod_revision);
    if received.interest.wants(key, *kind) {
        return Ok(());
    }
    let text = format!("got a {kind:?} of {key} at revision {revision}, which it does not want");
    Err(told.breaks(GUARANTEE, &text))
}

pub(super) fn is_not_before_the_start(
    received: &Received,
    told: Told<'_>,
    event: &KvEvent,
) -> Checked {
    let (key, revision, start) = (&event.kv.key, event.kv.mod_revision, received.start);
    if revision >= start {
        return Ok(());
    }
    let text = format!("got the event of {key} at revision {revision}, but it started at {start}");
    Err(told.breaks(GUARANTEE, &text))
}
