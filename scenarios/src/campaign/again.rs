//! Whether a run is decided by its seed: some of a campaign are run a second time, and must give the same events.

use std::panic::{self, AssertUnwindSafe};

use reports::{Campaign, Finding, Floor, Run, Verdict};

use super::{Subject, invocation};
use crate::panics::Slot;
use crate::run::{Options, simulate};

/// Of so many runs one is run twice.
pub(super) const EVERY: usize = 20;

/// Runs a seed once more, and notes whether it gave the same events; that it gave others is a finding. A run that a
/// panic ended has no hash, and is not run again.
pub(super) fn confirm(subject: &Subject, run: &mut Run) {
    if run.digest.is_empty() {
        return;
    }
    let again = digest(subject, run.seed);
    let is_same = again == run.digest;
    if !is_same {
        run.findings.push(differs(subject, run, &again));
        run.verdict = run.verdict.max(Verdict::HarnessError);
    }
    run.repeats = Some(is_same);
}

/// What is told of runs that were run twice, if there were any.
pub(super) fn floor(campaign: &Campaign) -> Option<Floor> {
    let answers: Vec<bool> = campaign.runs().filter_map(|run| run.repeats).collect();
    let name = "run twice, the same".to_owned();
    let reached = answers.iter().filter(|is_same| **is_same).count() as u64;
    Some(Floor { name, reached, needed: answers.len() as u64 }).filter(|floor| floor.needed > 0)
}

/// The hash of a run's events, or what its panic said.
fn digest(subject: &Subject, seed: u64) -> String {
    let slot = Slot::default();
    slot.enter();
    let options = Options { panics: Some(slot.clone()), ..Options::default() };
    let plan = subject.plan(seed);
    let attempt = panic::catch_unwind(AssertUnwindSafe(|| simulate(&plan, seed, &options).digest));
    Slot::leave();
    match attempt {
        Ok(digest) => digest.to_string(),
        Err(_) => format!("a panic: {}", slot.first().unwrap_or_default()),
    }
}

fn differs(subject: &Subject, run: &Run, again: &str) -> Finding {
    let (seed, name, first) = (run.seed, subject.name(), &run.digest);
    // Of the last seed of all there is no range.
    let end = seed.saturating_add(1);
    Finding::new(
        "determinism",
        format!(
            "{name} seed {seed} gave the events {first}, and run again {again}: the seed does not decide the run; \
             `{} -- determinism --seeds {seed}..{end} {name}` shows the first event that differs",
            invocation()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Details, run_one};

    #[test]
    fn a_run_that_goes_another_way_is_an_error_of_the_harness_and_named() {
        let subject = crate::campaign::find("single-member").unwrap();
        let mut run = run_one(&subject, 3, &Details::default());
        confirm(&subject, &mut run);
        assert_eq!(run.repeats, Some(true));
        assert_eq!((run.verdict, run.findings.len()), (Verdict::Pass, 0));
        run.digest = "5 events 0123".to_owned();
        confirm(&subject, &mut run);
        assert_eq!(run.repeats, Some(false));
        assert_eq!(run.verdict, Verdict::HarnessError);
        let message = &run.findings[0].message;
        assert!(message.contains("determinism --seeds 3..4 single-member`"), "{message}");
        (run.digest, run.repeats) = (String::new(), None);
        confirm(&subject, &mut run);
        assert_eq!(run.repeats, None);
    }
}
