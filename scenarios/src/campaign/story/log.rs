//! All that happened around the finding.

use super::micros;
use super::words::{clip, line};
use crate::run::Ran;

/// The plot tells what matters; this is for those who want to see more.
const LOG_LINES_MAX: usize = 120;

/// What happened in the focus, one line per event.
pub(super) fn around(ran: &Ran, focus: Option<(u64, u64)>) -> Vec<String> {
    let Some((from, to)) = focus else { return Vec::new() };
    let mut lines: Vec<(u64, String)> = Vec::new();
    for fault in &ran.faults {
        let at = micros(fault.from);
        if (from..=to).contains(&at) {
            let member = fault.member.map_or(String::new(), |member| format!(" member {member}"));
            lines.push((at, format!("fault{member}: {}", fault.text)));
        }
    }
    let inside = ran.history.events.iter().filter(|event| (from..=to).contains(&event.time()));
    lines.extend(inside.filter_map(|event| line(event).map(|line| (event.time(), line))));
    lines.sort_by_key(|(at, _)| *at);
    let more = lines.len().saturating_sub(LOG_LINES_MAX);
    // The end of the focus is nearest to what was found.
    let mut text: Vec<String> = lines
        .into_iter()
        .skip(more)
        .map(|(at, line)| format!("{} {}", reports::seconds(at), clip(&line)))
        .collect();
    if more > 0 {
        text.insert(0, format!("({more} earlier events are left out)"));
    }
    text
}
