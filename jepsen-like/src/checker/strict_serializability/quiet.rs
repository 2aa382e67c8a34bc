//! Times in which a key was certainly not written: an answer at revision `s` showed the key as
//! revision `m` had left it, so nothing in between touched it.

use std::collections::HashMap;

use super::anchor::{Anchors, Effect, effect};
use crate::history::{Blob, KeyValue, Outcome, Request, Response};
use crate::model::Change;

/// Per key: revisions at which it was seen, and the lowest mod revision seen from there on.
#[derive(Debug, Default)]
pub(super) struct Quiet<'h> {
    keys: HashMap<&'h Blob, Vec<(i64, i64)>>,
}

impl<'h> Quiet<'h> {
    pub(super) fn new(anchors: &Anchors<'h>) -> Self {
        let mut quiet = Self::default();
        for operation in anchors.operations {
            let Outcome::Ok(response) = operation.outcome else { continue };
            let Some(Effect::Saw | Effect::Wrote) = effect(operation.request, response) else {
                continue;
            };
            if let (Request::Range(range), Response::Range(found)) = (operation.request, response) {
                // A read of an old revision does not make its keys quiet.
                if range.revision <= 0 {
                    quiet.learn(&found.kvs, found.header.revision);
                }
            }
            match response {
                Response::Put(put) => {
                    quiet.learn(put.prev_kv.as_slice(), put.header.revision.saturating_sub(1))
                }
                Response::DeleteRange(delete) => {
                    quiet.learn(&delete.prev_kvs, delete.header.revision.saturating_sub(1));
                }
                Response::Range(_)
                | Response::Txn(_)
                | Response::Compact(_)
                | Response::Lease(_)
                | Response::Lock(_) => {}
            }
        }
        for seen in quiet.keys.values_mut() {
            seen.sort_unstable();
            let mut lowest = i64::MAX;
            for (_, modified) in seen.iter_mut().rev() {
                lowest = lowest.min(*modified);
                *modified = lowest;
            }
        }
        quiet
    }

    fn learn(&mut self, kvs: &'h [KeyValue], until: i64) {
        for kv in kvs {
            self.keys.entry(&kv.key).or_default().push((until, kv.mod_revision));
        }
    }

    /// Whether one of these changes of a revision cannot have happened.
    pub(super) fn refutes(&self, changes: &[Change]) -> bool {
        changes.iter().any(|change| {
            let revision = change.kv.mod_revision;
            let Some(seen) = self.keys.get(&change.kv.key) else { return false };
            let later = seen.partition_point(|(until, _)| *until < revision);
            seen.get(later).is_some_and(|(_, modified)| *modified < revision)
        })
    }
}
