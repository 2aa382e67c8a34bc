//! Many runs: which ones, several at a time, and what they amount to.
//!
//! Must never know: command lines and terminals.

mod again;
mod base_seed;
mod coverage;
mod floors;
mod gather;
mod ledger;
mod one;
mod pool;
mod quota;
mod story;
mod subject;
mod watchdog;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use reports::{Campaign, Floor, Run, Scenario, Shard, Verdict};

pub use self::base_seed::base_seed;
use self::gather::Gathered;
pub use self::one::{Details, invocation, run_one};
pub use self::pool::for_each as each;
pub use self::quota::StoryQuota;
pub use self::subject::{Subject, UnknownScenario, find, scripted};
pub use self::watchdog::Patience;
use self::watchdog::Watchdog;
pub use self::work::{Batch, Until};

/// Of a thousand runs so many may say nothing.
const INCONCLUSIVE_PER_THOUSAND_MAX: usize = 10;

/// Of the failed runs of one scenario, about so many leave their history (those under way meanwhile do, too): each may
/// be tens of megabytes, and all can be run again.
const HISTORIES_MAX: u64 = 20;

/// What a campaign consists of.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name on the page.
    pub title: String,
    /// The command that repeats it.
    pub command: String,
    /// What is run.
    pub batches: Vec<Batch>,
    /// Which part of it.
    pub shard: Shard,
    /// How many at a time.
    pub jobs: usize,
    /// Whether the first violation ends it.
    pub stops_at_first: bool,
    /// Whether one of twenty runs is run twice, to see that its seed decides it.
    pub reruns: bool,
    /// No run begins once somebody has raised it.
    pub stop: Arc<AtomicBool>,
    /// What is done about a run that does not end.
    pub patience: Option<Patience>,
    /// What is kept of each run.
    pub details: Details,
}

/// How far a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Runs that are done.
    pub done: u64,
    /// Of how many; nothing when the clock decides that.
    pub all: Option<u64>,
    /// Of them, those that did not pass.
    pub failed: u64,
    /// Simulated microseconds of all of them.
    pub simulated_us: u64,
}

/// Hears how a campaign goes on.
pub trait Listener {
    /// A run is done.
    fn run_done(&mut self, scenario: &str, run: &Run, progress: Progress);
    /// All seeds of a scenario are done, and of those before it.
    fn scenario_done(&mut self, scenario: &Scenario);
}

/// Runs everything. Results come in one order, whatever finishes first.
///
/// A shard is not judged by what a whole campaign must reach: that is for [`judge_merged`] when all are there.
pub fn run(settings: &Settings, listener: &mut impl Listener) -> Campaign {
    let start = Instant::now();
    let enough = AtomicBool::new(false);
    let failed: Vec<AtomicU64> = settings.batches.iter().map(|_| AtomicU64::new(0)).collect();
    let no_histories = Details { histories: None, ..settings.details.clone() };
    let mut gathered = Gathered::new(settings);
    let watchdog = settings.patience.map(Watchdog::new);
    pool::for_each(
        settings.jobs,
        work::tasks(&settings.batches, settings.shard).enumerate().take_while(|_| {
            !enough.load(Ordering::Relaxed) && !settings.stop.load(Ordering::Relaxed)
        }),
        |(number, task)| {
            let subject = &settings.batches[task.batch].subject;
            let failed = &failed[task.batch];
            let is_kept = failed.load(Ordering::Relaxed) < HISTORIES_MAX;
            let name = || format!("{} --seed {}", subject.name(), task.seed);
            let _leash = watchdog.as_ref().map(|watchdog| watchdog.begin(name()));
            let details = if is_kept { &settings.details } else { &no_histories };
            let mut run = run_one(subject, task.seed, details);
            if settings.reruns && (number + 1).is_multiple_of(again::EVERY) {
                again::confirm(subject, &mut run);
            }
            failed.fetch_add(u64::from(run.verdict != Verdict::Pass), Ordering::Relaxed);
            if settings.stops_at_first && run.verdict == Verdict::Violation {
                enough.store(true, Ordering::Relaxed);
            }
            (task, run)
        },
        |number, (task, run)| gathered.add(number, task, run, listener),
    );
    let mut campaign = Campaign {
        title: settings.title.clone(),
        command: settings.command.clone(),
        commit: None,
        program: None,
        verdict: Verdict::Pass,
        wall_us: u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
        jobs: settings.jobs,
        floors: Vec::new(),
        coverage: Vec::new(),
        scenarios: gathered.finish(listener),
    };
    campaign.floors.extend(again::floor(&campaign));
    campaign.floors.extend(stopped(settings, &campaign));
    if enough.into_inner() {
        campaign.verdict = failure(&campaign).unwrap_or(Verdict::Pass);
    } else if settings.shard != Shard::WHOLE {
        let unfinished = campaign.floors.iter().any(|floor| !floor.holds());
        let rest = if unfinished { Verdict::Inconclusive } else { Verdict::Pass };
        campaign.verdict = failure(&campaign).unwrap_or(rest);
    } else {
        let subjects: Vec<&Subject> = settings.batches.iter().map(|batch| &batch.subject).collect();
        judge(&mut campaign, &subjects);
    }
    campaign
}

