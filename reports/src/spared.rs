//! Steps that did nothing, over all runs of a campaign.

use std::collections::BTreeMap;

use crate::record::Campaign;

/// Steps of one kind that did nothing for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparedSteps {
    /// The kind of step.
    pub kind: String,
    /// Why they did nothing; who it was differs, and is left out.
    pub reason: String,
    /// In how many runs.
    pub runs: u64,
    /// How often in all of them.
    pub times: u64,
}

/// All of them, by kind; of one kind what happened most often comes first.
pub fn spared_steps(campaign: &Campaign) -> Vec<SparedSteps> {
    let mut sums: BTreeMap<(&str, String), (u64, u64)> = BTreeMap::new();
    for run in campaign.runs() {
        let mut here: BTreeMap<(&str, String), u64> = BTreeMap::new();
        for (kind, reasons) in &run.spared {
            for (reason, times) in reasons {
                *here.entry((kind, general(reason))).or_default() += times;
            }
        }
        for (key, times) in here {
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + 1, sum.1 + times);
        }
    }
    let steps = |((kind, reason), (runs, times)): ((&str, String), (u64, u64))| SparedSteps {
        kind: kind.to_owned(),
        reason,
        runs,
        times,
    };
    let mut all: Vec<SparedSteps> = sums.into_iter().map(steps).collect();
    all.sort_by(|one, other| one.kind.cmp(&other.kind).then(other.times.cmp(&one.times)));
    all
}

/// A reason without its numbers.
fn general(reason: &str) -> String {
    let mut out = String::with_capacity(reason.len());
    for letter in reason.chars() {
        match letter {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn reasons_that_differ_in_who_it_was_are_one() {
        assert_eq!(general("member 12 was down already"), "member N was down already");
        assert_eq!(general("it changed nothing"), "it changed nothing");
    }
}
