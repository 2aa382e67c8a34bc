//! The verdict on a run: what the run found itself, what the checkers say, and whether enough happened.

use std::collections::BTreeSet;
use std::time::Duration;

use jepsen_like::checker::{self, Clocks, Report, Violation};
use jepsen_like::history::{Event, History, Micros, OpId};
use reports::{Finding, Verdict, When};

use super::Ran;
use super::probes::{Reached, UNKNOWN_DID_NOT, UNKNOWN_TOOK_EFFECT};
use crate::plan::{Action, Plan};
use crate::swarm;

/// Lines of evidence that a finding quotes.
const DETAILS_MAX: usize = 12;

/// What is thought of a run.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The word.
    pub verdict: Verdict,
    /// The reasons.
    pub findings: Vec<Finding>,
    /// Operations that bear witness.
    pub witnesses: Vec<OpId>,
    /// Moments that bear witness.
    pub times: Vec<Micros>,
    /// Operations and watch events that were checked.
    pub checked: u64,
    /// Kinds of faults that hit somebody, and rare states that were reached, with how often.
    pub reached: Reached,
    /// Names and values for a report.
    pub statistics: Vec<(String, String)>,
}

/// Judges a run of a plan.
///
/// # Panics
///
/// If the run was ended by a violation that is none.
pub fn judge(plan: &Plan, ran: &Ran) -> Judged {
    let report = checker::check(&ran.history, &options(plan));
    let mut findings = ran.findings.clone();
    if ran.is_cut_off {
        let found = checker::check_beginning(&ran.history, &options(plan));
        findings.extend(found.iter().map(|it| finding(it, &ran.history)));
    } else {
        findings.extend(report.violations().map(|it| finding(it, &ran.history)));
    }
    // The same code has judged twice: if it does not agree with itself, the harness is wrong, and nobody else.
    // Each checker tells the first that it found, and of two in one moment that may be the other.
    let is_shown =
        |stopped: &Violation| report.violations().any(|found| found.checker == stopped.checker);
    assert!(
        ran.stopped.as_ref().is_none_or(is_shown),
        "the run was ended by {:?}, which its history does not show",
        ran.stopped
    );
    let mut verdict = if findings.is_empty() { Verdict::Pass } else { Verdict::Violation };
    if verdict == Verdict::Pass {
        findings = doubts(plan, ran, &report);
        verdict = if findings.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    }
    Judged {
        verdict,
        findings,
        witnesses: report.violations().flat_map(|found| found.operations.clone()).collect(),
        times: report.violations().flat_map(|found| found.times.clone()).collect(),
        checked: report.statistics.operations as u64 + ran.counts.watch_events,
        reached: reached(ran, &report),
        statistics: statistics(ran, &report),
    }
}

/// What checkers have to know of a plan.
pub fn options(plan: &Plan) -> checker::Options {
    let clocks = Clocks {
        fast_ppm: plan.fastest_drift_ppm(),
        extension: micros(plan.cluster.election_timeout * 2),
    };
    checker::Options { clocks, ..checker::Options::default() }
}

fn reached(ran: &Ran, report: &Report) -> Reached {
    let mut reached = ran.reached.clone();
    let counted = &report.statistics;
    let not_applied = counted.unknown.saturating_sub(counted.unknown_applied);
    for (probe, times) in
        [(UNKNOWN_TOOK_EFFECT, counted.unknown_applied), (UNKNOWN_DID_NOT, not_applied)]
    {
        if times > 0 {
            reached.insert(probe.to_owned(), times as u64);
        }
    }
    reached
}

pub(super) fn micros(time: Duration) -> Micros {
    Micros::try_from(time.as_micros()).unwrap_or(Micros::MAX)
}

fn finding(violation: &Violation, history: &History) -> Finding {
    let times = violation.times.iter().map(|time| format!("at {} s", reports::seconds(*time)));
    let operations = violation.operations.iter().map(|op| format!("operation {op}"));
    Finding {
        checker: format!("{} {}", violation.checker, violation.guarantee),
        message: violation.message.clone(),
        details: operations.chain(times).take(DETAILS_MAX).collect(),
        when: when(violation, history),
    }
}

/// From the first to the last of what bears witness.
fn when(violation: &Violation, history: &History) -> Option<When> {
    let mut times = violation.times.clone();
    let all = history.operations();
    for operation in all.list.iter().filter(|it| violation.operations.contains(&it.op)) {
        times.push(operation.call);
        times.extend(operation.end);
    }
    let (began_us, noticed_us) = (*times.iter().min()?, *times.iter().max()?);
    Some(When { began_us, noticed_us })
}

