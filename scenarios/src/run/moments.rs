//! When each step of a plan is done, and what decides about its victims.
//!
//! Both are drawn by what the step says, and by how often a plan has said the same before, never by its place among
//! the others: a schedule that is edited keeps every other decision, so that a failure can be made smaller by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use sim::Streams;
use sim::random::{Key, Stream};

use crate::dice::Dice;
use crate::plan::Step;

/// A step with what the seed decided about it.
#[derive(Debug)]
pub(super) struct Moment<'a> {
    /// When it is done.
    pub(super) at: Duration,
    /// What is done.
    pub(super) step: &'a Step,
    /// Everything else that is left to chance.
    pub(super) dice: Dice,
}

/// The steps in the order of time; those of the same moment as they are written.
pub(super) fn moments<'a>(streams: &Streams, steps: &'a [Step]) -> Vec<Moment<'a>> {
    let mut said: BTreeMap<String, u64> = BTreeMap::new();
    let mut moments: Vec<Moment<'_>> = steps
        .iter()
        .map(|step| {
            let text = step.to_string();
            let times = said.entry(text.clone()).or_default();
            *times += 1;
            let key = Key::of("moment of a step").text(&text).number(*times);
            let range = *step.at.start()..*step.at.end();
            let at = streams.draw(Stream::Fault, key).duration(&range);
            let source = streams.source(Stream::Fault, &format!("step {times} {text}"));
            Moment { at, step, dice: Dice::new(source) }
        })
        .collect();
    moments.sort_by_key(|moment| moment.at);
    moments
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::script::parse;

    /// What was decided about each step: when it is done, and by which draw whatever else.
    fn decisions(seed: u64, lines: &[&str]) -> BTreeSet<(String, Duration, u64)> {
        let text = format!("# A test.\nduration 1m\n{}\n", lines.join("\n"));
        let plan = parse("test", &text).unwrap_or_else(|error| panic!("{error}"));
        let decided = moments(&Streams::new(seed), &plan.steps).into_iter();
        let decided = decided.map(|mut it| (it.step.to_string(), it.at, it.dice.below(1 << 40)));
        decided.collect()
    }

    #[test]
    fn lines_that_come_and_go_change_nothing_about_the_others() {
        let lines = [
            "at 1s..3s kill any",
            "at 2s..4s kill any",
            "at 4s restart all",
            "at 5s..9s pause any for 1s",
            "at 5s..9s pause any for 1s",
            "at 9s partition minority any",
        ];
        for seed in 0..20 {
            let all = decisions(seed, &lines);
            assert_eq!(all.len(), lines.len());
            for at in 0..lines.len() {
                let mut fewer = lines.to_vec();
                fewer.remove(at);
                let fewer = decisions(seed, &fewer);
                assert!(fewer.is_subset(&all) && fewer.len() + 1 == all.len(), "{fewer:?}");
                let mut more = lines.to_vec();
                let time = lines[at].split([' ', '.']).nth(1).expect("a step has a time");
                let new = format!("at {time} heal");
                more.insert(at, &new);
                let more = decisions(seed, &more);
                assert!(all.is_subset(&more) && all.len() + 1 == more.len(), "{more:?}");
            }
        }
    }

    #[test]
    fn equal_lines_and_other_seeds_decide_for_themselves() {
        let lines = ["at 1s..9s kill any", "at 1s..9s kill any"];
        assert_eq!(decisions(7, &lines).len(), 2);
        assert!(decisions(7, &lines).is_disjoint(&decisions(8, &lines)));
    }
}
