//! Phantom: every event is one of the committed log, and no watch is told of a revision before it could be committed
//! ("All accessible data is also durable data": etcd's API guarantees, durability).

use super::told::Told;
use super::{Checked, Due, Violation};
use crate::history::KvEvent;

const GUARANTEE: &str = "PHANTOM";

/// The store cannot know a revision before its writer was called.
pub(super) fn could_be_committed(told: Told<'_>, revision: i64) -> Checked {
    let Some(committed) = told.committed else { return Ok(()) };
    let possible = committed.possible_by(told.line.time);
    if revision <= possible {
        return Ok(());
    }
    let text =
        format!("told of revision {revision}, but at most {possible} can have been committed");
    Err(told.breaks(GUARANTEE, &text))
}

/// What the watch was due instead of the event, if the log has both.
pub(super) fn is_of_the_log<'a>(
    told: Told<'_>,
    event: &KvEvent,
    due: Option<Due<'a>>,
) -> Result<Due<'a>, Violation> {
    let (key, revision) = (&event.kv.key, event.kv.mod_revision);
    let known = told.committed.map_or(&[][..], |committed| committed.state.changes_at(revision));
    due.filter(|_| known.iter().any(|change| change.kv.key == *key)).ok_or_else(|| {
        let text =
            format!("got an event of {key} at revision {revision}, which nothing committed made");
        told.breaks(GUARANTEE, &text)
    })
}
