//! The command that judges a history that was written down, such as a failed run leaves.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use jepsen_like::checker::{self, Options, Verdict as Opinion, Violation};
use jepsen_like::history::{History, ReadError, read_file};
use reports::{Verdict, grouped, seconds};

use super::Trouble;
use super::screen::{complain, say};
use super::values::RunName;
use crate::campaign::find;
use crate::panics::Slot;
use crate::run::checker_options;

/// Operations and moments that are shown of a violation.
const WITNESSES_MAX: usize = 12;

/// Runs all checkers on a history. `of` is the run that it is of, if it is not to be taken from the file's name.
pub(super) fn judge(
    path: &Path,
    of: Option<&RunName>,
    is_beginning: bool,
) -> Result<Verdict, Trouble> {
    let history = read_file(path).map_err(|error| unread(path, error))?;
    let options = options(path, of)?;
    let slot = Slot::default();
    slot.enter();
    let attempt = panic::catch_unwind(AssertUnwindSafe(|| {
        if is_beginning { of_beginning(&history, &options) } else { of_all(&history, &options) }
    }));
    Slot::leave();
    let opinions = attempt.map_err(|_| Trouble::Panic(slot.first().unwrap_or_default()))?;
    Ok(tell(path, &history, &opinions))
}

/// Each checker, and what it thinks.
type Opinions = Vec<(&'static str, Opinion)>;

fn of_all(history: &History, options: &Options) -> Opinions {
    checker::check(history, options).verdicts
}

fn of_beginning(history: &History, options: &Options) -> Opinions {
    let found = checker::check_beginning(history, options);
    vec![("beginning", found.map_or(Opinion::Pass, Opinion::Violation))]
}

fn unread(path: &Path, error: ReadError) -> Trouble {
    match error {
        ReadError::Io(source) => {
            Trouble::File { what: format!("cannot read {}", path.display()), source }
        }
        ReadError::Malformed { line, reason } => {
            let text = reason.to_string();
            // Each line is read by itself, and is its own line 1.
            let place = format!(" at line {} column {}", reason.line(), reason.column());
            let column = reason.column();
            let reason = text.strip_suffix(&place).unwrap_or(&text).to_owned();
            Trouble::History { path: path.to_owned(), line, column, reason }
        }
    }
}

/// What the checkers have to know of the run: how far its clocks were from true time.
fn options(path: &Path, of: Option<&RunName>) -> Result<Options, Trouble> {
    let named = match of {
        Some(run) => Some((find(&run.scenario)?, run.seed)),
        None => by_file_name(path).and_then(|run| Some((find(&run.scenario).ok()?, run.seed))),
    };
    let Some((subject, seed)) = named else {
        complain(&format!(
            "{}: no scenario is called like this file, so all clocks are taken for true; `--of NAME:SEED` names it",
            path.display()
        ));
        return Ok(Options::default());
    };
    Ok(checker_options(&subject.plan(seed)))
}

/// The run that leaves a file of that name: `swarm-7.jsonl` is of swarm:7.
fn by_file_name(path: &Path) -> Option<RunName> {
    let (scenario, seed) = path.file_stem()?.to_str()?.rsplit_once('-')?;
    Some(RunName { scenario: scenario.to_owned(), seed: seed.parse().ok()? })
}

fn tell(path: &Path, history: &History, opinions: &Opinions) -> Verdict {
    let mut verdict = Verdict::Pass;
    for (checker, opinion) in opinions {
        match opinion {
            Opinion::Pass => {}
            Opinion::Violation(violation) => {
                verdict = Verdict::Violation;
                tell_violation(violation);
            }
            Opinion::Inconclusive { reason } => {
                verdict = verdict.max(Verdict::Inconclusive);
                say(&format!("  {checker}: inconclusive: {reason}"));
            }
        }
    }
    let events = grouped(history.events.len() as u64);
    let checkers: Vec<&str> = opinions.iter().map(|(checker, _)| *checker).collect();
    let checkers = checkers.join(", ");
    say(&format!("{}: {verdict}: {events} events, judged by {checkers}", path.display()));
    verdict
}

fn tell_violation(violation: &Violation) {
    say(&format!("  {} {}: {}", violation.checker, violation.guarantee, violation.message));
    let operations = violation.operations.iter().map(|op| format!("operation {op}"));
    let times = violation.times.iter().map(|time| format!("at {} s", seconds(*time)));
    operations.chain(times).take(WITNESSES_MAX).for_each(|line| say(&format!("    {line}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_its_run_by_its_name() {
        let run = |path: &str| by_file_name(Path::new(path)).map(|run| (run.scenario, run.seed));
        assert_eq!(run("a/b/kill-leader-12.jsonl"), Some(("kill-leader".to_owned(), 12)));
        assert_eq!(run("swarm.jsonl"), None);
        assert_eq!(run("swarm-x.jsonl"), None);
    }
}