/// What a campaign lacks that somebody has stopped before all was done that it was to do at least.
fn stopped(settings: &Settings, campaign: &Campaign) -> Option<Floor> {
    let name = "runs that were asked for".to_owned();
    let reached = campaign.runs().count() as u64;
    let needed = work::least(&settings.batches, settings.shard);
    let is_stopped = settings.stop.load(Ordering::Relaxed);
    Some(Floor { name, reached, needed }).filter(|floor| is_stopped && !floor.holds())
}

/// Whether nobody has stopped a campaign before it was done.
pub fn is_whole(settings: &Settings, campaign: &Campaign) -> bool {
    stopped(settings, campaign).is_none()
}

/// Adds what a campaign that was put together from shards has beside the campaigns of the shards, and the verdict.
pub fn judge_merged(campaign: &mut Campaign, subjects: &[&Subject]) {
    campaign.floors.extend(again::floor(campaign));
    judge(campaign, subjects);
}

/// Adds the floors that a whole campaign of these subjects has, one for each scenario of it, and the
/// verdict.
fn judge(campaign: &mut Campaign, subjects: &[&Subject]) {
    campaign.floors.extend(floors::of(subjects, campaign));
    campaign.floors.extend(coverage::floor(subjects, campaign));
    campaign.coverage = coverage::of(subjects, campaign);
    campaign.verdict = verdict(campaign);
}

/// What is worse than too little happening.
fn failure(campaign: &Campaign) -> Option<Verdict> {
    [Verdict::Violation, Verdict::HarnessError]
        .into_iter()
        .find(|failure| campaign.runs().any(|run| run.verdict == *failure))
}

fn verdict(campaign: &Campaign) -> Verdict {
    if let Some(failure) = failure(campaign) {
        return failure;
    }
    let count = |verdict| campaign.runs().filter(|run| run.verdict == verdict).count();
    let runs = campaign.runs().count();
    let inconclusive = count(Verdict::Inconclusive);
    let too_many = inconclusive * 1_000 > runs * INCONCLUSIVE_PER_THOUSAND_MAX;
    if runs == 0 || too_many || !campaign.floors.iter().all(Floor::holds) {
        return Verdict::Inconclusive;
    }
    Verdict::Pass
}

#[cfg(test)]
mod tests {
    use reports::{Counts, Floor};

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
            struck: Default::default(),
            reached: Default::default(),
            spared: Default::default(),
            repeats: None,
            ledger: None,
            story: None,
        };
        let runs = verdicts.iter().flat_map(|(verdict, count)| (0..*count).map(|_| run(*verdict)));
        Campaign {
            coverage: Vec::new(),
            title: String::new(),
            command: String::new(),
            commit: None,
            program: None,
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
