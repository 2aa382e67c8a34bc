//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use reports::Shard;

use super::values::{Budget, Moment, RunName, SeedRange};

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
    /// Where the pages go; those of `run` go to the folder `runs` in it.
    #[arg(long, global = true, default_value = "target/sim-reports")]
    pub(super) report_dir: PathBuf,
    /// Run part I of N (from 0), to be put together by `merge`.
    #[arg(long, global = true, value_name = "I/N", default_value_t = Shard::WHOLE)]
    pub(super) shard: Shard,
    /// Do not run every twentieth seed of a campaign twice, to see that it gives the same events.
    #[arg(long, global = true)]
    pub(super) no_rerun: bool,
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
        /// End at the first violation.
        #[arg(long)]
        stop_at_first: bool,
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
        /// Real time for all of it; scripted scenarios run even if it is over, and so do the swarm seeds of `--least`.
        #[arg(long, default_value = "120s")]
        budget: Budget,
        /// Swarm seeds that are run even if the time is over: scripts alone do not pass.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
        least: u64,
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
    /// Judges a history that was written down, such as a failed run leaves beside its page.
    ///
    /// What the run found itself, such as that nobody served in time, is not in a history: `run` tells of that, too.
    Judge {
        /// The history: lines of JSON.
        file: PathBuf,
        /// The run that it is of, such as swarm:7, for how true its clocks were [default: by the file's name].
        #[arg(long, value_name = "NAME:SEED")]
        of: Option<RunName>,
        /// It ends in the middle: only what stays wrong however it goes on is a violation.
        #[arg(long)]
        beginning: bool,
    },
    /// Runs each seed twice, or as often as is said, and compares the events.
    Determinism {
        /// How often.
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(2..=10_000))]
        times: u32,
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
    /// Runs up to a moment and shows each member there: role, log, state, and what of it is durable.
    Inspect {
        /// The run: a scripted scenario, `swarm`, or the path of a script, and its seed, such as swarm:7; 7 is that, too.
        run: RunName,
        /// When, in simulated time since the start.
        #[arg(long, value_name = "TIME")]
        at: Moment,
        /// Only this member.
        #[arg(long, visible_alias = "node")]
        member: Option<usize>,
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
    ///
    /// The table is `mutants.md` in the report folder, with a line more whenever one is finished.
    Mutants {
        /// Which ones; all, if none is named.
        names: Vec<String>,
        /// Most seeds of a campaign.
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
        seeds: u64,
        /// How often each is looked for, with other seeds every time.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
        campaigns: u64,
        /// What the seeds are made of: a number, or the name of a commit; 0, if it is not said.
        #[arg(long, value_name = "REV")]
        base_seed: Option<String>,
        /// Leave out those that the scoreboard in the report folder has, from the same seed and in as many campaigns.
        #[arg(long, conflicts_with = "check")]
        resume: bool,
        /// Look whether each patch still applies to the tree and passes `cargo check`, and run nothing.
        #[arg(long)]
        check: bool,
        /// Check that all apply and build, and try so many of them, others for every commit.
        #[arg(long, value_name = "N", conflicts_with_all = ["check", "names"])]
        rotate: Option<usize>,
    },
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
    fn a_member_is_also_called_a_node_and_a_seed_of_the_swarm_needs_no_name() {
        for words in ["inspect swarm:7 --at 2s --member 3", "inspect 7 --at 2s --node 3"] {
            let words = std::iter::once("").chain(words.split(' '));
            let Some(Command::Inspect { run, member, .. }) =
                Arguments::try_parse_from(words).unwrap().command
            else {
                panic!("it is another command");
            };
            assert_eq!((run.scenario.as_str(), run.seed, member), ("swarm", 7, Some(3)));
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

        let value = |text: &'static str, key: &str| {
            text.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim)
        };
        let volume = include_str!("../../fleet/results.yaml");
        assert_eq!(value(job, "claimName:"), value(volume, "name:"));
        assert_eq!(value(volume, "accessModes:"), Some("[\"ReadWriteMany\"]"));
    }
}
