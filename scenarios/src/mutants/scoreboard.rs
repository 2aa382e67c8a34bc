//! How soon which mutant was found, as a table for people and lines for programs.
//!
//! A line is added when a mutant is finished, so that whoever is killed has lost the one at work and no other. The table
//! is made anew of the lines each time.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Fate, Kill, Mutant, MutantError, Result, Trial, file};

/// What one mutant came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The mutant.
    pub mutant: String,
    /// The bug that it is an example of.
    pub stands_for: String,
    /// What was run.
    pub scenario: String,
    /// The first seed of the first campaign.
    pub first: u64,
    /// How many campaigns were asked for.
    pub campaigns: u64,
    /// Most seeds of each.
    pub seeds_max: u64,
    /// The commit of the tree, where it is known.
    pub commit: Option<String>,
    /// What went wrong, if not every campaign has found it.
    pub trouble: Option<String>,
    /// Whether all campaigns came to their end: a patch that does not apply says nothing about the seeds.
    pub is_tried: bool,
    /// Who found it, each once.
    pub found_by: Vec<String>,
    /// Seeds that each campaign needed that has found it.
    pub seeds: Vec<u64>,
    /// Simulated microseconds of those.
    pub simulated_us: u64,
    /// Real microseconds of their runs, without building.
    pub wall_us: u64,
}

impl Row {
    /// What is written down of a mutant's fate.
    pub fn new(mutant: &Mutant, trial: &Trial, commit: Option<String>, fate: &Fate) -> Self {
        let (kills, trouble): (&[Kill], _) = match fate {
            Fate::Killed(kills) => (kills, None),
            Fate::Survived(kills) => (kills, Some("SURVIVED".to_owned())),
            Fate::TreeFails(seed) => (&[], Some(format!("TREE FAILS with seed {seed}"))),
            Fate::DoesNotApply(_) => (&[], Some("DOES NOT APPLY".to_owned())),
            Fate::DoesNotBuild(_) => (&[], Some("DOES NOT BUILD".to_owned())),
        };
        let mut found_by: Vec<String> = kills.iter().map(|kill| kill.checker.clone()).collect();
        found_by.sort();
        found_by.dedup();
        Self {
            mutant: mutant.name.clone(),
            stands_for: mutant.stands_for.clone(),
            scenario: mutant.scenario.clone(),
            first: trial.first,
            campaigns: trial.campaigns,
            seeds_max: trial.seeds,
            commit,
            trouble,
            is_tried: matches!(fate, Fate::Killed(_) | Fate::Survived(_)),
            found_by,
            seeds: kills.iter().map(|kill| kill.seeds).collect(),
            simulated_us: kills.iter().map(|kill| kill.simulated_us).sum(),
            wall_us: kills.iter().map(|kill| kill.wall_us).sum(),
        }
    }

    fn is_of(&self, trial: &Trial) -> bool {
        (self.first, self.campaigns) == (trial.first, trial.campaigns)
    }

    fn cells(&self) -> String {
        let found_by = self.trouble.clone().unwrap_or_else(|| self.found_by.join(", "));
        let each: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let seeds = match median(self.seeds.clone()) {
            Some(middle) => format!("{middle} ({})", each.join(" ")),
            None => "-".to_owned(),
        };
        // What a story says is not the table's.
        let stands_for = self.stands_for.replace('|', "\\|");
        format!(
            "| `{}` | {stands_for} | {found_by} | {} | {seeds} | {} | {} |",
            self.mutant,
            self.scenario,
            self.simulated_us / 1_000_000,
            self.wall_us.div_ceil(1_000_000)
        )
    }
}

/// The rows of a folder.
#[derive(Debug)]
pub struct Scoreboard {
    lines: PathBuf,
    rows: Vec<Row>,
    /// Whether what is there need not be tried again.
    resumes: bool,
    /// What is left of a line whose writer was killed has to be ended before another.
    is_torn: bool,
}

impl Scoreboard {
    /// That of a folder, with all rows that were written there before.
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|source| file(folder, source))?;
        let lines = folder.join("mutants.jsonl");
        let text = match fs::read_to_string(&lines) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(file(&lines, error)),
        };
        let rows = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let is_torn = !text.is_empty() && !text.ends_with('\n');
        Ok(Self { lines, rows, resumes: false, is_torn })
    }

    /// That of a folder, to go on where it ends.
    pub fn resume(folder: &Path) -> Result<Self> {
        Ok(Self { resumes: true, ..Self::open(folder)? })
    }

    /// What came of a mutant that need not be tried again: it was, from the same seed and in as many campaigns.
    pub fn known(&self, mutant: &Mutant, trial: &Trial) -> Option<&Row> {
        let mut rows = self.rows.iter().rev().filter(|_| self.resumes);
        rows.find(|row| row.mutant == mutant.name && row.is_of(trial) && row.is_tried)
    }

    /// Adds a row, and makes the table of its trial anew.
    pub fn add(&mut self, row: Row, trial: &Trial) -> Result<()> {
        let line =
            serde_json::to_string(&row).map_err(|error| MutantError::Records(error.to_string()))?;
        let line = if self.is_torn { format!("\n{line}\n") } else { format!("{line}\n") };
        self.is_torn = false;
        fs::File::options()
            .create(true)
            .append(true)
            .open(&self.lines)
            .and_then(|mut lines| lines.write_all(line.as_bytes()))
            .map_err(|source| file(&self.lines, source))?;
        self.rows.push(row);
        let path = self.table_path();
        fs::write(&path, self.table(trial)).map_err(|source| file(&path, source))
    }

    /// Where the table is.
    pub fn table_path(&self) -> PathBuf {
        self.lines.with_extension("md")
    }

    /// The last row of each mutant that was tried with these seeds.
    fn rows(&self, trial: &Trial) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().rev().filter(|row| row.is_of(trial)).collect();
        // Stable: of a mutant's rows the last is still the first.
        rows.sort_by(|one, other| one.mutant.cmp(&other.mutant));
        rows.dedup_by(|one, other| one.mutant == other.mutant);
        rows
    }

    fn table(&self, trial: &Trial) -> String {
        let rows = self.rows(trial);
        let medians = rows.iter().filter_map(|row| median(row.seeds.clone())).collect();
        let mut text = format!(
            "# Mutants: how soon known bugs are found\n\n\
             Seeds from {} on, {} campaigns of up to {} seeds each: the median, then every campaign.\n\
             Simulated and real seconds are those of all campaigns, up to the seed that found it, without building.\n\
             The tree without the mutant passes all those seeds, where a row does not say otherwise.\n\n",
            trial.first, trial.campaigns, trial.seeds
        );
        if let Some(middle) = median(medians) {
            let bad = rows.iter().filter(|row| row.trouble.is_some()).count();
            let good = rows.len() - bad;
            writeln!(text, "{good} of {} are found, the median is {middle} seeds.\n", rows.len())
                .expect("a string takes all");
        }
        text.push_str(
            "| Mutant | Stands for | Found by | Scenario | Seeds | Simulated s | Wall s |\n",
        );
        text.push_str("|---|---|---|---|---:|---:|---:|\n");
        for row in rows {
            writeln!(text, "{}", row.cells()).expect("a string takes all");
        }
        text
    }
}

/// The middle one; of an even number, the higher of the two there.
pub fn median(mut numbers: Vec<u64>) -> Option<u64> {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![9, 1, 4]), Some(4));
        assert_eq!(median(vec![4, 1]), Some(4));
        assert_eq!(median(Vec::new()), None);
    }
}
