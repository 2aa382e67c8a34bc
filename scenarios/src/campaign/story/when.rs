//! When it was found, and the part of the run to look at for that.

use jepsen_like::history::Micros;
use reports::When;

use crate::run::{Judged, Ran};

/// Shown around the moments that bear witness.
const MARGIN_US: Micros = 150_000;
/// Shown before what the run itself found: no operation bears witness, so what came before has to explain it.
const BEFORE_US: Micros = 1_000_000;
/// Where nothing has a time, the end is shown.
const END_US: Micros = 2_000_000;
/// A longer focus shows nothing.
const MAX_US: Micros = 3_000_000;
/// Without witnesses there is less to be seen in it, and what was waited for in vain was waited for some seconds.
const MAX_WITHOUT_US: Micros = 6_000_000;

/// From the first to the last that bears witness; else the time of the first finding that has one.
pub(super) fn found(judged: &Judged, ran: &Ran) -> Option<When> {
    let mut times = judged.times.clone();
    for operation in &ran.history.operations().list {
        if judged.witnesses.contains(&operation.op) {
            times.push(operation.call);
            times.extend(operation.end);
        }
    }
    match (times.iter().min(), times.iter().max()) {
        (Some(first), Some(last)) => Some(When { began_us: *first, noticed_us: *last }),
        _ => judged.findings.iter().find_map(|finding| finding.when),
    }
}

/// What is looked at first: the end of what is too long, as it was noticed there.
pub(super) fn focus(judged: &Judged, found: Option<When>, end: Micros) -> Option<(Micros, Micros)> {
    let Some(When { began_us, noticed_us }) = found else {
        let is_wrong = !judged.findings.is_empty();
        return is_wrong.then_some((end.saturating_sub(END_US), end));
    };
    let has_witnesses = !judged.times.is_empty() || !judged.witnesses.is_empty();
    let (before, max) =
        if has_witnesses { (MARGIN_US, MAX_US) } else { (BEFORE_US, MAX_WITHOUT_US) };
    let last = (noticed_us + MARGIN_US).min(end.max(noticed_us));
    Some((began_us.saturating_sub(before).max(last.saturating_sub(max)), last))
}

#[cfg(test)]
mod tests {
    use reports::{Finding, Verdict};

    use super::*;

    const SECOND: Micros = 1_000_000;

    fn judged(findings: Vec<Finding>, times: Vec<Micros>) -> Judged {
        Judged {
            verdict: Verdict::Violation,
            findings,
            witnesses: Vec::new(),
            times,
            checked: 0,
            reached: Default::default(),
            statistics: Vec::new(),
        }
    }

    fn finding() -> Vec<Finding> {
        vec![Finding::new("availability", "nobody serves".to_owned())]
    }

    #[test]
    fn the_focus_is_where_it_was_noticed_and_begins_before() {
        let focus = |began_us, noticed_us| {
            let found = Some(When { began_us, noticed_us });
            focus(&judged(finding(), Vec::new()), found, 60 * SECOND).expect("it was found")
        };
        assert_eq!(focus(9 * SECOND, 10 * SECOND), (8 * SECOND, 10_150_000));
        assert_eq!(focus(SECOND, 40 * SECOND), (34_150_000, 40_150_000));
        assert_eq!(focus(0, 60 * SECOND), (54 * SECOND, 60 * SECOND));
    }

    #[test]
    fn witnesses_are_looked_at_from_near_and_what_has_no_time_at_the_end() {
        let found = When { began_us: 5 * SECOND, noticed_us: 6 * SECOND };
        let times = vec![found.began_us, found.noticed_us];
        let near = focus(&judged(finding(), times), Some(found), 60 * SECOND);
        assert_eq!(near, Some((4_850_000, 6_150_000)));
        let end = |findings| focus(&judged(findings, Vec::new()), None, 60 * SECOND);
        assert_eq!(end(finding()), Some((58 * SECOND, 60 * SECOND)));
        assert_eq!(end(Vec::new()), None);
    }
}
