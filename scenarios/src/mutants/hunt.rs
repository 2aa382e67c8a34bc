//! Seeds until a mutant is found, and whether the tree passes the same ones.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::ops::Range;
use std::path::Path;

use reports::{Campaign, Run, Verdict};

use super::{Mutant, MutantError, Result, Workshop, file};
use crate::swarm;

/// Seeds in one go; the first that finds the bug ends it.
const BATCH: u64 = 20;

/// How soon a campaign found a mutant, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Seeds that were needed.
    pub seeds: u64,
    /// The seed that found it.
    pub seed: u64,
    /// Who found it.
    pub checker: String,
    /// Simulated microseconds until then.
    pub simulated_us: u64,
    /// Real microseconds of the runs until then, without building.
    pub wall_us: u64,
}

/// Seeds that the tree has passed: mutants of one scenario are looked for with the same ones.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    /// The end of those from a first seed of a scenario on.
    ends: BTreeMap<(String, u64), u64>,
}

impl Passed {
    /// Those of `seeds` that are not known to pass.
    fn rest(&self, scenario: &str, seeds: Range<u64>) -> Range<u64> {
        let end = self.ends.get(&(scenario.to_owned(), seeds.start)).copied();
        end.unwrap_or(seeds.start).min(seeds.end)..seeds.end
    }

    fn add(&mut self, scenario: &str, seeds: Range<u64>) {
        let end = self.ends.entry((scenario.to_owned(), seeds.start)).or_default();
        *end = seeds.end.max(*end);
    }
}

impl Workshop {
    pub(super) fn hunt(&self, mutant: &Mutant, first: u64, seeds: u64) -> Result<Option<Kill>> {
        let program = self.target.join("debug").join("scenarios");
        let mut spent =
            Kill { seeds: 0, seed: first, checker: String::new(), simulated_us: 0, wall_us: 0 };
        while spent.seeds < seeds {
            let from = first + spent.seeds;
            let end = first + (spent.seeds + BATCH).min(seeds);
            let campaign = self.batch(&program, mutant, from, end)?;
            for run in campaign.runs() {
                // What comes after the first find does not count, though it ran as well.
                spent.simulated_us += run.simulated_us;
                spent.wall_us += run.wall_us;
                spent.seeds += 1;
                if let Some(checker) = finder(run) {
                    return Ok(Some(Kill { checker, seed: run.seed, ..spent }));
                }
            }
            spent.seeds = end - first;
        }
        Ok(None)
    }

    /// The first of these seeds with which the tree as it is, which this program was built from, finds something. Those
    /// that others have had to pass before are not run again.
    pub(super) fn tree_fails(
        &self,
        mutant: &Mutant,
        seeds: Range<u64>,
        passed: &mut Passed,
    ) -> Result<Option<u64>> {
        let program = env::current_exe().map_err(|source| file(&self.tree, source))?;
        let first = seeds.start;
        let mut due = passed.rest(&mutant.scenario, seeds);
        while !due.is_empty() {
            let end = (due.start + BATCH).min(due.end);
            let campaign = self.batch(&program, mutant, due.start, end)?;
            if let Some(failed) = campaign.runs().find(|run| finder(run).is_some()) {
                return Ok(Some(failed.seed));
            }
            passed.add(&mutant.scenario, first..end);
            due.start = end;
        }
        Ok(None)
    }

    /// Runs a few seeds of a program.
    fn batch(&self, program: &Path, mutant: &Mutant, from: u64, to: u64) -> Result<Campaign> {
        let folder = self.target.join("report");
        let records = folder.join("campaign.json");
        // Histories may be large, and those of the batch before are of no use.
        drop(fs::remove_dir_all(&folder));
        let seeds = format!("{from}..{to}");
        let folder = folder.to_string_lossy().into_owned();
        // What a mutant does a second time says nothing about the simulator.
        let mut arguments = vec!["--report-dir", folder.as_str(), "--no-rerun"];
        if mutant.scenario == swarm::NAME {
            arguments.extend(["swarm", "--stop-at-first", "--seeds", &seeds]);
        } else {
            let name = &mutant.scenario;
            arguments.extend(["scripted", "--stop-at-first", "--seeds", &seeds, name]);
        }
        let ran = self.run(&program.to_string_lossy(), &arguments)?;
        let json = fs::read(&records).map_err(|source| {
            let said = String::from_utf8_lossy(&ran.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            let last = last.unwrap_or("nothing");
            let (path, status) = (records.display(), ran.status);
            MutantError::Records(format!(
                "{path}: {source}; {status}, and the last it said is: {last}"
            ))
        })?;
        let campaign: Campaign = serde_json::from_slice(&json)
            .map_err(|error| MutantError::Records(error.to_string()))?;
        // Asked to stop by somebody, a program ends in good order with less than it was to do.
        let is_whole = campaign.runs().count() as u64 == to - from;
        if is_whole || campaign.verdict == Verdict::Violation {
            return Ok(campaign);
        }
        let ran = campaign.runs().count();
        Err(MutantError::Records(format!("it was stopped after {ran} of seeds {seeds}")))
    }
}

/// Who found the bug in a run.
fn finder(run: &Run) -> Option<String> {
    let first = run.findings.first()?;
    // That a cluster came to a standstill says less than what is wrong with its answers or its state.
    let telling = run.findings.iter().find(|finding| !finding.checker.starts_with("liveness"));
    (run.verdict == Verdict::Violation).then(|| telling.unwrap_or(first).checker.clone())
}

#[cfg(test)]
mod tests {
    use super::Passed;

    #[test]
    fn no_seed_is_run_twice_on_the_tree() {
        let mut passed = Passed::default();
        assert_eq!(passed.rest("swarm", 10..31), 10..31);
        passed.add("swarm", 10..30);
        assert_eq!(passed.rest("swarm", 10..31), 30..31);
        assert!(passed.rest("swarm", 10..15).is_empty());
        passed.add("swarm", 10..12);
        assert_eq!(passed.rest("swarm", 10..31), 30..31);
        assert_eq!(passed.rest("swarm", 50..51), 50..51);
        assert_eq!(passed.rest("other", 10..12), 10..12);
    }
}
