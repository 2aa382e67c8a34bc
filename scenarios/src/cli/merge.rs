//! The command that puts shards together.

use std::path::PathBuf;

use reports::{Results, Verdict};

use super::Trouble;
use super::arguments::Common;
use super::campaigns::conclude;
use super::screen::complain;
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
    let subjects: Vec<Subject> =
        merged.scenarios.iter().map(|scenario| find(&scenario.name)).collect::<Result<_, _>>()?;
    campaign::judge(&mut merged, &subjects.iter().collect::<Vec<_>>());
    conclude(common, &mut merged)
}
