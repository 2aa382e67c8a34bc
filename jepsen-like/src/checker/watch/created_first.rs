//! Confirmation first: before anything else a watch is told, once, that it is created (etcd's API of watches, `created`
//! of `WatchResponse`; contract G40).

use super::Checked;
use super::received::{Phase, Received};
use super::told::Told;
use crate::history::WatchRecord;

pub(super) fn check(received: &Received, told: Told<'_>) -> Checked {
    let record = &told.line.record;
    let creates = matches!(record, WatchRecord::Created { .. });
    let delivers = matches!(record, WatchRecord::Events { .. } | WatchRecord::Progress { .. });
    let text = match received.phase {
        Phase::Unconfirmed if delivers => "something came before the confirmation",
        Phase::Active | Phase::Broken if creates => "it was confirmed twice",
        Phase::Unconfirmed | Phase::Active | Phase::Broken | Phase::Canceled => return Ok(()),
    };
    Err(told.breaks("CREATED_FIRST", text))
}
