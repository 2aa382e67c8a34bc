//! The commands that run seeds and report on them.

use std::ops::Range;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use reports::{Campaign, Origin, ResultsWriter, Run, Scenario, Shard, Verdict};

use super::Trouble;
use super::arguments::Common;
use super::program::fingerprint;
use super::screen::{Screen, Times, complain, failures, say, summary};
use super::signals;
use crate::campaign::{
    self, Batch, Details, Listener, Patience, Progress, Settings, StoryQuota, Subject, find,
};

/// Seeds of the scripted scenarios, if none are asked for.
const SEEDS: Range<u64> = 0..20;
/// A hundred times what the slowest run takes, in a program that is not optimised.
const RUN_LIMIT: Duration = Duration::from_secs(900);

/// Scripted scenarios under many seeds.
pub(super) fn scripted(
    common: &Common,
    seeds: Option<Range<u64>>,
    stops_at_first: bool,
    names: &[String],
) -> Result<Verdict, Trouble> {
    let subjects = if names.is_empty() {
        campaign::scripted()?
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let mut settings = settings(common, "scripted scenarios", subjects, seeds.unwrap_or(SEEDS));
    settings.stops_at_first = stops_at_first;
    report(common, settings, Screen::new())
}

/// Swarm seeds.
pub(super) fn swarm(
    common: &Common,
    seeds: Range<u64>,
    stops_at_first: bool,
) -> Result<Verdict, Trouble> {
    let mut settings = settings(common, "swarm", vec![Subject::Swarm], seeds);
    settings.stops_at_first = stops_at_first;
    report(common, settings, Screen::new())
}

/// Where `run` leaves its pages, below the folder of a campaign: a seed is run again because of what the campaign
/// found, and that must stay.
const RUNS: &str = "runs";

/// One seed, with a page whatever comes of it.
pub(super) fn single(
    common: &Common,
    name: &str,
    seed: u64,
    verbose: u8,
) -> Result<Verdict, Trouble> {
    let subject = find(name)?;
    let title = format!("{} seed {seed}", subject.name());
    let mut settings = settings(common, &title, vec![subject], seed..seed + 1);
    settings.details.log = filter(verbose).map(str::to_owned);
    settings.details.keeps_passes = true;
    let folder = common.report_dir.join(RUNS);
    settings.details.histories = Some(folder.clone());
    let mut campaign = campaign::run(&settings, &mut Screen::new());
    campaign.commit = commit();
    campaign.program = fingerprint();
    conclude(&folder, &mut campaign, Times::Campaign)
}

fn filter(verbose: u8) -> Option<&'static str> {
    match verbose {
        0 => None,
        1 => Some("warn,scenario=info,detcd_node=info"),
        2 => Some("info,scenario=debug,detcd_node=debug"),
        _ => Some("debug"),
    }
}

/// Runs at a time.
pub(super) fn jobs(common: &Common) -> usize {
    match common.jobs {
        Some(jobs) => usize::from(jobs),
        None => thread::available_parallelism().map_or(1, usize::from),
    }
}

/// The same seeds for every subject.
fn settings(common: &Common, title: &str, subjects: Vec<Subject>, seeds: Range<u64>) -> Settings {
    let batch = |subject| Batch::all(subject, seeds.clone());
    batches(common, title, subjects.into_iter().map(batch).collect())
}

/// What every campaign has in common.
pub(super) fn batches(common: &Common, title: &str, batches: Vec<Batch>) -> Settings {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let dashes = if words.is_empty() { "" } else { " -- " };
    Settings {
        title: title.to_owned(),
        command: format!("{}{dashes}{}", campaign::invocation(), words.join(" ")),
        batches,
        shard: common.shard,
        jobs: jobs(common),
        stops_at_first: false,
        reruns: !common.no_rerun,
        patience: Some(Patience { limit: RUN_LIMIT, lost }),
        stop: Arc::default(),
        details: Details { histories: Some(common.report_dir.clone()), ..Details::default() },
    }
}

