//! What can be said on the command line.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use reports::Shard;

/// Simulates detcd clusters under faults and judges what comes of it.
///
/// Without a command, every scripted scenario runs under 20 seeds. Exit codes: 0 pass, 1 violation,
/// 2 inconclusive (too little happened), 3 the harness itself failed.
#[derive(Debug, Parser)]
#[command(name = "cargo sim --", bin_name = "cargo sim --")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What every command understands.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Runs at a time; as many as there are processors, if not given.
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
    /// Where the pages go.
    #[arg(long, global = true, default_value = "target/sim-reports")]
    pub(super) report_dir: PathBuf,
    /// Run part I of N (from 0), to be put together by `merge`.
    #[arg(long, global = true, value_name = "I/N", default_value_t = Shard::WHOLE)]
    pub(super) shard: Shard,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Names all scenarios.
    List,
    /// Prints a scenario as a script.
    Show {
        /// A scripted scenario, `swarm`, or the path of a script.
        name: String,
        /// Which plan of the swarm.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Runs one seed of one scenario.
    Run {
        /// A scripted scenario, `swarm`, or the path of a script.
        name: String,
        /// The seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Log what happens, in simulated time: -v the members, -vv their library too, -vvv everything.
        #[arg(short, long, action = clap::ArgAction::Count)]
        verbose: u8,
    },
    /// Runs scripted scenarios.
    Scripted {
        /// First seed, and the one after the last.
        #[arg(long)]
        seeds: Option<SeedRange>,
        /// Which ones; all, if none is named.
        names: Vec<String>,
    },
    /// Runs scenarios that come from their seeds alone.
    Swarm {
        /// First seed, and the one after the last.
        #[arg(long, default_value = "0..50")]
        seeds: SeedRange,
        /// End at the first violation.
        #[arg(long)]
        stop_at_first: bool,
    },
    /// What continuous integration runs: every scripted scenario once, then swarm seeds while there is time.
    Check {
        /// Real time for all of it; scripted scenarios run even if it is over.
        #[arg(long, default_value = "120s")]
        budget: Budget,
        /// What the seeds are derived from: a number, or a name such as that of a commit [default: the commit].
        #[arg(long, value_name = "REV")]
        base_seed: Option<String>,
    },
    /// Runs swarm seeds until the time is over or somebody stops it, and tells of failures as they come.
    Soak {
        /// How long; without it, until it is stopped.
        #[arg(long = "for", value_name = "TIME")]
        time: Option<Budget>,
        /// What the seeds are derived from: a number, or a name such as that of a commit [default: the commit].
        #[arg(long, value_name = "REV")]
        base_seed: Option<String>,
    },
    /// Makes one report of the results of several shards, or of a process that was stopped.
    Merge {
        /// The files `results*.jsonl` of their report folders.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Runs each seed twice and compares the events.
    Determinism {
        /// First seed, and the one after the last.
        #[arg(long, default_value = "0..10")]
        seeds: SeedRange,
        /// Which scenarios; the swarm, if none is named.
        names: Vec<String>,
    },
    /// Shows where two runs part: how long they are alike, and the first event that differs.
    Diff {
        /// One run: a scripted scenario, `swarm`, or the path of a script, and its seed, such as swarm:7.
        left: RunName,
        /// The other run.
        right: RunName,
    },
    /// Prints the hash of all events of a run, to compare it with another process.
    Hash {
        /// A scripted scenario, `swarm`, or the path of a script.
        name: String,
        /// The seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Builds the program with known bugs in it, and counts the seeds until each is found.
    Mutants {
        /// Which one; all, if none is named.
        name: Option<String>,
        /// Most seeds for each.
        #[arg(long, default_value_t = 200)]
        seeds: u64,
        /// Only look whether each patch still applies to the tree, and build nothing.
        #[arg(long)]
        check: bool,
    },
}

/// Seeds `A..B`, without `B`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeedRange(Range<u64>);

impl From<SeedRange> for Range<u64> {
    fn from(seeds: SeedRange) -> Self {
        seeds.0
    }
}

/// What is wrong with a range of seeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SeedRangeError {
    #[error("a range of seeds is written A..B, such as 0..20")]
    Form,
    #[error("no seed is in it: B must be greater than A")]
    Empty,
    #[error("there are more than a hundred million seeds in it")]
    Long,
}

const SEEDS_MAX: u64 = 100_000_000;

impl FromStr for SeedRange {
    type Err = SeedRangeError;

    fn from_str(text: &str) -> Result<Self, SeedRangeError> {
        let (from, to) = text.split_once("..").ok_or(SeedRangeError::Form)?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().ok()).flatten().ok_or(SeedRangeError::Form)
        };
        let (from, to) = (number(from)?, number(to)?);
        if from >= to {
            return Err(SeedRangeError::Empty);
        }
        if to - from > SEEDS_MAX {
            return Err(SeedRangeError::Long);
        }
        Ok(Self(from..to))
    }
}

