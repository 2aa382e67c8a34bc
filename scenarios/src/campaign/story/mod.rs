//! A run as lanes, tables and lines for its page.

mod lanes;
mod log;
mod members;
mod moments;
mod plot;
mod when;
mod words;

use std::time::Duration;

use reports::{Ledger, Story, TableAt, Timeline};

use super::ledger;
use super::one::profile;
use crate::plan::Plan;
use crate::run::{Judged, Ran};

/// Tells a run.
pub(super) fn tell(plan: &Plan, ran: &Ran, judged: &Judged, accounts: &Ledger) -> Story {
    let end_us = micros(ran.simulated);
    let found = when::found(judged, ran);
    let focus = when::focus(judged, found, end_us);
    let (lanes, left_out) = lanes::of(ran, judged, end_us);
    let mut story = Story {
        timeline: Timeline { end_us, lanes },
        left_out,
        profile: Some(profile().to_owned()),
        focus,
        plot: focus.map(|(_, end)| plot::of(ran, judged, end)).unwrap_or_default(),
        members_then: found.filter(|found| found.noticed_us < end_us).map(|found| TableAt {
            at_us: found.noticed_us,
            table: members::table_at(ran, found.noticed_us),
        }),
        members: members::table(ran),
        ledger: ledger::table(accounts),
        statistics: judged.statistics.clone(),
        script: plan.to_string(),
        log: log::around(ran, focus),
    };
    story.trim();
    story
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
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

    /// What the run itself finds is no operation's fault, and it goes on for long afterwards.
    #[test]
    fn what_the_run_finds_is_told_at_its_time_and_not_at_the_end() {
        let script = "# A test.\nmembers 3\nduration 12s\nat 2s kill all\n\
                      at 2500ms check serves within 1s\nat 6s restart all\n";
        let plan = parse("story", script).expect("it is a script");
        let ran = simulate(&plan, 7, &Options::default());
        let judged = judge(&plan, &ran);
        let [finding] = &judged.findings[..] else { panic!("{:?}", judged.findings) };
        let when = finding.when.expect("the run knows when it asked");
        let took = when.noticed_us - when.began_us;
        assert!((1_000_000..1_600_000).contains(&took), "it was asked for a second: {when:?}");
        let story = tell(&plan, &ran, &judged, &ledger::ledger(&plan, &ran));
        let focus = story.focus.expect("there is something to look at");
        assert!(focus.0 < when.began_us && when.noticed_us < focus.1, "{focus:?}");
        assert!(focus.1 < story.timeline.end_us / 2, "{focus:?}");

        let then = story.members_then.expect("the run went on");
        assert_eq!(then.at_us, when.noticed_us);
        let roles = |table: &reports::Table| {
            let column = table.columns.iter().position(|column| column == "role");
            let column = column.expect("members have roles");
            table.rows.iter().map(|row| row[column].clone()).collect::<Vec<_>>()
        };
        assert_eq!(roles(&then.table), ["down"; 3]);
        assert!(roles(&story.members).contains(&"leader".to_owned()));

        let found = story.plot.actors.iter().position(|actor| actor == "found");
        let found = found.expect("it has a column");
        let rows: Vec<_> = story.plot.rows.iter().filter(|row| row.is_witness).collect();
        let times: Vec<u64> = rows.iter().map(|row| row.at_us).collect();
        assert_eq!(times, [when.began_us, when.noticed_us]);
        assert!(rows[1].cells[found].starts_with("availability: no write"), "{rows:?}");
        let killed =
            story.plot.rows.iter().any(|row| row.cells.iter().any(|it| it.contains("killed")));
        assert!(killed, "{:?}", story.plot.rows);
        assert_eq!(story.timeline.lanes[0].name, "found");
    }
}
