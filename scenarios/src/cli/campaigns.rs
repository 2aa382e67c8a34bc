//! The commands that run seeds and report on them.

use std::ops::Range;
use std::process;
use std::thread;

use reports::{Campaign, Verdict};

use super::Trouble;
use super::arguments::Common;
use super::screen::{Screen, failures, say, summary};
use crate::campaign::{self, Details, Settings, Subject, find};

/// Seeds of the scripted scenarios, if none are asked for.
const SEEDS: Range<u64> = 0..20;

/// Scripted scenarios under many seeds.
pub(super) fn scripted(
    common: &Common,
    seeds: Option<Range<u64>>,
    names: &[String],
) -> Result<Verdict, Trouble> {
    let subjects = if names.is_empty() {
        campaign::scripted()?
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let mut settings = settings(common, "scripted scenarios", subjects, seeds.unwrap_or(SEEDS));
    settings.details.histories = Some(common.report_dir.clone());
    report(common, &settings)
}

/// Swarm seeds.
pub(super) fn swarm(
    common: &Common,
    seeds: Range<u64>,
    stops_at_first: bool,
) -> Result<Verdict, Trouble> {
    let mut settings = settings(common, "swarm", vec![Subject::Swarm], seeds);
    settings.details.histories = Some(common.report_dir.clone());
    settings.stops_at_first = stops_at_first;
    report(common, &settings)
}

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
    settings.details = Details {
        log: filter(verbose).map(str::to_owned),
        keeps_passes: true,
        histories: Some(common.report_dir.clone()),
    };
    report(common, &settings)
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

fn settings(common: &Common, title: &str, subjects: Vec<Subject>, seeds: Range<u64>) -> Settings {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let dashes = if words.is_empty() { "" } else { " -- " };
    Settings {
        title: title.to_owned(),
        command: format!("cargo sim{dashes}{}", words.join(" ")),
        subjects,
        seeds,
        jobs: jobs(common),
        stops_at_first: false,
        details: Details::default(),
    }
}

fn report(common: &Common, settings: &Settings) -> Result<Verdict, Trouble> {
    let mut screen = Screen::new();
    let mut campaign = campaign::run(settings, &mut screen);
    drop(screen);
    campaign.commit = commit();
    keep_few_stories(&mut campaign);
    failures(&campaign);
    summary(&campaign);
    let written = reports::write(&common.report_dir, &campaign).map_err(|source| {
        let what = format!("cannot write the report to {}", common.report_dir.display());
        Trouble::File { what, source }
    })?;
    say(&format!("{}: report in {}", campaign.verdict, written.index.display()));
    Ok(campaign.verdict)
}

/// Pages of one scenario are much alike: a few of them do.
const STORIES_MAX: usize = 5;

fn keep_few_stories(campaign: &mut Campaign) {
    for scenario in &mut campaign.scenarios {
        let told = scenario.runs.iter_mut().filter(|run| run.story.is_some());
        told.skip(STORIES_MAX).for_each(|run| run.story = None);
    }
}

/// The commit of the tree, where there is one.
fn commit() -> Option<String> {
    let output = process::Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
