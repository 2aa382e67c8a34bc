//! A lease that nobody renews ends soon after its time, once faults have ended and somebody leads (etcd's
//! lease API; G60, G61). A new leader may give every lease its time anew, with an extension.
//!
//! What comes before the run is healed is not judged: nobody can say of a disturbed cluster when it
//! ought to have noticed.

use super::life::{Life, Lives};
use super::violation;
use crate::checker::{Options, Violation};
use crate::history::{Event, History, Micros};
use crate::observation::{Fact, Role};

const SECOND: Micros = 1_000_000;
/// The leader looks twice a second, and tries a revocation that failed again after three seconds.
const NOTICE: Micros = 5 * SECOND;
/// Leases that are ended in a second, when many are due at once; etcd's limit is twice that.
const ENDED_PER_SECOND: u64 = 500;

pub(super) fn check(
    history: &History,
    lives: &Lives,
    options: &Options,
    found: &mut Vec<Violation>,
) {
    let Some(calm) = calm(history) else { return };
    let Some(over) = history.events.iter().map(Event::time).max() else { return };
    let queue = lives.len() as u64 * SECOND / ENDED_PER_SECOND;
    for (id, life) in lives.iter() {
        let Some(ttl) = life.granted() else { continue };
        let time = u64::try_from(ttl).unwrap_or(0).saturating_mul(SECOND);
        let from = last_renewal(life).max(calm);
        let due = from.saturating_add(time + options.clocks.extension + queue + NOTICE);
        let (ended, what) = match life.end {
            Some(end) => (end.time, "ended"),
            // Members that tell nothing may have ended it unseen.
            None if lives.are_told => (over, "had not ended"),
            None => continue,
        };
        if ended > due {
            let text = format!(
                "lease {id} of {ttl} s was last renewed at {} us, the cluster was well from {calm} us on, \
                 and the lease {what} at {ended} us",
                last_renewal(life)
            );
            found.push(violation("LATE", text).at(life.grant.map(|grant| grant.op), ended));
        }
    }
}

/// When the lease may have been given its time for the last time by a client.
fn last_renewal(life: &Life) -> Micros {
    let ends = life.grant.iter().chain(&life.renewals).map(|promise| {
        // One whose client gave up may still be under way.
        promise.end.unwrap_or(promise.call) + if promise.answer.is_none() { NOTICE } else { 0 }
    });
    ends.max().unwrap_or(0)
}

/// From when on faults have ended and nobody new leads.
fn calm(history: &History) -> Option<Micros> {
    let healed = history.events.iter().rev().find_map(|event| match event {
        Event::Healed { time } => Some(*time),
        _ => None,
    })?;
    let led = history.events.iter().filter_map(|event| match event {
        Event::Observed(seen) => match seen.fact {
            Fact::Role { role: Role::Leader, .. } => Some(seen.time),
            _ => None,
        },
        _ => None,
    });
    Some(led.fold(healed, Micros::max))
}
