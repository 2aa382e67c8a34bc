//! The command that tries the checkers on known bugs.

use reports::{Verdict, seconds};

use super::Trouble;
use super::screen::{complain, say};
use crate::mutants::{self, Fate};

/// Tries one mutant, or all of them.
pub(super) fn mutants(name: Option<&str>, seeds: u64) -> Result<Verdict, Trouble> {
    let workshop = mutants::Workshop::open()?;
    let mut survivors = 0;
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
        if !matches!(fate, Fate::Killed(_)) {
            survivors += 1;
        }
    }
    say(&format!("mutants: {} of {} killed", chosen.len() - survivors, chosen.len()));
    Ok(match (chosen.len(), survivors) {
        (0, _) => Verdict::Inconclusive,
        (_, 0) => Verdict::Pass,
        _ => Verdict::Violation,
    })
}