/// A run, as `NAME:SEED`, or `NAME` for seed 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunName {
    pub(super) scenario: String,
    pub(super) seed: u64,
}

impl FromStr for RunName {
    type Err = RunNameError;

    fn from_str(text: &str) -> Result<Self, RunNameError> {
        let (scenario, seed) = text.rsplit_once(':').unwrap_or((text, "0"));
        match seed.parse() {
            Ok(seed) if !scenario.is_empty() => Ok(Self { scenario: scenario.to_owned(), seed }),
            _ => Err(RunNameError),
        }
    }
}

/// What is wrong with the name of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a run is written NAME:SEED, such as swarm:7")]
pub(super) struct RunNameError;

/// A time such as 120s, 10m or 8h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget(pub(super) Duration);

/// What is wrong with a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time is written such as 120s, 10m or 8h, and is not zero")]
pub(super) struct BudgetError;

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let units = [("s", 1), ("m", 60), ("h", 3_600)];
        let (digits, seconds) = units
            .into_iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
            .ok_or(BudgetError)?;
        match digits.parse::<u32>() {
            Ok(number) if number > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Self(Duration::from_secs(u64::from(number) * seconds)))
            }
            _ => Err(BudgetError),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_run_is_a_name_and_a_seed() {
        let run = |text: &str| text.parse::<RunName>().map(|run| (run.scenario, run.seed));
        assert_eq!(run("swarm:7"), Ok(("swarm".to_owned(), 7)));
        assert_eq!(run("kill-leader"), Ok(("kill-leader".to_owned(), 0)));
        assert_eq!(run("a:b/c.txt:3"), Ok(("a:b/c.txt".to_owned(), 3)));
        for text in ["", ":", ":7", "swarm:", "swarm:x", "swarm:-1"] {
            assert_eq!(run(text), Err(RunNameError), "{text}");
        }
    }

    #[test]
    fn the_job_for_a_fleet_says_what_is_understood() {
        let job = include_str!("../../fleet/job.yaml");
        let line = job.lines().find_map(|line| line.trim().strip_prefix("args: ")).unwrap();
        let count = job.lines().find_map(|line| line.trim().strip_prefix("completions: ")).unwrap();
        let last = count.parse::<u32>().unwrap() - 1;
        let words: Vec<String> = serde_json::from_str(line).unwrap();
        let words =
            words.iter().map(|word| word.replace("$(JOB_COMPLETION_INDEX)", &last.to_string()));
        let said = Arguments::try_parse_from(std::iter::once(String::new()).chain(words)).unwrap();
        assert_eq!(said.common.shard.to_string(), format!("{last}/{count}"));
        assert!(matches!(said.command, Some(Command::Swarm { .. })));
    }

    #[test]
    fn a_budget_has_a_unit() {
        for (text, seconds) in [("1s", 1), ("120s", 120), ("10m", 600), ("8h", 28_800)] {
            assert_eq!(text.parse(), Ok(Budget(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "5", "s", "0s", "-1s", "+1s", "1.5s", "1d", "1 s", "99999999999s"] {
            assert_eq!(text.parse::<Budget>(), Err(BudgetError), "{text}");
        }
    }

    #[test]
    fn seeds_are_a_range_without_its_end() {
        assert_eq!("3..5".parse(), Ok(SeedRange(3..5)));
        for (text, error) in [
            ("", SeedRangeError::Form),
            ("5", SeedRangeError::Form),
            ("1..", SeedRangeError::Form),
            ("..5", SeedRangeError::Form),
            ("a..b", SeedRangeError::Form),
            ("+1..5", SeedRangeError::Form),
            ("1..=5", SeedRangeError::Form),
            ("1..99999999999999999999", SeedRangeError::Form),
            ("5..5", SeedRangeError::Empty),
            ("6..5", SeedRangeError::Empty),
            ("0..18446744073709551615", SeedRangeError::Long),
        ] {
            assert_eq!(text.parse::<SeedRange>(), Err(error), "{text}");
        }
    }
}
