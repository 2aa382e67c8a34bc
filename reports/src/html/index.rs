//! The page about a campaign.

use super::budget::{SENTENCE_MAX, fit};
use super::{Escaped, page, put};
use crate::failed::{Failed, failed};
use crate::ledger::Ledger;
use crate::record::{Campaign, Coverage, Run, Scenario, Verdict};
use crate::spared::spared_steps;
use crate::text::{grouped, seconds};
use crate::write::failure_name;

/// The page about a campaign, with links to the pages of its failures.
pub fn index_page(campaign: &Campaign) -> String {
    let mut body = String::new();
    head(&mut body, campaign);
    floors(&mut body, campaign);
    table(&mut body, campaign);
    failures(&mut body, campaign);
    coverage(&mut body, campaign);
    spared(&mut body, campaign);
    ledger(&mut body, campaign);
    page(&campaign.title, &body)
}

/// The class of a verdict in the style sheet.
pub(super) fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Violation => "violation",
        Verdict::Inconclusive => "inconclusive",
        Verdict::HarnessError => "harness",
    }
}

/// A verdict as a coloured word.
pub(super) fn badge(verdict: Verdict) -> String {
    format!("<span class=\"badge {}\">{verdict}</span>", verdict_class(verdict))
}

fn head(body: &mut String, campaign: &Campaign) {
    let runs = campaign.runs().count();
    let simulated = campaign.simulated_us();
    let speed = simulated / campaign.wall_us.max(1);
    put!(body, "<h1>{} {}</h1>\n", Escaped(&campaign.title), badge(campaign.verdict));
    put!(
        body,
        "<p class=\"faint\">{} scenarios, {} runs, {} simulated seconds in {} s on {} threads: \
         {} simulated seconds per second.",
        campaign.scenarios.len(),
        grouped(runs as u64),
        grouped(simulated / 1_000_000),
        seconds(campaign.wall_us),
        campaign.jobs,
        grouped(speed)
    );
    if let Some(commit) = &campaign.commit {
        put!(body, " Commit <code>{}</code>.", Escaped(commit));
    }
    if let Some(program) = &campaign.program {
        put!(body, " Program <code>{}</code>.", Escaped(program));
    }
    put!(body, "</p>\n<pre>{}</pre>\n", Escaped(&campaign.command));
}

fn floors(body: &mut String, campaign: &Campaign) {
    if campaign.floors.is_empty() {
        return;
    }
    body.push_str("<div class=\"tiles\">\n");
    for floor in &campaign.floors {
        put!(
            body,
            "<div class=\"tile{}\"><span>{}</span><b>{}</b><span>at least {}</span></div>\n",
            if floor.holds() { "" } else { " short" },
            Escaped(&floor.name),
            grouped(floor.reached),
            grouped(floor.needed)
        );
    }
    body.push_str("</div>\n");
}

const COLUMNS: [&str; 9] = [
    "seeds",
    "ops checked",
    "acks",
    "crashes",
    "elections",
    "resumed watches",
    "snapshots",
    "sim s/s",
    "sim s",
];

