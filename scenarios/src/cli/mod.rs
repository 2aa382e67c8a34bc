//! The `cargo sim` command: arguments in, lines and an exit code out.
//!
//! Results go to standard output, progress and trouble to standard error.

mod arguments;
mod campaigns;
mod compare;
mod describe;
mod endless;
mod inspect;
mod judge;
mod merge;
mod mutate;
mod program;
mod screen;
mod signals;
mod thoughts;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use reports::Verdict;

use self::arguments::{Arguments, Command};
use self::screen::{complain, say};
use crate::campaign;
use crate::mutants::{Scoreboard, Trial};

/// Why nothing was run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The scenario cannot be had.
    #[error(transparent)]
    Scenario(#[from] campaign::UnknownScenario),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file of results is not understood.
    #[error(transparent)]
    Results(#[from] reports::ResultsError),
    /// Files of results do not belong together.
    #[error(transparent)]
    Merge(#[from] reports::MergeError),
    /// A line of a history is something else.
    #[error("{}:{line}:{column}: not an event of a history: {reason}", path.display())]
    History {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Where in the line, in bytes.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A mutant could not be tried.
    #[error(transparent)]
    Mutant(#[from] crate::mutants::MutantError),
    /// There is no such member.
    #[error("there is no member {0} at that time")]
    NoMember(usize),
    /// A run panicked where its result is needed.
    #[error("the run panicked: {0}")]
    Panic(String),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let verdict = perform(arguments).unwrap_or_else(|trouble| {
        complain(&format!("error: {trouble}"));
        Verdict::HarnessError
    });
    ExitCode::from(verdict.exit_code())
}

/// Help and version are answers; anything else is one line and the code of a failed harness.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        say(error.to_string().trim_end());
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let first: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).collect();
    complain(&first.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "));
    ExitCode::from(Verdict::HarnessError.exit_code())
}

fn perform(arguments: Arguments) -> Result<Verdict, Trouble> {
    let Arguments { command, common } = arguments;
    match command {
        None => campaigns::scripted(&common, None, false, &[]),
        Some(Command::List) => describe::list(),
        Some(Command::Show { name, seed }) => describe::show(&name, seed),
        Some(Command::Run { name, seed, verbose }) => {
            campaigns::single(&common, &name, seed, verbose)
        }
        Some(Command::Scripted { seeds, stop_at_first, names }) => {
            campaigns::scripted(&common, seeds.map(Into::into), stop_at_first, &names)
        }
        Some(Command::Swarm { seeds, stop_at_first }) => {
            campaigns::swarm(&common, seeds.into(), stop_at_first)
        }
        Some(Command::Check { budget, least, base_seed }) => {
            endless::check(&common, budget.0, least, base_seed.as_deref())
        }
        Some(Command::Soak { time, base_seed }) => {
            endless::soak(&common, time.map(|time| time.0), base_seed.as_deref())
        }
        Some(Command::Merge { files }) => merge::merge(&common, &files),
        Some(Command::Judge { file, of, beginning }) => judge::judge(&file, of.as_ref(), beginning),
        Some(Command::Determinism { times, seeds, names }) => {
            compare::determinism(&common, seeds.into(), times, &names)
        }
        Some(Command::Diff { left, right }) => compare::diff(&left, &right),
        Some(Command::Inspect { run, at, member }) => inspect::inspect(&run, at.0, member),
        Some(Command::Hash { name, seed }) => compare::hash(&name, seed),
        Some(Command::Mutants { names, check: true, .. }) => mutate::check(&names),
        Some(Command::Mutants { names, seeds, campaigns, base_seed, resume, rotate, .. }) => {
            let first = base_seed.as_deref().map_or(0, campaign::base_seed);
            let trial = Trial { first, seeds, campaigns };
            let open = if resume { Scoreboard::resume } else { Scoreboard::open };
            let board = open(&common.report_dir)?;
            match rotate {
                Some(count) => mutate::rotate(count, base_seed, &trial, board),
                None => mutate::mutants(&names, &trial, board),
            }
        }
    }
}
