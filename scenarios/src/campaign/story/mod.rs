//! A run as lanes, tables and lines for its page.

mod lanes;
mod log;
mod members;
mod moments;
mod plot;
mod words;

use std::time::Duration;

use reports::{Ledger, Story, Timeline};

use super::ledger;
use super::one::profile;
use crate::plan::Plan;
use crate::run::{Judged, Ran};

/// Shown around the moments that bear witness.
const FOCUS_MARGIN_US: u64 = 150_000;
/// A longer focus shows nothing.
const FOCUS_MAX_US: u64 = 3_000_000;

/// Tells a run.
pub(super) fn tell(plan: &Plan, ran: &Ran, judged: &Judged, accounts: &Ledger) -> Story {
    let end_us = micros(ran.simulated);
    let focus = focus(judged, ran, end_us);
    let (lanes, left_out) = lanes::of(ran, judged, end_us);
    Story {
        timeline: Timeline { end_us, lanes },
        left_out,
        profile: Some(profile().to_owned()),
        focus,
        plot: focus.map(|(_, end)| plot::of(ran, judged, end)).unwrap_or_default(),
        members: members::table(ran),
        ledger: ledger::table(accounts),
        statistics: judged.statistics.clone(),
        script: plan.to_string(),
        log: log::around(ran, focus),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The moments of the witnesses with a margin, or the end of the run.
fn focus(judged: &Judged, ran: &Ran, end_us: u64) -> Option<(u64, u64)> {
    let mut times = judged.times.clone();
    for operation in &ran.history.operations().list {
        if judged.witnesses.contains(&operation.op) {
            times.push(operation.call);
            times.extend(operation.end);
        }
    }
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return (!judged.findings.is_empty()).then_some((end_us.saturating_sub(2_000_000), end_us));
    };
    let last = (last + FOCUS_MARGIN_US).min(end_us.max(*last));
    let first = first.saturating_sub(FOCUS_MARGIN_US).max(last.saturating_sub(FOCUS_MAX_US));
    Some((first, last))
}
