//! What can be said on the command line.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

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
    /// Runs each seed twice and compares the events.
    Determinism {
        /// First seed, and the one after the last.
        #[arg(long, default_value = "0..10")]
        seeds: SeedRange,
        /// Which scenarios; the swarm, if none is named.
        names: Vec<String>,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
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
