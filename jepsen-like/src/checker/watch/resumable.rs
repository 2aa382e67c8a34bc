//! Resumable: "a broken watch can be resumed by establishing a new watch starting after the last revision received in a
//! watch event before the break, so long as the revision is in the history window" (etcd's API guarantees; robustness
//! tests, `validateResumable`): whoever asks for a revision gets first what comes first from there on.

use super::received::Received;
use super::told::Told;
use super::{Checked, Due};
use crate::history::KvEvent;

const GUARANTEE: &str = "RESUMABLE";

/// A resume must not step over what had not come yet.
pub(super) fn steps_over_nothing(
    received: &Received,
    told: Told<'_>,
    missed: Option<Due<'_>>,
) -> Checked {
    let start = received.start;
    let Some((_, missed)) = missed.filter(|(_, missed)| missed.kv.mod_revision < start) else {
        return Ok(());
    };
    let (key, due) = (&missed.kv.key, missed.kv.mod_revision);
    let text = format!(
        "it was resumed at revision {start}, but the event of {key} at revision {due} had not come"
    );
    Err(told.breaks(GUARANTEE, &text))
}

pub(super) fn first_is_the_first_due(
    received: &Received,
    told: Told<'_>,
    event: &KvEvent,
    (_, due): Due<'_>,
) -> Checked {
    if received.fresh { Err(told.breaks_at(GUARANTEE, event, due)) } else { Ok(()) }
}