fn table(body: &mut String, campaign: &Campaign) {
    body.push_str(
        "<h2>Scenarios</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>scenario</th>",
    );
    body.push_str("<th>verdict</th>");
    for column in COLUMNS {
        put!(body, "<th class=\"number\">{column}</th>");
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for scenario in &campaign.scenarios {
        row(body, scenario);
    }
    body.push_str("</tbody>\n</table></div>\n");
}

fn row(body: &mut String, scenario: &Scenario) {
    let counts = scenario.counts();
    let simulated: u64 = scenario.runs.iter().map(|run| run.simulated_us).sum();
    put!(
        body,
        "<tr><td class=\"name\"><b>{}</b><div class=\"about\">{}</div></td><td>{}</td>",
        Escaped(&scenario.name),
        Escaped(&scenario.about),
        badge(scenario.verdict())
    );
    let numbers = [
        scenario.runs.len() as u64,
        counts.operations,
        counts.acknowledged,
        counts.crashes,
        counts.elections,
        counts.resumed_watches,
        counts.installed_snapshots,
        scenario.speed() as u64,
        simulated / 1_000_000,
    ];
    for number in numbers {
        put!(body, "<td class=\"number\">{}</td>", grouped(number));
    }
    body.push_str("</tr>\n");
}

/// What was never reached stands first: it is what somebody can do something about.
fn coverage(body: &mut String, campaign: &Campaign) {
    if campaign.coverage.is_empty() {
        return;
    }
    body.push_str("<h2>What was reached</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    body.push_str("<th></th><th>what</th><th class=\"number\">runs</th>");
    body.push_str("<th class=\"number\">times</th></tr></thead>\n<tbody>\n");
    let mut rows: Vec<&Coverage> = campaign.coverage.iter().collect();
    rows.sort_by_key(|row| row.runs > 0);
    for row in rows {
        let never = if row.runs == 0 { badge_never() } else { String::new() };
        put!(
            body,
            "<tr><td>{}</td><td>{} {never}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>\n",
            Escaped(&row.group),
            Escaped(&row.name),
            grouped(row.runs),
            grouped(row.times)
        );
    }
    body.push_str("</tbody>\n</table></div>\n");
}

fn badge_never() -> String {
    "<span class=\"badge inconclusive\">never</span>".to_owned()
}

/// What the plans had and the runs had not.
fn spared(body: &mut String, campaign: &Campaign) {
    let all = spared_steps(campaign);
    if all.is_empty() {
        return;
    }
    body.push_str("<h2>Steps that did nothing</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    body.push_str("<th>step</th><th>why</th><th class=\"number\">runs</th>");
    body.push_str("<th class=\"number\">times</th></tr></thead>\n<tbody>\n");
    for steps in &all {
        put!(
            body,
            "<tr><td class=\"name\">{}</td><td>{}</td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td></tr>\n",
            Escaped(&steps.kind),
            Escaped(&steps.reason),
            grouped(steps.runs),
            grouped(steps.times)
        );
    }
    body.push_str("</tbody>\n</table></div>\n");
}

/// What all runs together did to what their verdicts rely on.
fn ledger(body: &mut String, campaign: &Campaign) {
    let kept: Vec<&Ledger> = campaign.runs().filter_map(|run| run.ledger.as_ref()).collect();
    if kept.is_empty() {
        return;
    }
    let sum = kept.iter().fold(Ledger::default(), |mut sum, ledger| {
        sum += *ledger;
        sum
    });
    body.push_str("<h2>What was done to the clusters</h2>\n<div class=\"scroll\"><table>\n<thead>");
    body.push_str("<tr><th>what</th><th class=\"number\">runs</th>");
    body.push_str("<th class=\"number\">times</th></tr></thead>\n<tbody>\n");
    for (kind, count) in &sum.counts {
        let runs = kept.iter().filter(|ledger| ledger.counts.contains_key(kind)).count();
        ledger_row(body, kind, runs, &grouped(*count));
    }
    for (kind, limit) in &sum.limits {
        let runs = kept.iter().filter(|ledger| ledger.limits.contains_key(kind)).count();
        ledger_row(body, kind, runs, &format!("at most {}", grouped(*limit)));
    }
    body.push_str("</tbody>\n</table></div>\n");
    let without = campaign.runs().count() - kept.len();
    if without > 0 {
        put!(body, "<p class=\"faint\">{} runs kept no accounts.</p>\n", grouped(without as u64));
    }
}

fn ledger_row(body: &mut String, kind: &str, runs: usize, value: &str) {
    put!(
        body,
        "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{value}</td></tr>\n",
        Escaped(kind),
        grouped(runs as u64)
    );
}

/// Those that have a page come first, if there are too many for all.
fn failures(body: &mut String, campaign: &Campaign) {
    let Failed { shown, left_out } = failed(campaign);
    if shown.is_empty() {
        return;
    }
    body.push_str("<h2>Runs that did not pass</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    body.push_str("<th>scenario</th><th class=\"number\">seed</th><th>verdict</th>");
    body.push_str("<th>what was found</th><th>replay</th></tr></thead>\n<tbody>\n");
    for (scenario, run) in shown {
        failure(body, scenario, run);
    }
    body.push_str("</tbody>\n</table></div>\n");
    if left_out > 0 {
        let more = grouped(left_out as u64);
        put!(body, "<p class=\"faint\">Left out: further runs that did not pass ({more}).</p>\n");
    }
}

fn failure(body: &mut String, scenario: &Scenario, run: &Run) {
    let message = run.findings.first().map_or("", |finding| finding.message.as_str());
    put!(body, "<tr><td class=\"name\">{}</td>", Escaped(&scenario.name));
    match &run.story {
        Some(_) => put!(
            body,
            "<td class=\"number\"><a href=\"{}.html\">{}</a></td>",
            Escaped(failure_name(&scenario.name, run.seed)),
            run.seed
        ),
        None => put!(body, "<td class=\"number\">{}</td>", run.seed),
    }
    put!(
        body,
        "<td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
        badge(run.verdict),
        Escaped(fit(message, SENTENCE_MAX)),
        Escaped(&run.replay)
    );
}
