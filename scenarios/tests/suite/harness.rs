//! The harness tried on itself (H1, H4 and H5 of the seeded bugs): what must fail fails, and what shows nothing is
//! not called a pass.
//!
//! H2, a run that is not decided by its seed, is tried in `sim/tests/suite/determinism.rs`; H3, histories made wrong, in
//! `jepsen-like/tests/suite/checkers/metamorphic.rs`; H6, a checker that breaks, in `scenarios/src/campaign/one.rs`.

use std::collections::BTreeMap;

use jepsen_like::history::Event;
use jepsen_like::observation::Fact;
use reports::{Run, Verdict};
use scenarios::campaign::{Details, Subject, run_one};
use scenarios::plan::{Counter, Floor, Plan};
use scenarios::run::{Options, simulate};
use scenarios::script::parse;

fn plan(script: &str) -> Plan {
    parse("self-test", &format!("# A self-test.\n{script}"))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn run(plan: Plan) -> Run {
    run_one(&Subject::Script(plan), 7, &Details::default())
}

/// What was found, by whom.
fn found(run: &Run) -> Vec<(&str, &str)> {
    run.findings
        .iter()
        .map(|finding| (finding.checker.as_str(), finding.message.as_str()))
        .collect()
}

const QUIET: &str = "members 3\nclients 2\nduration 3s\nat 1s pause follower for 200ms\n";

#[test]
fn h1_a_run_that_must_fail_fails() {
    let canary = "members 3\nduration 4s\nat 1s kill all\nat 1100ms check serves within 1s\n";
    let run = run(plan(canary));
    assert_eq!(run.verdict, Verdict::Violation, "{:?}", found(&run));
    assert!(found(&run).iter().any(|(checker, _)| *checker == "availability"), "{:?}", found(&run));
    assert_eq!(run.verdict.exit_code(), 1);
    assert!(run.story.is_some(), "a run that failed is told");
}

#[test]
fn a_promise_about_nobody_is_told() {
    let run = run(plan("members 3\nduration 4s\nat 2s check serves through learner within 1s\n"));
    assert_eq!(run.verdict, Verdict::Violation, "{:?}", found(&run));
    let [(checker, message)] = found(&run)[..] else { panic!("{:?}", found(&run)) };
    assert_eq!(checker, "availability");
    assert!(message.contains("through `learner`") && message.contains("no member"), "{message}");
}

#[test]
fn the_same_run_without_its_reason_to_fail_passes() {
    let run = run(plan(QUIET));
    assert_eq!(run.verdict, Verdict::Pass, "{:?}", found(&run));
}

#[test]
fn h4_a_run_in_which_too_little_happens_shows_nothing() {
    let mut plan = plan(QUIET);
    plan.floors.push(Floor { counter: Counter::Crashes, at_least: 1 });
    let run = run(plan);
    assert_eq!(run.verdict, Verdict::Inconclusive, "{:?}", found(&run));
    assert_eq!(run.verdict.exit_code(), 2);
    assert!(found(&run)[0].1.contains("0 crashes"), "{:?}", found(&run));
}

#[test]
fn h5_a_fault_that_hits_nobody_shows_nothing() {
    // There is no learner to be killed.
    let run = run(plan(&format!("{QUIET}at 2s kill learner\n")));
    assert_eq!(run.verdict, Verdict::Inconclusive, "{:?}", found(&run));
    assert!(found(&run)[0].1.contains("`kill` hit nobody"), "{:?}", found(&run));
}

#[test]
fn what_is_done_to_a_member_that_is_gone_hits_nobody() {
    // Swarm seed 6003360: the newcomer that has its machine stopped for a full disk, which nobody had noted for it.
    let script = "members 3\nclients 2\nduration 12s\nat 1s lose-disk 2\nat 2s replace-member 2\n\
                  at 8s fill-disk 2 for 2s\nat 8s burst 50\n";
    let run = run(plan(script));
    let found = found(&run);
    assert_eq!(run.verdict, Verdict::Inconclusive, "{found:?}");
    assert!(found.iter().all(|(_, message)| message.contains("fill-disk")), "{found:?}");
}

#[test]
fn no_disk_is_damaged_while_the_membership_is_changed() {
    // Swarm seed 6013943: of three members one was being removed, and the disk of another was damaged as if three
    // were left. Here the removal is refused until the others are back.
    let script =
        "members 5\nsnapshot-count 20\nclients 2\nduration 8s\nat 1s kill 4\nat 1s kill 5\n";
    let damage = "at 5s flip-bit 1 files state\nat 6s restart all\n";
    let spared = run(plan(&format!("{script}at 2s remove-member 3\n{damage}")));
    let is_spared =
        |run: &Run| found(run).iter().any(|(_, message)| message.contains("`flip-bit` hit nobody"));
    assert!(is_spared(&spared), "{:?}", found(&spared));
    let damaged = run(plan(&format!("{script}{damage}")));
    assert!(!is_spared(&damaged), "{:?}", found(&damaged));
}

/// What quorums are counted by. It was told as empty after every start but the first, which let checks of quorums
/// pass for nothing, and disks be damaged that others needed.
#[test]
fn who_starts_again_tells_of_its_membership() {
    let script = "members 3\nduration 4s\nat 1s power-loss all\nat 1500ms restart all\n";
    let ran = simulate(&plan(script), 7, &Options::default());
    let mut starts = BTreeMap::new();
    let mut told = BTreeMap::new();
    for event in &ran.history.events {
        let Event::Observed(seen) = event else { continue };
        match &seen.fact {
            Fact::Started { .. } => *starts.entry(seen.member).or_default() += 1,
            Fact::Membership { voters, .. } if starts.get(&seen.member) == Some(&2) => {
                told.insert(seen.member, voters.clone());
            }
            _ => {}
        }
    }
    assert!(starts.values().all(|starts: &u32| *starts == 2), "{starts:?}");
    assert_eq!(told, (1..=3).map(|member| (member, vec![vec![1, 2, 3]])).collect());
}
