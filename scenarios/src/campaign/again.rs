//! Whether a run is decided by its seed: some of a campaign are run a second time, and must give the same events.

use std::panic::{self, AssertUnwindSafe};

use reports::{Finding, Run, Verdict};

use super::{Subject, invocation};
use crate::panics::Slot;
use crate::run::{Options, simulate};

/// Of so many runs one is run twice.
pub(super) const EVERY: usize = 20;

/// Runs a seed once more. That it gave other events is a finding, and the answer is whether it gave the same; there is
/// none to a run that a panic ended, which has no hash.
pub(super) fn confirm(subject: &Subject, run: &mut Run) -> Option<bool> {
    if run.digest.is_empty() {
        return None;
    }
    let again = digest(subject, run.seed);
    let is_same = again == run.digest;
    if !is_same {
        run.findings.push(differs(subject, run, &again));
        run.verdict = run.verdict.max(Verdict::HarnessError);
    }
    Some(is_same)
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
        assert_eq!(confirm(&subject, &mut run), Some(true));
        assert_eq!((run.verdict, run.findings.len()), (Verdict::Pass, 0));
        run.digest = "5 events 0123".to_owned();
        assert_eq!(confirm(&subject, &mut run), Some(false));
        assert_eq!(run.verdict, Verdict::HarnessError);
        let message = &run.findings[0].message;
        assert!(message.contains("determinism --seeds 3..4 single-member`"), "{message}");
        run.digest = String::new();
        assert_eq!(confirm(&subject, &mut run), None);
    }
}
