//! The page about one run: what broke, how to run it again, when, and who was where.

use super::index::{badge, verdict_class};
use super::timeline::{self, View};
use super::{Escaped, page, put};
use crate::record::{Run, Scenario};
use crate::story::{Story, Table};
use crate::text::seconds;

const OVERVIEW_PIXELS_PER_SECOND: f64 = 60.0;
const WIDTH: f64 = 1_020.0;

/// The page about one run.
pub fn failure_page(scenario: &Scenario, run: &Run) -> String {
    let mut body = String::new();
    put!(
        &mut body,
        "<p><a href=\"index.html\">all runs</a></p>\n<h1>{} &middot; seed {} {}</h1>\n\
         <p class=\"faint\">{}</p>\n",
        Escaped(&scenario.name),
        run.seed,
        badge(run.verdict),
        Escaped(&scenario.about)
    );
    verdict(&mut body, run);
    if let Some(story) = &run.story {
        timelines(&mut body, story);
        log(&mut body, story);
        table(&mut body, "Members at the end", &story.members);
        table(&mut body, "What this run relied on", &story.ledger);
        statistics(&mut body, run, story);
        if !story.script.is_empty() {
            put!(
                &mut body,
                "<h2>The run as a script</h2>\n<pre>{}</pre>\n",
                Escaped(&story.script)
            );
        }
    }
    page(&format!("{} seed {}", scenario.name, run.seed), &body)
}

fn verdict(body: &mut String, run: &Run) {
    put!(body, "<div class=\"verdict {}\">\n", verdict_class(run.verdict));
    for finding in &run.findings {
        put!(body, "<p><b>{}</b>: {}</p>\n", Escaped(&finding.checker), Escaped(&finding.message));
        if !finding.details.is_empty() {
            put!(body, "<pre>{}</pre>\n", Escaped(finding.details.join("\n")));
        }
    }
    put!(body, "<p class=\"faint\">Replay:</p>\n<pre>{}</pre>\n</div>\n", Escaped(&run.replay));
}

fn timelines(body: &mut String, story: &Story) {
    let end = story.timeline.end_us.max(1);
    if let Some((from, to)) = story.focus {
        put!(body, "<h2>Around the finding: {} s to {} s</h2>\n", seconds(from), seconds(to));
        let view = View { window: from..to.max(from + 1), width: WIDTH, tint: None };
        scroll(body, &timeline::svg(&story.timeline, &view));
    }
    body.push_str("<h2>The whole run</h2>\n");
    let width = (end as f64 / 1e6 * OVERVIEW_PIXELS_PER_SECOND).clamp(WIDTH, 12_000.0);
    let view = View { window: 0..end, width, tint: story.focus };
    scroll(body, &timeline::svg(&story.timeline, &view));
    body.push_str(&timeline::legend());
    body.push_str(
        "<p class=\"faint\">Every shape says what it is when the pointer rests on it.</p>\n",
    );
}

fn scroll(body: &mut String, svg: &str) {
    put!(body, "<div class=\"scroll\">\n{svg}</div>\n");
}

fn log(body: &mut String, story: &Story) {
    if !story.log.is_empty() {
        let log = story.log.join("\n");
        put!(body, "<h2>Events around the finding</h2>\n<pre>{}</pre>\n", Escaped(log));
    }
}

fn table(body: &mut String, title: &str, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    put!(body, "<h2>{title}</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    for column in &table.columns {
        put!(body, "<th>{}</th>", Escaped(column));
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        body.push_str("<tr>");
        for cell in row {
            put!(body, "<td><code>{}</code></td>", Escaped(cell));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</tbody>\n</table></div>\n");
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
