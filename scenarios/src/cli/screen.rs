//! Lines on a terminal, or in a pipe whose reader may be gone.

use std::io::{self, IsTerminal, Write};

use reports::{Campaign, Scenario, grouped, seconds};

use crate::campaign::Listener;

/// Prints a line of the result. A reader that has gone away is no trouble.
pub(super) fn say(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Prints a line about trouble.
pub(super) fn complain(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Prints scenarios as they are done, and a count of runs where somebody looks.
pub(super) struct Screen {
    shows_progress: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self { shows_progress: io::stderr().is_terminal() }
    }

    fn clear(&self) {
        if self.shows_progress {
            drop(write!(io::stderr().lock(), "\r\x1b[K"));
        }
    }
}

impl Listener for Screen {
    fn run_done(&mut self, done: usize, all: usize) {
        if self.shows_progress {
            let mut out = io::stderr().lock();
            drop(write!(out, "\r{done} of {all} runs\x1b[K").and_then(|()| out.flush()));
        }
    }

    fn scenario_done(&mut self, scenario: &Scenario) {
        self.clear();
        say(&scenario_line(scenario));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}

fn scenario_line(scenario: &Scenario) -> String {
    let counts = scenario.counts();
    format!(
        "{:<24} {:<13} {:>4} seeds {:>6} sim s/s {:>9} ops checked",
        scenario.name,
        scenario.verdict(),
        scenario.runs.len(),
        format!("{:.0}", scenario.speed()),
        grouped(counts.operations)
    )
}

/// Prints what a whole campaign came to.
pub(super) fn summary(campaign: &Campaign) {
    let wall = campaign.wall_us.max(1);
    say(&format!(
        "\n{}: {} runs, {} simulated seconds in {} s ({} per second on {} threads), {} operations checked",
        campaign.title,
        grouped(campaign.runs().count() as u64),
        grouped(campaign.simulated_us() / 1_000_000),
        seconds(campaign.wall_us),
        grouped(campaign.simulated_us() / wall),
        campaign.jobs,
        grouped(campaign.counts().operations)
    ));
    for floor in &campaign.floors {
        let mark = if floor.holds() { "" } else { "  TOO FEW" };
        say(&format!(
            "  {:<22} {:>10}   at least {:>8}{mark}",
            floor.name,
            grouped(floor.reached),
            grouped(floor.needed)
        ));
    }
}

/// Most runs that are listed one by one.
const FAILURES_MAX: usize = 20;

/// Prints every run that did not pass, with the command that repeats it.
pub(super) fn failures(campaign: &Campaign) {
    let failed: Vec<(&Scenario, &reports::Run)> = campaign
        .scenarios
        .iter()
        .flat_map(|scenario| scenario.runs.iter().map(move |run| (scenario, run)))
        .filter(|(_, run)| run.verdict != reports::Verdict::Pass)
        .collect();
    for (scenario, run) in failed.iter().take(FAILURES_MAX) {
        say(&format!("\n{} seed {}: {}", scenario.name, run.seed, run.verdict));
        for finding in &run.findings {
            say(&format!("  {}: {}", finding.checker, finding.message));
        }
        say(&format!("  replay: {}", run.replay));
    }
    if failed.len() > FAILURES_MAX {
        say(&format!("\n{} further runs did not pass", failed.len() - FAILURES_MAX));
    }
}
