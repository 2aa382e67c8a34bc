//! Lines on a terminal, or in a pipe whose reader may be gone.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use reports::{Campaign, Run, Scenario, Verdict, grouped, seconds, spared_steps};

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

/// How often a line says how far it is, where there is no terminal on which one could change.
const STATUS_EVERY: Duration = Duration::from_secs(30);

/// Prints scenarios as they are done, and how far it is.
pub(super) struct Screen {
    /// Whether there is a terminal, and so a line that changes with every run.
    shows_progress: bool,
    /// When it was last said how far it is.
    told: Instant,
    /// Whether a run that does not pass is told of at once, and not only at the end.
    tells_failures: bool,
    begin: Instant,
}

impl Screen {
    /// Failures come with the summary.
    pub(super) fn new() -> Self {
        let shows_progress = io::stderr().is_terminal();
        let begin = Instant::now();
        Self { shows_progress, told: begin, tells_failures: false, begin }
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

    fn tell(&mut self, progress: Progress) {
        let status = self.status(progress);
        if self.shows_progress {
            let mut out = io::stderr().lock();
            drop(write!(out, "\r{status}\x1b[K").and_then(|()| out.flush()));
        } else if self.told.elapsed() >= STATUS_EVERY {
            self.told = Instant::now();
            complain(&status);
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
        self.tell(progress);
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

/// Whose real time a campaign tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// From its start to its end.
    Campaign,
    /// That of all runs together, as nobody knows when a process ended that was killed.
    Runs,
}

/// Prints what a whole campaign came to.
pub(super) fn summary(campaign: &Campaign, times: Times) {
    let (of, on) = match times {
        Times::Campaign => ("", format!("on {} threads", campaign.jobs)),
        Times::Runs => (" of the runs themselves", "and thread".to_owned()),
    };
    say(&format!(
        "\n{}: {} runs, {} simulated seconds in {} s{of} ({} per second {on}), {} operations checked",
        campaign.title,
        grouped(campaign.runs().count() as u64),
        grouped(campaign.simulated_us() / 1_000_000),
        seconds(campaign.wall_us),
        grouped(campaign.simulated_us() / campaign.wall_us.max(1)),
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
    spared_line(campaign).iter().for_each(|line| say(line));
}

/// How many steps did nothing, and the reason that was the most frequent; the page has them all.
fn spared_line(campaign: &Campaign) -> Option<String> {
    let all = spared_steps(campaign);
    let most = all.iter().max_by_key(|steps| steps.times)?;
    Some(format!(
        "  {} steps did nothing, most often {}: {} ({} times)",
        grouped(all.iter().map(|steps| steps.times).sum()),
        most.kind,
        most.reason,
        grouped(most.times)
    ))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_counts_towards_an_end_that_there_is_not() {
        let begin = Instant::now();
        let screen = Screen { shows_progress: false, told: begin, tells_failures: false, begin };
        let progress = |all| Progress { done: 1_007, all, failed: 2, simulated_us: 0 };
        let status = |all| screen.status(progress(all));
        assert_eq!(status(None), "1,007 runs, 2 did not pass, 0 s, 0 sim s/s");
        assert_eq!(status(Some(9_000)), "1,007 of 9,000 runs, 2 did not pass, 0 s, 0 sim s/s");
    }
}
