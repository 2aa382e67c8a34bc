//! Liveness: on a cluster that is healed every event arrives. Etcd promises that only "with some unbounded delay" (API
//! guarantees); here what was known to be committed before a given moment must have come at the end of the run.

use super::received::{Phase, Received};
use super::told::Told;
use super::{Checked, Due};
use crate::history::Micros;

/// Looks at a watch that has come to its last line.
pub(super) fn check(
    received: &Received,
    last: Told<'_>,
    due: Option<Due<'_>>,
    must_be_there: Micros,
) -> Checked {
    let (Phase::Active, Some(committed), Some((_, next))) = (received.phase, last.committed, due)
    else {
        return Ok(());
    };
    let (key, revision) = (&next.kv.key, next.kv.mod_revision);
    let seen = committed.first_seen(revision).filter(|seen| *seen <= must_be_there);
    let Some(seen) = seen else { return Ok(()) };
    let text = format!(
        "the event of {key} at revision {revision}, known at {seen} us, had not come when the run \
            ended"
    );
    Err(last.breaks("LIVENESS", &text))
}
