//! The page about one run: what broke, how to run it again, when, and who was where.

use super::budget::{
    FINDINGS_MAX, LOG_MAX, SCRIPT_MAX, SENTENCE_MAX, TABLE_MAX, TIMELINE_MAX, fit,
};
use super::index::{badge, verdict_class};
use super::timeline::{self, View};
use super::{Escaped, page, put};
use crate::record::{Finding, Run, Scenario};
use crate::story::{Story, Table};
use crate::text::{grouped, seconds};

const OVERVIEW_PIXELS_PER_SECOND: f64 = 60.0;
const WIDTH: f64 = 1_020.0;

/// The page about one run: less than a megabyte, whatever happened in it. What is left out for that is counted.
pub fn failure_page(scenario: &Scenario, run: &Run) -> String {
    let mut body = String::new();
    put!(
        &mut body,
        "<p><a href=\"index.html\">all runs</a></p>\n<h1>{} &middot; seed {} {}</h1>\n\
         <p class=\"faint\">{}</p>\n",
        Escaped(&scenario.name),
        run.seed,
        badge(run.verdict),
        Escaped(fit(&scenario.about, SENTENCE_MAX))
    );
    verdict(&mut body, run);
    if let Some(story) = &run.story {
        timelines(&mut body, story);
        log(&mut body, story);
        table(&mut body, "Members at the end", &story.members);
        table(&mut body, "What this run relied on", &story.ledger);
        statistics(&mut body, run, story);
        script(&mut body, &story.script);
    }
    page(&format!("{} seed {}", scenario.name, run.seed), &body)
}

fn verdict(body: &mut String, run: &Run) {
    put!(body, "<div class=\"verdict {}\">\n", verdict_class(run.verdict));
    let end = body.len() + FINDINGS_MAX;
    let mut told = 0;
    for finding in &run.findings {
        let text = finding_text(finding);
        if body.len() + text.len() > end {
            break;
        }
        body.push_str(&text);
        told += 1;
    }
    left_out(body, run.findings.len() - told, "further findings");
    put!(
        body,
        "<p class=\"faint\">Replay:</p>\n<pre>{}</pre>\n</div>\n",
        Escaped(fit(&run.replay, SENTENCE_MAX))
    );
}

fn finding_text(finding: &Finding) -> String {
    let mut out = String::new();
    put!(
        &mut out,
        "<p><b>{}</b>: {}</p>\n",
        Escaped(fit(&finding.checker, SENTENCE_MAX)),
        Escaped(fit(&finding.message, 4 * SENTENCE_MAX))
    );
    if !finding.details.is_empty() {
        let details = finding.details.join("\n");
        put!(&mut out, "<pre>{}</pre>\n", Escaped(fit(&details, 4 * SENTENCE_MAX)));
    }
    out
}

fn timelines(body: &mut String, story: &Story) {
    let end = story.timeline.end_us.max(1);
    if let Some((from, to)) = story.focus {
        put!(body, "<h2>Around the finding: {} s to {} s</h2>\n", seconds(from), seconds(to));
        let view = View { window: from..to.max(from + 1), width: WIDTH, tint: None };
        timeline(body, story, &view);
    }
    body.push_str("<h2>The whole run</h2>\n");
    let width = (end as f64 / 1e6 * OVERVIEW_PIXELS_PER_SECOND).clamp(WIDTH, 12_000.0);
    let view = View { window: 0..end, width, tint: story.focus };
    timeline(body, story, &view);
    body.push_str(&timeline::legend());
    body.push_str(
        "<p class=\"faint\">Every shape says what it is when the pointer rests on it.</p>\n",
    );
}

fn timeline(body: &mut String, story: &Story, view: &View) {
    let drawing = timeline::draw(&story.timeline, view, TIMELINE_MAX);
    put!(body, "<div class=\"scroll\">\n{}</div>\n", drawing.svg);
    left_out(body, drawing.covered, "shapes that lie where another of their colour is");
    left_out(body, drawing.dropped, "shapes for which this page has no room");
}

/// Says what is not there, and how much of it.
fn left_out(body: &mut String, count: usize, what: &str) {
    if count > 0 {
        let count = grouped(count as u64);
        put!(body, "<p class=\"faint\">Left out: {count} {what}.</p>\n");
    }
}

/// The end is nearest to what was found, so it is the beginning that has to go.
fn log(body: &mut String, story: &Story) {
    if story.log.is_empty() {
        return;
    }
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for line in story.log.iter().rev() {
        let line = Escaped(fit(line, SENTENCE_MAX)).to_string();
        used += line.len() + 1;
        if used > LOG_MAX {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    put!(body, "<h2>Events around the finding</h2>\n<pre>{}</pre>\n", lines.join("\n"));
    left_out(body, story.log.len() - lines.len(), "lines before them");
}

fn script(body: &mut String, script: &str) {
    if script.is_empty() {
        return;
    }
    let shown = fit(script, SCRIPT_MAX);
    put!(body, "<h2>The run as a script</h2>\n<pre>{}</pre>\n", Escaped(&shown));
    // An ellipsis stands for what is cut.
    let cut = script.len().saturating_sub(shown.len());
    left_out(body, cut, "bytes of the script; the command above and <code>show</code> have it all");
}

fn table(body: &mut String, title: &str, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    put!(body, "<h2>{title}</h2>\n<div class=\"scroll\"><table>\n<thead>");
    body.push_str(&row("th", &table.columns));
    body.push_str("</thead>\n<tbody>\n");
    let end = body.len() + TABLE_MAX;
    let mut told = 0;
    for cells in &table.rows {
        let text = row("td", cells);
        if body.len() + text.len() > end {
            break;
        }
        body.push_str(&text);
        told += 1;
    }
    body.push_str("</tbody>\n</table></div>\n");
    left_out(body, table.rows.len() - told, "rows");
}

fn row(element: &str, cells: &[String]) -> String {
    let mut out = String::from("<tr>");
    for cell in cells {
        let cell = Escaped(fit(cell, SENTENCE_MAX));
        match element {
            "td" => put!(&mut out, "<td><code>{cell}</code></td>"),
            _ => put!(&mut out, "<{element}>{cell}</{element}>"),
        }
    }
    out.push_str("</tr>\n");
    out
}

fn statistics(body: &mut String, run: &Run, story: &Story) {
    let mut rows: Vec<Vec<String>> = vec![
        vec!["simulated seconds".into(), seconds(run.simulated_us)],
        vec!["real seconds".into(), seconds(run.wall_us)],
        vec!["event hash".into(), run.digest.clone()],
    ];
    rows.extend(story.statistics.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
    let columns = vec!["statistic".into(), "value".into()];
    table(body, "Statistics", &Table { columns, rows });
}
