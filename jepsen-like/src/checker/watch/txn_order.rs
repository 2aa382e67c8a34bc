//! Order within a transaction: the events of one revision come in the order of its operations (etcd numbers the changes
//! of a transaction by the order in which they are made, the `sub` of a revision, and watches follow it: `mvcc`,
//! `kvsToEvents`).

use super::told::Told;
use super::{Checked, Due};
use crate::history::KvEvent;

pub(super) fn check(told: Told<'_>, event: &KvEvent, (_, due): Due<'_>) -> Checked {
    if due.kv.mod_revision != event.kv.mod_revision {
        return Ok(());
    }
    Err(told.breaks_at("TXN_ORDER", event, due))
}
