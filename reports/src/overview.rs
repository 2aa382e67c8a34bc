//! The page about a campaign, for people on a terminal.

use crate::columns;
use crate::failed::{Failed, failed};
use crate::html::put;
use crate::record::{Campaign, Coverage, Scenario};
use crate::spared::{SparedSteps, spared_steps};
use crate::story::Table;
use crate::text::{grouped, seconds};

/// The text about a campaign.
pub fn index_text(campaign: &Campaign) -> String {
    let mut out = String::new();
    put!(&mut out, "{}: {}\n", campaign.title, campaign.verdict);
    put!(
        &mut out,
        "{} runs, {} simulated seconds in {} s on {} threads, {} operations checked\n",
        grouped(campaign.runs().count() as u64),
        grouped(campaign.simulated_us() / 1_000_000),
        seconds(campaign.wall_us),
        campaign.jobs,
        grouped(campaign.counts().operations)
    );
    if let Some(commit) = &campaign.commit {
        put!(&mut out, "commit {commit}\n");
    }
    if let Some(program) = &campaign.program {
        put!(&mut out, "program {program}\n");
    }
    put!(&mut out, "command: {}\n", campaign.command);
    floors(&mut out, campaign);
    scenarios(&mut out, campaign);
    failures(&mut out, campaign);
    coverage(&mut out, campaign);
    spared(&mut out, campaign);
    out
}

fn section(out: &mut String, title: &str, columns: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    put!(out, "\n{title}\n");
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    columns::aligned(out, &Table { columns, rows });
}

fn floors(out: &mut String, campaign: &Campaign) {
    let row = |floor: &crate::record::Floor| {
        let mark = if floor.holds() { "" } else { "TOO FEW" };
        vec![floor.name.clone(), grouped(floor.reached), grouped(floor.needed), mark.to_owned()]
    };
    let rows = campaign.floors.iter().map(row).collect();
    section(out, "what has to be reached", &["what", "reached", "at least", ""], rows);
}

fn scenarios(out: &mut String, campaign: &Campaign) {
    let row = |scenario: &Scenario| {
        vec![
            scenario.name.clone(),
            scenario.verdict().to_string(),
            grouped(scenario.runs.len() as u64),
            grouped(scenario.counts().operations),
        ]
    };
    let rows = campaign.scenarios.iter().map(row).collect();
    section(out, "scenarios", &["scenario", "verdict", "seeds", "ops checked"], rows);
}

fn coverage(out: &mut String, campaign: &Campaign) {
    let row = |row: &Coverage| {
        let runs = if row.runs == 0 { "never".to_owned() } else { grouped(row.runs) };
        vec![row.group.clone(), row.name.clone(), runs, grouped(row.times)]
    };
    let mut rows: Vec<&Coverage> = campaign.coverage.iter().collect();
    rows.sort_by_key(|row| row.runs > 0);
    let rows = rows.into_iter().map(row).collect();
    section(out, "what was reached", &["", "what", "runs", "times"], rows);
}

fn spared(out: &mut String, campaign: &Campaign) {
    let row = |steps: SparedSteps| {
        vec![steps.kind, steps.reason, grouped(steps.runs), grouped(steps.times)]
    };
    let rows = spared_steps(campaign).into_iter().map(row).collect();
    section(out, "steps that did nothing", &["step", "why", "runs", "times"], rows);
}

fn failures(out: &mut String, campaign: &Campaign) {
    let Failed { shown, left_out } = failed(campaign);
    if shown.is_empty() {
        return;
    }
    out.push_str("\nruns that did not pass\n");
    for (scenario, run) in shown {
        put!(out, "  {} seed {}: {}\n", scenario.name, run.seed, run.verdict);
        for finding in run.findings.iter().take(1) {
            put!(out, "    {}: {}\n", finding.checker, finding.message);
        }
        put!(out, "    replay: {}\n", run.replay);
    }
    if left_out > 0 {
        put!(out, "  and {} further runs\n", grouped(left_out as u64));
    }
}
