//! The page about one run: what broke, how to run it again, when, and who was where.

use super::budget::{
    FINDINGS_MAX, LOG_MAX, SCRIPT_MAX, SENTENCE_MAX, STORY_MAX, TABLE_MAX, TIMELINE_MAX, TITLE_MAX,
    fit,
};
use super::index::{badge, verdict_class};
use super::timeline::{self, View};
use super::{Escaped, page, put};
use crate::record::{Campaign, Finding, Run, Scenario};
use crate::story::{Plot, PlotRow, Story, Table};
use crate::text::{grouped, program, seconds, time_of};

const OVERVIEW_PIXELS_PER_SECOND: f64 = 60.0;
const WIDTH: f64 = 1_020.0;

/// The page about one run: less than a megabyte, whatever happened in it. What is left out for that is counted.
pub fn failure_page(campaign: &Campaign, scenario: &Scenario, run: &Run) -> String {
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
    verdict(&mut body, campaign, run);
    if let Some(story) = &run.story {
        plot(&mut body, &story.plot);
        timelines(&mut body, story);
        log(&mut body, story);
        if let Some(then) = &story.members_then {
            let title = format!("Members at {} s, when it was found", seconds(then.at_us));
            table(&mut body, &title, &then.table);
        }
        table(&mut body, "Members at the end", &story.members);
        table(&mut body, "What this run relied on", &story.ledger);
        statistics(&mut body, run, story);
        script(&mut body, &story.script);
    }
    page(&format!("{} seed {}", scenario.name, run.seed), &body)
}

fn verdict(body: &mut String, campaign: &Campaign, run: &Run) {
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
        "<p class=\"faint\">Replay:</p>\n<pre>{}</pre>\n",
        Escaped(fit(&run.replay, SENTENCE_MAX))
    );
    if let Some(program) = program(campaign, run) {
        put!(body, "<p class=\"faint\">{}</p>\n", Escaped(fit(&program, SENTENCE_MAX)));
    }
    body.push_str("</div>\n");
}

fn finding_text(finding: &Finding) -> String {
    let mut out = String::new();
    put!(
        &mut out,
        "<p><b>{}</b>: {}</p>\n",
        Escaped(fit(&finding.checker, SENTENCE_MAX)),
        Escaped(fit(&finding.message, 4 * SENTENCE_MAX))
    );
    if let Some(when) = finding.when {
        put!(&mut out, "<p class=\"faint\">{}</p>\n", time_of(when));
    }
    if !finding.details.is_empty() {
        let details = finding.details.join("\n");
        put!(&mut out, "<pre>{}</pre>\n", Escaped(fit(&details, 4 * SENTENCE_MAX)));
    }
    out
}

/// The rows that bear witness are told first of all, if there is no room for all.
fn plot(body: &mut String, plot: &Plot) {
    if plot.rows.is_empty() {
        return;
    }
    body.push_str("<h2>How it came about</h2>\n<div class=\"scroll plot\"><table>\n<thead><tr>");
    body.push_str("<th class=\"number\">s</th>");
    for actor in &plot.actors {
        put!(body, "<th>{}</th>", Escaped(fit(actor, TITLE_MAX)));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    let rows: Vec<String> = plot.rows.iter().map(plot_row).collect();
    let is_witness = |at: usize| plot.rows[at].is_witness;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| !is_witness(*at));
    let mut room = STORY_MAX;
    let mut told = vec![false; rows.len()];
    for at in order {
        if let Some(left) = room.checked_sub(rows[at].len()) {
            (room, told[at]) = (left, true);
        }
    }
    rows.iter().zip(&told).filter(|(_, told)| **told).for_each(|(row, _)| body.push_str(row));
    body.push_str("</tbody>\n</table></div>\n");
    body.push_str("<p class=\"faint\">Rows that are tinted bear witness to the finding.</p>\n");
    let dropped = told.iter().filter(|told| !**told).count();
    let more = usize::try_from(plot.left_out).unwrap_or(usize::MAX).saturating_add(dropped);
    left_out(body, more, "other events near it");
}

fn plot_row(row: &PlotRow) -> String {
    let mut out = String::new();
    let class = if row.is_witness { " class=\"seen\"" } else { "" };
    put!(&mut out, "<tr{class}><td class=\"number\">{}</td>", seconds(row.at_us));
    for cell in &row.cells {
        put!(&mut out, "<td>{}</td>", Escaped(fit(cell, TITLE_MAX)));
    }
    out.push_str("</tr>\n");
    out
}

fn timelines(body: &mut String, story: &Story) {
    let end = story.timeline.end_us.max(1);
    // What the part needs not is for the whole.
    let mut room = 2 * TIMELINE_MAX;
    if let Some((from, to)) = story.focus {
        put!(body, "<h2>Around the finding: {} s to {} s</h2>\n", seconds(from), seconds(to));
        let view = View { window: from..to.max(from + 1), width: WIDTH, tint: None };
        room -= timeline(body, story, &view, TIMELINE_MAX);
    }
    body.push_str("<h2>The whole run</h2>\n");
    let width = (end as f64 / 1e6 * OVERVIEW_PIXELS_PER_SECOND).clamp(WIDTH, 12_000.0);
    let view = View { window: 0..end, width, tint: story.focus };
    timeline(body, story, &view, room);
    for what in &story.left_out {
        put!(body, "<p class=\"faint\">Left out: {}.</p>\n", Escaped(fit(what, SENTENCE_MAX)));
    }
    body.push_str(&timeline::legend());
    body.push_str(
        "<p class=\"faint\">Every shape says what it is when the pointer rests on it.</p>\n",
    );
}

/// Draws a part of the timeline, and says how much of the room it took.
fn timeline(body: &mut String, story: &Story, view: &View, room: usize) -> usize {
    let drawing = timeline::draw(&story.timeline, view, room);
    put!(body, "<div class=\"scroll\">\n{}</div>\n", drawing.svg);
    left_out(body, drawing.covered, "shapes that lie where another of their colour is");
    left_out(body, drawing.dropped, "shapes for which this page has no room");
    drawing.svg.len().min(room)
}

/// Says what is not there, and how much of it.
fn left_out(body: &mut String, count: usize, what: &str) {
    if count > 0 {
        let count = grouped(count as u64);
        put!(body, "<p class=\"faint\">Left out: {what} ({count}).</p>\n");
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
