//! The command that tries the checkers on known bugs.

use reports::{Verdict, seconds};

use super::Trouble;
use super::screen::{complain, say};
use crate::mutants::{self, Fate};

/// Looks whether one patch, or each of them, still applies, and names a scenario that exists.
pub(super) fn check(name: Option<&str>) -> Result<Verdict, Trouble> {
    let workshop = mutants::Workshop::open()?;
    let chosen = workshop.mutants(name)?;
    let mut good = 0;
    for mutant in &chosen {
        match workshop.obstacle(mutant)? {
            None => good += 1,
            Some(why) => say(&format!("{:<32} DOES NOT APPLY  {why}", mutant.name)),
        }
    }
    say(&format!("mutants: {good} of {} apply", chosen.len()));
    Ok(verdict(chosen.len(), good))
}

/// Tries one mutant, or all of them.
pub(super) fn mutants(name: Option<&str>, seeds: u64) -> Result<Verdict, Trouble> {
    let workshop = mutants::Workshop::open()?;
    let mut killed = 0;
    let chosen = workshop.mutants(name)?;
    for mutant in &chosen {
        complain(&format!("{}: building and running up to {seeds} seeds", mutant.name));
        let fate = workshop.try_out(mutant, seeds)?;
        match &fate {
            Fate::Killed(kill) => say(&format!(
                "{:<32} killed    {:>4} seeds  {:<28} {:>8} sim s {:>8} s",
                mutant.name,
                kill.seeds,
                kill.checker,
                seconds(kill.simulated_us),
                seconds(kill.wall_us)
            )),
            Fate::Survived => say(&format!("{:<32} SURVIVED  {seeds:>4} seeds", mutant.name)),
            Fate::DoesNotApply(why) => {
                say(&format!("{:<32} DOES NOT APPLY  {why}", mutant.name));
            }
            Fate::DoesNotBuild(why) => {
                say(&format!("{:<32} DOES NOT BUILD  {why}", mutant.name));
            }
        }
        killed += usize::from(matches!(fate, Fate::Killed(_)));
    }
    say(&format!("mutants: {killed} of {} killed", chosen.len()));
    Ok(verdict(chosen.len(), killed))
}

/// No patch at all proves nothing, and each one has to be good.
fn verdict(all: usize, good: usize) -> Verdict {
    match all {
        0 => Verdict::Inconclusive,
        _ if good == all => Verdict::Pass,
        _ => Verdict::Violation,
    }
}
