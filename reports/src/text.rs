//! The same as a page, for people on a terminal.

use crate::columns;
use crate::html::put;
use crate::record::{Campaign, Run, Scenario, When};
use crate::story::{Plot, Story};

/// Letters in a column of the plot: with three clients, three members and the faults, a wide terminal has room.
const PLOT_COLUMN_MAX: usize = 24;

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Microseconds as seconds with milliseconds.
pub fn seconds(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros / 1_000 % 1_000)
}

/// Which program ran, as far as that is known.
pub(crate) fn program(campaign: &Campaign, run: &Run) -> Option<String> {
    let profile = run.story.as_ref().and_then(|story| story.profile.as_ref());
    let words = [
        campaign.commit.as_ref().map(|commit| format!("commit {commit}")),
        profile.map(|profile| format!("{profile} profile")),
        campaign.program.as_ref().map(|program| format!("fingerprint {program}")),
    ];
    let known: Vec<String> = words.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

/// When something was found.
pub(crate) fn time_of(when: When) -> String {
    let When { began_us, noticed_us } = when;
    if began_us < noticed_us {
        format!("from {} s on, noticed at {} s", seconds(began_us), seconds(noticed_us))
    } else {
        format!("at {} s", seconds(noticed_us))
    }
}

/// The text about one run.
pub fn failure_text(campaign: &Campaign, scenario: &Scenario, run: &Run) -> String {
    let mut out = String::new();
    put!(&mut out, "{} seed {}: {}\n", scenario.name, run.seed, run.verdict);
    put!(&mut out, "{}\n\n", scenario.about);
    for finding in &run.findings {
        put!(&mut out, "{}: {}\n", finding.checker, finding.message);
        if let Some(when) = finding.when {
            put!(&mut out, "    {}\n", time_of(when));
        }
        for line in &finding.details {
            put!(&mut out, "    {line}\n");
        }
    }
    put!(&mut out, "\nreplay: {}\n", run.replay);
    if let Some(program) = program(campaign, run) {
        put!(&mut out, "program: {program}\n");
    }
    put!(
        &mut out,
        "simulated {} s in {} s, event hash {}\n",
        seconds(run.simulated_us),
        seconds(run.wall_us),
        run.digest
    );
    if let Some(story) = &run.story {
        story_text(&mut out, story);
    }
    out
}

fn story_text(out: &mut String, story: &Story) {
    plot(out, &story.plot);
    if !story.log.is_empty() {
        out.push_str("\nevents around the finding\n");
        for line in &story.log {
            put!(out, "  {line}\n");
        }
    }
    if let Some(then) = &story.members_then {
        put!(out, "\nmembers at {} s, when it was found\n", seconds(then.at_us));
        columns::aligned(out, &then.table);
    }
    if !story.members.rows.is_empty() {
        out.push_str("\nmembers at the end\n");
        columns::aligned(out, &story.members);
    }
    if !story.ledger.rows.is_empty() {
        out.push_str("\nwhat this run relied on\n");
        columns::aligned(out, &story.ledger);
    }
    if !story.statistics.is_empty() {
        out.push_str("\nstatistics\n");
        for (name, value) in &story.statistics {
            put!(out, "  {name}: {value}\n");
        }
    }
    if !story.script.is_empty() {
        put!(out, "\nthe run as a script\n\n{}", story.script);
    }
}

fn plot(out: &mut String, plot: &Plot) {
    if plot.rows.is_empty() {
        return;
    }
    out.push_str("\nhow it came about (seconds; * bears witness)\n");
    let head = [String::new(), "time".to_owned()].into_iter().chain(plot.actors.iter().cloned());
    let rows = plot.rows.iter().map(|row| {
        let mark = if row.is_witness { "*" } else { "" };
        [mark.to_owned(), seconds(row.at_us)].into_iter().chain(row.cells.iter().cloned()).collect()
    });
    let lines: Vec<Vec<String>> = std::iter::once(head.collect()).chain(rows).collect();
    columns::wrapped(out, &lines, PLOT_COLUMN_MAX);
    if plot.left_out > 0 {
        put!(out, "  ({} other events near it are left out)\n", plot.left_out);
    }
}

#[cfg(test)]
mod tests {
    use super::{grouped, seconds};

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
    }

    #[test]
    fn micros_become_seconds() {
        assert_eq!(seconds(12_377_999), "12.377");
        assert_eq!(seconds(5_000), "0.005");
    }
}