/// Runs a campaign, tells of it and writes everything down.
pub(super) fn report(
    common: &Common,
    mut settings: Settings,
    screen: Screen,
) -> Result<Verdict, Trouble> {
    settings.stop = signals::flag()
        .map_err(|source| Trouble::File { what: "cannot listen for signals".to_owned(), source })?;
    let path = common.report_dir.join(match common.shard {
        Shard::WHOLE => "results.jsonl".to_owned(),
        Shard { index, of } => format!("results-{index}-of-{of}.jsonl"),
    });
    let unwritten =
        |source| Trouble::File { what: format!("cannot write {}", path.display()), source };
    let origin = origin(&settings);
    let results = ResultsWriter::create(&path, &origin).map_err(unwritten)?;
    if let Some(aside) = results.set_aside() {
        tell_of(aside);
    }
    let mut watching = Watching { screen, results, trouble: None };
    let mut campaign = campaign::run(&settings, &mut watching);
    let Watching { screen, mut results, trouble } = watching;
    drop(screen);
    trouble.map_or(Ok(()), Err).map_err(unwritten)?;
    // Without its end a file says that somebody may go on, and is not replaced by the next campaign.
    if campaign::is_whole(&settings, &campaign) {
        results.end(campaign.wall_us).map_err(unwritten)?;
    }
    (campaign.commit, campaign.program) = (origin.commit, origin.program);
    conclude(&common.report_dir, &mut campaign, Times::Campaign)
}

fn origin(settings: &Settings) -> Origin {
    let mut origin = Origin::new(&settings.title, &settings.command, settings.shard, settings.jobs);
    origin.commit = commit();
    origin.program = fingerprint();
    for batch in &settings.batches {
        origin.scenarios.push((batch.subject.name().to_owned(), batch.subject.about().to_owned()));
    }
    origin
}

fn tell_of(aside: &Path) {
    let folder = aside.parent().unwrap_or(Path::new("")).join("unfinished");
    complain(&format!(
        "an earlier campaign did not come to its end; its results are kept, and these are its pages: \
         {} -- merge {} --report-dir {}",
        campaign::invocation(),
        aside.display(),
        folder.display()
    ));
}

/// Tells what came of a campaign, and writes its pages into a folder.
pub(super) fn conclude(
    folder: &Path,
    campaign: &mut Campaign,
    times: Times,
) -> Result<Verdict, Trouble> {
    keep_few_stories(campaign);
    failures(campaign);
    summary(campaign, times);
    let written = reports::write(folder, campaign).map_err(|source| {
        let what = format!("cannot write the report to {}", folder.display());
        Trouble::File { what, source }
    })?;
    say(&format!("{}: report in {}", campaign.verdict, written.index.display()));
    Ok(campaign.verdict)
}

/// Tells somebody, and writes down what was found before anything can go wrong.
struct Watching {
    screen: Screen,
    results: ResultsWriter,
    /// Why the results could not be written.
    trouble: Option<std::io::Error>,
}

impl Listener for Watching {
    fn run_done(&mut self, scenario: &str, run: &Run, progress: Progress) {
        if self.trouble.is_none() {
            self.trouble = self.results.run(scenario, run).err();
        }
        self.screen.run_done(scenario, run, progress);
    }

    fn scenario_done(&mut self, scenario: &Scenario) {
        self.screen.scenario_done(scenario);
    }
}

fn keep_few_stories(campaign: &mut Campaign) {
    let mut quota = StoryQuota::default();
    for (number, scenario) in campaign.scenarios.iter_mut().enumerate() {
        for run in scenario.runs.iter_mut().filter(|run| run.story.is_some()) {
            if !quota.admits(number) {
                run.story = None;
            }
        }
    }
}

/// The commit of the tree, where there is one.
pub(super) fn commit() -> Option<String> {
    let output = process::Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// A run does not end, and nobody can end it but the whole process.
fn lost(run: &str, age: Duration) {
    complain(&format!(
        "harness error: `{} -- run {run}` has not ended after {} s, so its simulated time may stand still; what was \
         found before is in the results file",
        campaign::invocation(),
        age.as_secs()
    ));
    process::exit(Verdict::HarnessError.exit_code().into());
}
