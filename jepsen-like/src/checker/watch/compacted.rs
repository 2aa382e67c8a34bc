//! What compaction takes: of several changes of a key by one transaction only the last is kept once its revision is
//! compacted, so a watch that begins at that revision, which is legal, does not get the others (etcd's `keyIndex`
//! keeps of each key the last change at or before the compacted revision; contract G51).

use super::Due;
use super::told::Told;
use crate::checker::strict_serializability::Committed;
use crate::history::KvEvent;

/// Whether the log has this change and a watch need not get it any more.
pub(super) fn may_be_gone(told: Told<'_>, (position, change): Due<'_>) -> bool {
    let revision = change.kv.mod_revision;
    let is_compacted =
        |committed: &Committed<'_>| committed.compactions.possible_by(told.line.time) >= revision;
    told.committed.filter(|committed| is_compacted(committed)).is_some_and(|committed| {
        let later = committed.state.changes().get(position + 1..).unwrap_or_default();
        let mut same = later.iter().take_while(|later| later.kv.mod_revision == revision);
        same.any(|later| later.kv.key == change.kv.key)
    })
}

/// Whether the event is this change, in every field.
pub(super) fn is_it(event: &KvEvent, (_, change): Due<'_>) -> bool {
    change.kind == event.kind && change.kv == event.kv
}
