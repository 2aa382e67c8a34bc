//! Keys that are attached to a lease are deleted when it ends, all at one revision, and never is a key
//! attached to a lease that does not exist (etcd's lease API; G22, G55).
//!
//! That nothing else is deleted with a lease the replay of all revisions shows.

use super::life::Lives;
use super::violation;
use crate::checker::Violation;
use crate::checker::strict_serializability::Committed;

pub(super) fn check(committed: &Committed<'_>, lives: &Lives, found: &mut Vec<Violation>) {
    let changes = committed.state.changes();
    for (position, change) in changes.iter().enumerate() {
        let kv = &change.kv;
        let Some(life) = lives.get(kv.lease).filter(|_| kv.lease != 0) else { continue };
        let op = committed.writer(kv.mod_revision).map(|operation| operation.op);
        if let Some(grant) = life.grant
            && grant.answer.is_some_and(|answer| answer.revision >= kv.mod_revision)
        {
            let text = format!("{kv} was attached to lease {} before it was granted", kv.lease);
            found.push(violation("ATTACHED", text).at(op, grant.call));
        }
        let Some(end) = life.end else { continue };
        if end.revision < kv.mod_revision {
            let text = format!(
                "{kv} was attached to lease {}, which had ended at revision {}",
                kv.lease, end.revision
            );
            found.push(violation("ATTACHED", text).at(op, end.time));
            continue;
        }
        let of_key = committed.state.changes_of(kv.key.as_bytes());
        let next = of_key.get(of_key.partition_point(|other| *other <= position));
        let next = next.and_then(|next| changes.get(*next)).map(|next| next.kv.mod_revision);
        // What nobody saw is not replayed.
        let is_replayed = end.revision <= committed.state.revision();
        if is_replayed && next.is_none_or(|next| next > end.revision) {
            let text = format!(
                "{kv} was still there after its lease {} had ended at revision {}",
                kv.lease, end.revision
            );
            found.push(violation("KEYS_LEFT", text).at(op, end.time));
        }
    }
}