/// Why a run without violations may still say nothing.
fn doubts(plan: &Plan, ran: &Ran, report: &Report) -> Vec<Finding> {
    let mut doubts: Vec<Finding> = report
        .verdicts
        .iter()
        .filter_map(|(name, verdict)| match verdict {
            checker::Verdict::Inconclusive { reason } => Some(Finding::new(name, reason.clone())),
            checker::Verdict::Pass | checker::Verdict::Violation(_) => None,
        })
        .collect();
    doubts.extend(idle(plan, ran).map(|message| Finding::new("run validity", message)));
    for floor in &plan.floors {
        let reached = floor.counter.of(&ran.counts);
        if reached < floor.at_least {
            let message = format!(
                "too little happened: {reached} {}, at least {} are needed",
                floor.counter.title(),
                floor.at_least
            );
            doubts.push(Finding::new("run validity", message));
        }
    }
    doubts
}

/// The kinds of faults of a plan that hit nobody, where that was not to be expected.
fn idle<'a>(plan: &'a Plan, ran: &'a Ran) -> impl Iterator<Item = String> + 'a {
    let hurting = plan.steps.iter().map(|step| &step.action).filter(|action| action.hurts());
    let kinds: BTreeSet<String> = hurting.map(Action::kind).collect();
    // What the seed draws may hit nobody for a reason; what somebody wrote down is there for a reason.
    let may_be_spared = plan.name == swarm::NAME;
    kinds.into_iter().filter_map(move |kind| {
        let reasons = ran.spared.get(&kind);
        if ran.struck.contains_key(&kind) || (may_be_spared && reasons.is_some()) {
            return None;
        }
        let reasons = reasons.into_iter().flatten().map(|(reason, _)| reason.as_str());
        let reasons: Vec<&str> = reasons.collect();
        let why = if reasons.is_empty() { "nobody knows why" } else { &reasons.join("; ") };
        Some(format!("too little happened: `{kind}` hit nobody: {why}"))
    })
}

/// Steps that were not carried out, with the reasons.
fn spared(ran: &Ran) -> impl Iterator<Item = (String, String)> {
    ran.spared.iter().map(|(kind, reasons)| {
        let words: Vec<String> = reasons
            .iter()
            .map(|(reason, times)| format!("{reason} ({})", reports::grouped(*times)))
            .collect();
        (format!("spared: {kind}"), words.join("; "))
    })
}

fn statistics(ran: &Ran, report: &Report) -> Vec<(String, String)> {
    let counted = &report.statistics;
    let leaders = ran.history.events.iter().filter(|event| matches!(event, Event::Leader(_)));
    let numbers: [(&str, u64); 16] = [
        ("operations", counted.operations as u64),
        ("answered", counted.answered as u64),
        ("refused", counted.refused as u64),
        ("unknown", counted.unknown as u64),
        ("unknown writes that took effect", counted.unknown_applied as u64),
        ("revisions", counted.revisions as u64),
        ("watch events", ran.counts.watch_events),
        ("resumed watches", ran.counts.resumed_watches),
        ("faults", ran.counts.faults),
        ("crashes", ran.counts.crashes),
        ("elections", ran.counts.elections),
        ("installed snapshots", ran.counts.installed_snapshots),
        ("expired leases", ran.counts.expired_leases),
        ("locks", ran.counts.locks),
        ("leaders that observers were told of", leaders.count() as u64),
        ("answers to operators", ran.counts.upkeep),
    ];
    let word = |verdict: &checker::Verdict| match verdict {
        checker::Verdict::Pass => "pass".to_owned(),
        checker::Verdict::Violation(violation) => violation.guarantee.to_owned(),
        checker::Verdict::Inconclusive { reason } => format!("inconclusive: {reason}"),
    };
    let numbers = numbers.map(|(name, value)| (name.to_owned(), reports::grouped(value)));
    let verdicts =
        report.verdicts.iter().map(|(name, verdict)| (format!("checker {name}"), word(verdict)));
    let stopped =
        ran.stopped.iter().map(|by| ("ended early by".to_owned(), by.guarantee.to_owned()));
    numbers.into_iter().chain(verdicts).chain(stopped).chain(spared(ran)).collect()
}
