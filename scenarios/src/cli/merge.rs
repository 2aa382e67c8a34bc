//! The command that puts shards together.

use std::path::PathBuf;

use reports::{Floor, Results, Verdict};

use super::Trouble;
use super::arguments::Common;
use super::campaigns::conclude;
use super::screen::{Times, complain};
use crate::campaign::{self, Subject, find};

/// One campaign out of the results of several processes.
pub(super) fn merge(common: &Common, files: &[PathBuf]) -> Result<Verdict, Trouble> {
    let mut all = Vec::new();
    for path in files {
        let results = Results::read(path)?;
        if results.wall_us.is_none() {
            complain(&format!("{}: its process did not come to the end", path.display()));
        }
        all.push((path.clone(), results));
    }
    let mut merged = reports::merge(&all)?;
    let is_whole = merged.floors.iter().all(Floor::holds);
    let times = if is_whole { Times::Campaign } else { Times::Runs };
    let subjects: Vec<Subject> =
        merged.scenarios.iter().map(|scenario| find(&scenario.name)).collect::<Result<_, _>>()?;
    campaign::judge_merged(&mut merged, &subjects.iter().collect::<Vec<_>>());
    if times == Times::Runs {
        merged.wall_us = merged.runs().map(|run| run.wall_us).sum();
    }
    conclude(&common.report_dir, &mut merged, times)
}
