//! Agreement: all watches tell the same about the same change, whatever member serves them (etcd's robustness tests
//! merge the events of all clients and compare them: `mergeWatchEventHistory`).

use std::collections::{BTreeMap, HashMap};

use super::{Violation, violation};
use crate::history::{Blob, KvEvent, KvEventKind, WatchId, WatchLine, WatchRecord};

/// Compares every event with the first telling of the same change.
pub(super) fn check(watches: &BTreeMap<WatchId, Vec<&WatchLine>>) -> Option<Violation> {
    let mut first: HashMap<(i64, &Blob, KvEventKind), (&KvEvent, WatchId)> = HashMap::new();
    for line in watches.values().flatten() {
        let WatchRecord::Events { events, .. } = &line.record else { continue };
        for event in events {
            let change = (event.kv.mod_revision, &event.kv.key, event.kind);
            let (other, watch) = *first.entry(change).or_insert((event, line.watch));
            if other.kv != event.kv {
                let text = format!("got {}, but watch {watch} got {}", event.kv, other.kv);
                return Some(violation("AGREEMENT", line, &text));
            }
        }
    }
    None
}
