//! Lines on a terminal, or in a pipe whose reader may be gone.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use reports::{Campaign, Run, Scenario, Verdict, grouped, seconds};

use crate::campaign::{Listener, Progress};

/// Prints a line of the result. A reader that has gone away is no trouble.
pub(super) fn say(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Prints a line about trouble.
pub(super) fn complain(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Prints scenarios as they are done, and how far it is where somebody looks.
pub(super) struct Screen {
    shows_progress: bool,
    /// Whether a run that does not pass is told of at once, and not only at the end.
    tells_failures: bool,
    begin: Instant,
}

impl Screen {
    /// Failures come with the summary.
    pub(super) fn new() -> Self {
        let shows_progress = io::stderr().is_terminal();
        Self { shows_progress, tells_failures: false, begin: Instant::now() }
    }

    /// Failures are told of as they come.
    pub(super) fn telling() -> Self {
        Self { tells_failures: true, ..Self::new() }
    }

    fn clear(&self) {
        if self.shows_progress {
            drop(write!(io::stderr().lock(), "\r\x1b[K"));
        }
    }

    fn status(&self, progress: Progress) -> String {
        let Progress { done, all, failed, simulated_us } = progress;
        let done = match all {
            Some(all) => format!("{} of {} runs", grouped(done), grouped(all)),
            None => format!("{} runs", grouped(done)),
        };
        let wall = u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let failed = if failed == 0 { String::new() } else { format!(", {failed} did not pass") };
        let speed = simulated_us / wall.max(1);
        format!("{done}{failed}, {} s, {speed} sim s/s", wall / 1_000_000)
    }
}

impl Listener for Screen {
    fn run_done(&mut self, scenario: &str, run: &Run, progress: Progress) {
        if self.tells_failures && run.verdict != Verdict::Pass {
            self.clear();
            failure(scenario, run);
        }
        if self.shows_progress {
            let mut out = io::stderr().lock();
            let status = self.status(progress);
            drop(write!(out, "\r{status}\x1b[K").and_then(|()| out.flush()));
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

fn failure(scenario: &str, run: &Run) {
    say(&format!("\n{scenario} seed {}: {}", run.seed, run.verdict));
    for finding in &run.findings {
        say(&format!("  {}: {}", finding.checker, finding.message));
    }
    say(&format!("  replay: {}", run.replay));
}

/// Most runs that are listed one by one.
const FAILURES_MAX: usize = 20;

/// Prints every run that did not pass, with the command that repeats it.
pub(super) fn failures(campaign: &Campaign) {
    let failed: Vec<(&Scenario, &Run)> = campaign
        .scenarios
        .iter()
        .flat_map(|scenario| scenario.runs.iter().map(move |run| (scenario, run)))
        .filter(|(_, run)| run.verdict != Verdict::Pass)
        .collect();
    for (scenario, run) in failed.iter().take(FAILURES_MAX) {
        failure(&scenario.name, run);
    }
    if failed.len() > FAILURES_MAX {
        say(&format!("\n{} further runs did not pass", failed.len() - FAILURES_MAX));
    }
}
