//! One seed of one scenario, from plan to record.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufWriter;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jepsen_like::history::{History, Writer};
use reports::{Counts, Finding, Run, Story, Verdict, failure_name};

use super::Subject;
use super::ledger::ledger;
use super::story;
use crate::panics::{Judged, MEMBER_PANIC, Slot, is_of_member};
use crate::plan::Plan;
use crate::run::{self, Ran};

/// What is kept of a run.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// What is logged while it runs, in the syntax of `RUST_LOG`.
    pub log: Option<String>,
    /// Whether a run that passes keeps its story too.
    pub keeps_passes: bool,
    /// Where the histories of runs that did not pass are written.
    pub histories: Option<PathBuf>,
}

/// How this program is called: a run repeats in a program that was built alike. Libraries that check
/// themselves when they are built for debugging read more from disks, and that takes time.
pub fn invocation() -> &'static str {
    if cfg!(debug_assertions) { "cargo sim" } else { "cargo sim --release" }
}

/// The profile that the invocation has.
pub(super) fn profile() -> &'static str {
    if cfg!(debug_assertions) { "dev" } else { "release" }
}

/// Runs and judges one seed. A panic is passed on to nobody: in a member's own code it is a violation, elsewhere an
/// error of the harness.
pub fn run_one(subject: &Subject, seed: u64, details: &Details) -> Run {
    let plan = subject.plan(seed);
    let mut run = guarded(&plan, seed, |slot| {
        let log = details.log.clone();
        let options = run::Options {
            is_recorded: false,
            log,
            panics: Some(slot.clone()),
            ..Default::default()
        };
        let ran = run::simulate(&plan, seed, &options);
        let judged = run::judge(&plan, &ran);
        record(&plan, seed, ran, judged, details)
    });
    run.replay = format!("{} -- run {} --seed {seed}", invocation(), subject.name());
    run
}

/// What comes of a run and of its checkers; if one of them panics, that and nothing else.
fn guarded(plan: &Plan, seed: u64, work: impl FnOnce(&Slot) -> Run) -> Run {
    let start = Instant::now();
    let slot = Slot::default();
    slot.enter();
    let attempt = panic::catch_unwind(AssertUnwindSafe(|| work(&slot)));
    Slot::leave();
    let wall_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let run = attempt.unwrap_or_else(|_| panicked(plan, seed, &slot));
    Run { wall_us, ..run }
}

fn record(plan: &Plan, seed: u64, ran: Ran, judged: run::Judged, details: &Details) -> Run {
    let passed = judged.verdict == Verdict::Pass;
    let ledger = ledger(plan, &ran);
    let story =
        (!passed || details.keeps_passes).then(|| story::tell(plan, &ran, &judged, &ledger));
    let mut findings = judged.findings;
    if let (false, Some(folder)) = (passed, &details.histories)
        && let Err(error) = write_history(folder, &plan.name, seed, &ran.history)
    {
        let message = format!("the history could not be written: {error}");
        findings.push(Finding::new("report", message));
    }
    Run {
        seed,
        verdict: judged.verdict,
        counts: Counts { operations: judged.checked, ..ran.counts },
        simulated_us: u64::try_from(ran.simulated.as_micros()).unwrap_or(u64::MAX),
        wall_us: 0,
        digest: ran.digest.to_string(),
        replay: String::new(),
        findings,
        struck: ran.struck,
        reached: judged.reached,
        spared: ran.spared,
        repeats: None,
        ledger: Some(ledger),
        story,
    }
}

fn write_history(folder: &Path, name: &str, seed: u64, history: &History) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.jsonl", failure_name(name, seed)));
    let mut writer = Writer::new(BufWriter::new(fs::File::create(path)?));
    writer.write_all(history)?;
    writer.finish().map(drop)
}

/// What is left of a run that a panic has ended: nothing but that. Members that panic end a run in good order, but what
/// they leave may panic once more at its end.
fn panicked(plan: &Plan, seed: u64, slot: &Slot) -> Run {
    let Judged { is_finding, message } = slot.judged().unwrap_or_else(|| {
        let message = slot.first().unwrap_or_else(|| "a panic that nobody saw".to_owned());
        Judged { is_finding: is_of_member(&message), message }
    });
    let (verdict, checker) = if is_finding {
        (Verdict::Violation, MEMBER_PANIC)
    } else {
        (Verdict::HarnessError, "panic")
    };
    Run {
        seed,
        verdict,
        counts: Counts::default(),
        simulated_us: 0,
        wall_us: 0,
        digest: String::new(),
        replay: String::new(),
        findings: vec![Finding::new(checker, message)],
        struck: BTreeMap::new(),
        reached: BTreeMap::new(),
        spared: BTreeMap::new(),
        repeats: None,
        ledger: None,
        story: Some(Story {
            script: plan.to_string(),
            profile: Some(profile().to_owned()),
            ..Story::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm;

    #[test]
    fn h6_a_checker_that_breaks_is_neither_a_pass_nor_a_finding() {
        let run = guarded(&swarm::plan(7), 7, |_| panic!("the checker has a bug"));
        assert_eq!(run.verdict, Verdict::HarnessError);
        assert_eq!(run.verdict.exit_code(), 3);
        assert_eq!(run.findings.len(), 1);
        assert!(run.findings[0].message.starts_with("the checker has a bug ("));
        assert!(run.findings[0].message.contains("one.rs:"), "it names the place");
    }

    #[test]
    fn what_a_run_thought_of_a_panic_counts_and_else_its_place() {
        let fails = |judged: Option<Judged>| {
            let slot = Slot::default();
            judged.into_iter().for_each(|judged| slot.judge(judged));
            let text = "(store/node/src/wal/mod.rs:7:9)".to_owned();
            panicked(&swarm::plan(7), 7, &slot.with_first(format!("no such entry {text}")))
        };
        let run = fails(None);
        assert_eq!(
            (run.verdict, run.findings[0].checker.as_str()),
            (Verdict::Violation, MEMBER_PANIC)
        );
        let judged = |is_finding| Some(Judged { is_finding, message: "so it was".to_owned() });
        assert_eq!(fails(judged(true)).findings[0].message, "so it was");
        assert_eq!(fails(judged(false)).verdict, Verdict::HarnessError);
    }
}
