//! How fast whole runs are: a cluster without faults, clients and watchers, and all checkers.

use std::fmt;
use std::time::{Duration, Instant};

use scenarios::plan::Plan;
use scenarios::{run, script};

use crate::process::cpu_time;

/// Requests of one client per simulated second, about: it waits for its answers.
const CLIENT_RATE: u64 = 20;
/// Pause between two requests of a client. The rest of its twentieth of a second is the answer's.
const PACE: &str = "45ms";

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// The number that decides the run.
    pub seed: u64,
    /// How many members.
    pub members: usize,
    /// Requests per simulated second, about.
    pub rate: u64,
    /// Simulated seconds.
    pub seconds: u64,
}

/// What it took.
#[derive(Debug, Clone)]
pub struct Speed {
    /// What was run.
    pub judged: Judged,
    /// What was thought of it; it must be a pass.
    pub verdict: reports::Verdict,
    /// Operations that were checked, those that the run asks for itself in the end included.
    pub operations: u64,
    /// Simulated time of the whole run.
    pub simulated: Duration,
    /// Real time of the run.
    pub run: Duration,
    /// Real time of the checkers.
    pub checkers: Duration,
    /// CPU time of this process meanwhile, which neighbours disturb less; zero where it is not known.
    pub cpu: Duration,
}

impl fmt::Display for Speed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Judged { seed, members, rate, seconds } = self.judged;
        let simulated = self.simulated.as_secs_f64().max(1e-9);
        let wall = (self.run + self.checkers).as_secs_f64().max(1e-9);
        write!(
            out,
            "judged --members {members} --rate {rate} --seconds {seconds} --seed {seed}: {:.0} simulated s per wall s, \
             {:.0} per s of CPU, {:.0} operations per simulated s ({}; {simulated:.1} simulated s, \
             run in {:.2} s, checked in {:.2} s)",
            simulated / wall,
            simulated / self.cpu.as_secs_f64().max(1e-9),
            self.operations as f64 / simulated,
            self.verdict.word(),
            self.run.as_secs_f64(),
            self.checkers.as_secs_f64(),
        )
    }
}

/// Runs it, judges it, and measures both.
pub fn measure(judged: Judged) -> Speed {
    let Judged { seed, seconds, .. } = judged;
    let calm = plan(judged, seconds);
    // What a process builds once, such as the tables of openraft's histograms, a campaign pays for once as well.
    run::simulate(&plan(judged, 1), seed, &run::Options::default());
    let cpu = || cpu_time(&[std::process::id()]).unwrap_or_default();
    let (begin, cpu_before) = (Instant::now(), cpu());
    let ran = run::simulate(&calm, seed, &run::Options::default());
    let run_wall = begin.elapsed();
    let verdict = run::judge(&calm, &ran);
    let checkers = begin.elapsed().saturating_sub(run_wall);
    Speed {
        judged,
        verdict: verdict.verdict,
        operations: verdict.checked - ran.counts.watch_events,
        simulated: ran.simulated,
        run: run_wall,
        checkers,
        cpu: cpu().saturating_sub(cpu_before),
    }
}

/// A cluster to which nothing happens, for so many simulated seconds.
fn plan(judged: Judged, seconds: u64) -> Plan {
    let Judged { members, rate, .. } = judged;
    let clients = rate.div_ceil(CLIENT_RATE).max(1);
    let text = format!(
        "# A calm cluster.\nmembers {members}\nclients {clients}\nwatchers 1\npace {PACE}\nduration {seconds}s\n"
    );
    script::parse("calm", &text).expect("it is a script")
}
