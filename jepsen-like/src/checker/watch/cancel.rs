//! Cancellation: nothing comes after the end, and a watch ends only because it was asked to, for a stated reason, or
//! because the history that it still needs is compacted (etcd's API of watches, `canceled`, `cancel_reason` and
//! `compact_revision` of `WatchResponse`; contracts G42 and G51).

use super::Checked;
use super::received::{Phase, Received};
use super::told::Told;

const GUARANTEE: &str = "CANCEL";

pub(super) fn nothing_after_it(received: &Received, told: Told<'_>) -> Checked {
    match received.phase {
        Phase::Canceled => Err(told.breaks(GUARANTEE, "something came after the end")),
        Phase::Unconfirmed | Phase::Active | Phase::Broken => Ok(()),
    }
}

pub(super) fn has_a_reason(
    received: &Received,
    told: Told<'_>,
    compact_revision: i64,
    is_explained: bool,
) -> Checked {
    if compact_revision <= 0 {
        let text = "it was ended without a reason";
        return if is_explained { Ok(()) } else { Err(told.breaks(GUARANTEE, text)) };
    }
    let needed = received.needs();
    let text = if needed >= compact_revision {
        format!(
            "it was ended by the compaction of revision {compact_revision}, but needs only \
                revision {needed} and later"
        )
    } else {
        let Some(committed) = told.committed else { return Ok(()) };
        let possible = committed.compactions.possible_by(told.line.time);
        if compact_revision <= possible {
            return Ok(());
        }
        format!(
            "it was ended by a compaction of revision {compact_revision}, but at most {possible} \
                can have been compacted"
        )
    };
    Err(told.breaks(GUARANTEE, &text))
}
