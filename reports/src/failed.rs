//! The runs of a campaign that did not pass, as many of them as anybody reads.

use crate::record::{Campaign, Run, Scenario, Verdict};

/// Nobody reads more of them.
const SHOWN_MAX: usize = 300;

/// Some runs that did not pass, each with its scenario, and how many are left out.
pub(crate) struct Failed<'a> {
    pub(crate) shown: Vec<(&'a Scenario, &'a Run)>,
    pub(crate) left_out: usize,
}

/// Those that are told of; if there are too many, those first that have a page of their own.
pub(crate) fn failed(campaign: &Campaign) -> Failed<'_> {
    let of_each = campaign.scenarios.iter().flat_map(|scenario| {
        let failed = scenario.runs.iter().filter(|run| run.verdict != Verdict::Pass);
        failed.map(move |run| (scenario, run))
    });
    let mut shown: Vec<(&Scenario, &Run)> = of_each.collect();
    let all = shown.len();
    if all > SHOWN_MAX {
        shown.sort_by_key(|(_, run)| run.story.is_none());
        shown.truncate(SHOWN_MAX);
    }
    let left_out = all - shown.len();
    Failed { shown, left_out }
}
