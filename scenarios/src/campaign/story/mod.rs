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

#[cfg(test)]
mod tests {
    use jepsen_like::history::{Outcome, Request};

    use super::*;
    use crate::run::{Options, judge, simulate};
    use crate::script::parse;

    #[test]
    fn a_run_is_told_by_its_witnesses_its_members_and_its_faults() {
        let script = "# A test.\nmembers 3\nduration 3s\nat 1s kill leader\nat 2s restart all\n";
        let plan = parse("story", script).expect("it is a script");
        let ran = simulate(&plan, 7, &Options::default());
        let mut judged = judge(&plan, &ran);
        let operations = ran.history.operations();
        let witness = operations.list.iter().find(|operation| {
            let is_put = matches!(operation.request, Request::Put(_));
            is_put && operation.call > 1_200_000 && matches!(operation.outcome, Outcome::Ok(_))
        });
        let witness = witness.expect("somebody wrote after the kill");
        judged.witnesses = vec![witness.op];
        let story = tell(&plan, &ran, &judged, &ledger::ledger(&plan, &ran));

        let plot = story.plot;
        assert_eq!(plot.actors.len(), 1 + 3 + 1, "{:?}", plot.actors);
        assert!(plot.rows.len() <= 30, "{} rows", plot.rows.len());
        assert!(plot.rows.is_sorted_by_key(|row| row.at_us));
        let witnesses: Vec<u64> =
            plot.rows.iter().filter(|row| row.is_witness).map(|row| row.at_us).collect();
        assert_eq!(Some(witnesses), witness.end.map(|end| vec![witness.call, end]));
        let tells = |column: usize, what: &str| {
            plot.rows.iter().any(|row| row.cells[column].contains(what))
        };
        assert!(tells(4, "killed"), "the fault before: {:?}", plot.rows);
        assert!((1..=3).any(|member| tells(member, "leader of term")), "{:?}", plot.rows);
        let applied = format!("(operation {})", witness.op);
        assert!((1..=3).any(|member| tells(member, &applied)), "{:?}", plot.rows);

        assert_eq!(story.members.rows.len(), 3);
        for name in ["role", "vote", "last log"] {
            let column = story.members.columns.iter().position(|column| column == name);
            let column = column.unwrap_or_else(|| panic!("no {name}"));
            assert!(story.members.rows.iter().all(|row| !row[column].is_empty()), "{name}");
        }
    }
}
