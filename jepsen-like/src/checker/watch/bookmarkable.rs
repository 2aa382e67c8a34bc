//! Bookmarkable: "progress notification events guarantee that all events up to a revision have been already delivered"
//! (etcd's API guarantees; robustness tests, `validateBookmarkable`). So progress never goes back on one stream, and
//! the revision in the header of an answer is no lower than those of its events.

use super::received::Received;
use super::told::Told;
use super::{Checked, Due};
use crate::history::KvEvent;

const GUARANTEE: &str = "BOOKMARKABLE";

pub(super) fn header_covers(told: Told<'_>, header: i64, event: &KvEvent) -> Checked {
    let revision = event.kv.mod_revision;
    if revision <= header {
        return Ok(());
    }
    let text = format!("got an event of revision {revision} under a header of revision {header}");
    Err(told.breaks(GUARANTEE, &text))
}

pub(super) fn does_not_go_back(received: &Received, told: Told<'_>, revision: i64) -> Checked {
    let reported = received.reported;
    if revision >= reported {
        return Ok(());
    }
    let text = format!("progress went back from revision {reported} to {revision}");
    Err(told.breaks(GUARANTEE, &text))
}

pub(super) fn comes_after_its_events(
    told: Told<'_>,
    revision: i64,
    due: Option<Due<'_>>,
) -> Checked {
    let Some((_, next)) = due.filter(|(_, next)| next.kv.mod_revision <= revision) else {
        return Ok(());
    };
    let (key, due) = (&next.kv.key, next.kv.mod_revision);
    let text =
        format!("progress to revision {revision} came before the event of {key} at revision {due}");
    Err(told.breaks(GUARANTEE, &text))
}
