//! Many runs: which ones, several at a time, and what they amount to.
//!
//! Must never know: command lines and terminals.

mod floors;
mod one;
mod pool;
mod story;
mod subject;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use reports::{Campaign, Scenario, Verdict};

pub use self::one::{Details, run_one};
pub use self::pool::for_each as each;
pub use self::subject::{Subject, UnknownScenario, find, scripted};

/// Of a thousand runs so many may say nothing.
const INCONCLUSIVE_PER_THOUSAND_MAX: usize = 10;

/// Seeds from the first up to, but without, the second.
pub type Seeds = std::ops::Range<u64>;

/// What a campaign consists of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name on the page.
    pub title: String,
    /// The command that repeats it.
    pub command: String,
    /// What is run.
    pub subjects: Vec<Subject>,
    /// Under which seeds.
    pub seeds: Seeds,
    /// How many at a time.
    pub jobs: usize,
    /// Whether the first violation ends it.
    pub stops_at_first: bool,
    /// What is kept of each run.
    pub details: Details,
}

/// Hears how far a campaign is.
pub trait Listener {
    /// A run is done, so many of all.
    fn run_done(&mut self, done: usize, all: usize);
    /// All seeds of a scenario are done, and of those before it.
    fn scenario_done(&mut self, scenario: &Scenario);
}

/// Runs everything. Results come in one order, whatever finishes first.
pub fn run(settings: &Settings, listener: &mut impl Listener) -> Campaign {
    let start = Instant::now();
    let seeds: Vec<u64> = settings.seeds.clone().collect();
    let tasks: Vec<(usize, u64)> = (0..settings.subjects.len())
        .flat_map(|subject| seeds.iter().map(move |seed| (subject, *seed)))
        .collect();
    let enough = AtomicBool::new(false);
    let mut gathered = Gathered::new(settings, seeds.len());
    pool::for_each(
        settings.jobs,
        &tasks,
        |(subject, seed)| {
            if enough.load(Ordering::Relaxed) {
                return None;
            }
            let run = run_one(&settings.subjects[*subject], *seed, &settings.details);
            if settings.stops_at_first && run.verdict == Verdict::Violation {
                enough.store(true, Ordering::Relaxed);
            }
            Some(run)
        },
        |task, run| {
            gathered.add(task, run, listener);
        },
    );
    let scenarios = gathered.scenarios;
    let mut campaign = Campaign {
        title: settings.title.clone(),
        command: settings.command.clone(),
        commit: None,
        verdict: Verdict::Pass,
        wall_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        jobs: settings.jobs,
        floors: Vec::new(),
        scenarios,
    };
    if !settings.stops_at_first {
        campaign.floors = floors::of(&settings.subjects, &campaign);
    }
    campaign.verdict = verdict(&campaign);
    campaign
}

/// Results as they come, put in order.
struct Gathered {
    scenarios: Vec<Scenario>,
    runs: Vec<Option<reports::Run>>,
    answered: usize,
    all: usize,
    seeds: usize,
    next: usize,
}

impl Gathered {
    fn new(settings: &Settings, seeds: usize) -> Self {
        let scenario = |subject: &Subject| Scenario {
            name: subject.name().to_owned(),
            about: subject.about().to_owned(),
            runs: Vec::new(),
        };
        let all = settings.subjects.len() * seeds;
        Self {
            scenarios: settings.subjects.iter().map(scenario).collect(),
            runs: (0..all).map(|_| None).collect(),
            answered: 0,
            all,
            seeds,
            next: 0,
        }
    }

    fn add(&mut self, task: usize, run: Option<reports::Run>, listener: &mut impl Listener) {
        self.runs[task] = run;
        self.answered += 1;
        listener.run_done(self.answered, self.all);
        // A task that was skipped leaves a hole, and with it its scenario is not reported as it goes.
        while self.next < self.all && self.runs[self.next].is_some() {
            let scenario = &mut self.scenarios[self.next / self.seeds];
            scenario.runs.extend(self.runs[self.next].take());
            self.next += 1;
            if self.next.is_multiple_of(self.seeds) {
                listener.scenario_done(scenario);
            }
        }
        if self.answered == self.all {
            for task in self.next..self.all {
                self.scenarios[task / self.seeds].runs.extend(self.runs[task].take());
            }
        }
    }
}

fn verdict(campaign: &Campaign) -> Verdict {
    let count = |verdict| campaign.runs().filter(|run| run.verdict == verdict).count();
    let runs = campaign.runs().count();
    if count(Verdict::Violation) > 0 {
        return Verdict::Violation;
    }
    if count(Verdict::HarnessError) > 0 {
        return Verdict::HarnessError;
    }
    let inconclusive = count(Verdict::Inconclusive);
    let too_many = inconclusive * 1_000 > runs * INCONCLUSIVE_PER_THOUSAND_MAX;
    if runs == 0 || too_many || !campaign.floors.iter().all(reports::Floor::holds) {
        return Verdict::Inconclusive;
    }
    Verdict::Pass
}

#[cfg(test)]
mod tests {
    use reports::{Counts, Floor, Run};

    use super::*;

    fn campaign(verdicts: &[(Verdict, usize)], floors: Vec<Floor>) -> Campaign {
        let run = |verdict| Run {
            seed: 0,
            verdict,
            counts: Counts::default(),
            simulated_us: 1,
            wall_us: 1,
            digest: String::new(),
            replay: String::new(),
            findings: Vec::new(),
            story: None,
        };
        let runs = verdicts.iter().flat_map(|(verdict, count)| (0..*count).map(|_| run(*verdict)));
        Campaign {
            title: String::new(),
            command: String::new(),
            commit: None,
            verdict: Verdict::Pass,
            wall_us: 1,
            jobs: 1,
            floors,
            scenarios: vec![Scenario {
                name: String::new(),
                about: String::new(),
                runs: runs.collect(),
            }],
        }
    }

    fn verdict_of(verdicts: &[(Verdict, usize)]) -> Verdict {
        verdict(&campaign(verdicts, Vec::new()))
    }

    #[test]
    fn nothing_at_all_is_no_pass() {
        assert_eq!(verdict_of(&[]), Verdict::Inconclusive);
    }

    #[test]
    fn one_inconclusive_run_in_a_hundred_is_tolerated_and_no_more() {
        use Verdict::{Inconclusive, Pass};
        assert_eq!(verdict_of(&[(Pass, 99), (Inconclusive, 1)]), Pass);
        assert_eq!(verdict_of(&[(Pass, 98), (Inconclusive, 2)]), Inconclusive);
        assert_eq!(verdict_of(&[(Inconclusive, 1)]), Inconclusive);
    }

    #[test]
    fn a_violation_outweighs_everything_and_a_failed_run_is_no_pass() {
        use Verdict::{HarnessError, Pass, Violation};
        assert_eq!(verdict_of(&[(Pass, 999), (HarnessError, 1)]), HarnessError);
        assert_eq!(verdict_of(&[(HarnessError, 5), (Violation, 1)]), Violation);
    }

    #[test]
    fn a_floor_that_is_missed_is_no_pass() {
        let floor = |reached| vec![Floor { name: String::new(), reached, needed: 2 }];
        assert_eq!(verdict(&campaign(&[(Verdict::Pass, 9)], floor(2))), Verdict::Pass);
        assert_eq!(verdict(&campaign(&[(Verdict::Pass, 9)], floor(1))), Verdict::Inconclusive);
    }
}
