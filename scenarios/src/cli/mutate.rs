//! The command that tries the checkers on known bugs.

use reports::{Verdict, seconds};

use super::Trouble;
use super::campaigns::commit;
use super::screen::{complain, say};
use crate::campaign::base_seed;
use crate::mutants::{
    Fate, Kill, Misfit, Mutant, Passed, Row, Scoreboard, Trial, Workshop, median,
};

/// Looks whether these patches, or all of them, still apply and build, and name a scenario that exists.
pub(super) fn check(names: &[String]) -> Result<Verdict, Trouble> {
    let workshop = Workshop::open()?;
    let chosen = workshop.mutants(names)?;
    let mut fitting = Vec::new();
    for mutant in &chosen {
        match workshop.obstacle(mutant)? {
            None => fitting.push(mutant),
            Some(why) => say(&format!("{:<44} DOES NOT APPLY  {why}", mutant.name)),
        }
    }
    let misfits = workshop.misfits(&fitting)?;
    for (mutant, misfit) in &misfits {
        let text = match misfit {
            Misfit::DoesNotApply(why) => format!("DOES NOT APPLY  {why}"),
            Misfit::DoesNotBuild(why) => format!("DOES NOT BUILD  {why}"),
        };
        say(&format!("{:<44} {text}", mutant.name));
    }
    let good = fitting.len() - misfits.len();
    say(&format!("mutants: {good} of {} apply and build", chosen.len()));
    Ok(verdict(chosen.len(), good))
}

/// Tries these mutants, or all of them.
pub(super) fn mutants(
    names: &[String],
    trial: &Trial,
    board: Scoreboard,
) -> Result<Verdict, Trouble> {
    let workshop = Workshop::open()?;
    let chosen = workshop.mutants(names)?;
    try_out(&workshop, &chosen, trial, board)
}

/// Checks that all apply and build, and tries as many as are asked for, chosen by the name of the commit.
pub(super) fn rotate(
    count: usize,
    base: Option<String>,
    trial: &Trial,
    board: Scoreboard,
) -> Result<Verdict, Trouble> {
    let applied = check(&[])?;
    if applied != Verdict::Pass {
        return Ok(applied);
    }
    let workshop = Workshop::open()?;
    let all = workshop.mutants(&[])?;
    let turn = base_seed(&base.or_else(commit).unwrap_or_default());
    let first = usize::try_from(turn % all.len() as u64).unwrap_or(0);
    // Neighbours are of one kind, and a stride shows more of what there is.
    let stride = (all.len() / count.max(1)).max(1);
    let place = |number: usize| (first + number * stride) % all.len();
    let chosen: Vec<Mutant> =
        (0..count.min(all.len())).map(|number| all[place(number)].clone()).collect();
    try_out(&workshop, &chosen, trial, board)
}

fn try_out(
    workshop: &Workshop,
    chosen: &[Mutant],
    trial: &Trial,
    mut board: Scoreboard,
) -> Result<Verdict, Trouble> {
    let commit = commit();
    let mut passed = Passed::default();
    let mut killed = 0;
    let mut medians = Vec::new();
    for mutant in chosen {
        if let Some(row) = board.known(mutant, trial) {
            let is_killed = row.trouble.is_none();
            killed += usize::from(is_killed);
            medians.extend(median(row.seeds.clone()).filter(|_| is_killed));
            complain(&format!("{}: is on the scoreboard already", mutant.name));
            continue;
        }
        let Trial { seeds, campaigns, .. } = trial;
        complain(&format!("{}: {campaigns} times up to {seeds} seeds", mutant.name));
        let fate = workshop.try_out(mutant, trial, &mut passed)?;
        board.add(Row::new(mutant, trial, commit.clone(), &fate), trial)?;
        if let Fate::Killed(kills) = &fate {
            killed += 1;
            medians.extend(median(kills.iter().map(|kill| kill.seeds).collect()));
        }
        say(&format!(
            "{:<44} {:<22} {}",
            mutant.name,
            mutant.scenario,
            ending(mutant, trial, &fate)
        ));
    }
    let middle = median(medians).map_or(String::new(), |middle| format!(", median {middle} seeds"));
    let table = board.table_path();
    say(&format!("mutants: {killed} of {} killed{middle}; {}", chosen.len(), table.display()));
    Ok(verdict(chosen.len(), killed))
}

/// What became of a mutant, in a line.
fn ending(mutant: &Mutant, trial: &Trial, fate: &Fate) -> String {
    let seeds = trial.seeds;
    match fate {
        Fate::Killed(kills) => told(kills),
        Fate::Survived(kills) if kills.is_empty() => format!("SURVIVED  {seeds} seeds"),
        Fate::Survived(kills) => {
            format!("SURVIVED  {seeds} seeds of another campaign, and {}", told(kills))
        }
        Fate::TreeFails(seed) => {
            format!("TREE FAILS  seed {seed} of {}, without the mutant", mutant.scenario)
        }
        Fate::DoesNotApply(why) => format!("DOES NOT APPLY  {why}"),
        Fate::DoesNotBuild(why) => format!("DOES NOT BUILD  {why}"),
    }
}

/// How soon it was found, in every campaign, and what the first of them says.
fn told(kills: &[Kill]) -> String {
    let seeds: Vec<u64> = kills.iter().map(|kill| kill.seeds).collect();
    let middle = median(seeds.clone()).unwrap_or_default();
    let each: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let sum = |of: fn(&Kill) -> u64| kills.iter().map(of).sum::<u64>();
    format!(
        "killed {middle:>5} seeds ({}) {:<36} {:>8} sim s {:>8} s",
        each.join(" "),
        kills.first().map_or("", |kill| &kill.checker),
        seconds(sum(|kill| kill.simulated_us)),
        seconds(sum(|kill| kill.wall_us)),
    )
}

/// No patch at all proves nothing, and each one has to be good.
fn verdict(all: usize, good: usize) -> Verdict {
    match all {
        0 => Verdict::Inconclusive,
        _ if good == all => Verdict::Pass,
        _ => Verdict::Violation,
    }
}
