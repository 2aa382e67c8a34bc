//! A run is judged while it goes on: the beginning of one that passes must pass as well, wherever it is cut.

use std::time::Duration;

use jepsen_like::checker::check_beginning;
use jepsen_like::history::{Event, History};
use scenarios::plan::Plan;
use scenarios::run::{Options, checker_options, judge, simulate};
use scenarios::{library, swarm};

/// How many beginnings of each run are judged.
const CUTS: usize = 60;

fn beginnings_pass(plan: &Plan, seed: u64) {
    let ran = simulate(plan, seed, &Options::default());
    let healed = ran.history.events.iter().position(|event| matches!(event, Event::Healed { .. }));
    let whole = &ran.history.events[..healed.expect("it got that far")];
    for cut in 1..=CUTS {
        let beginning = History::from(whole[..whole.len() * cut / CUTS].to_vec());
        let violation = check_beginning(&beginning, &checker_options(plan));
        assert_eq!(violation, None, "{} seed {seed}, {cut} of {CUTS}", plan.name);
    }
}

#[test]
fn of_scripts() {
    for name in [
        "leases-and-leader-changes",
        "auth-changes-under-load",
        "snapshot-catch-up",
        "locks-under-partitions",
        "elections-under-partitions",
        "no-space",
    ] {
        let all = library::all().expect("all scripts are well-formed");
        let plan = all.iter().find(|plan| plan.name == name);
        beginnings_pass(plan.unwrap_or_else(|| panic!("{name} is gone")), 3);
    }
}

#[test]
fn of_the_swarm() {
    for seed in 0..6 {
        beginnings_pass(&swarm::plan(seed), seed);
    }
}

#[test]
fn a_wrong_answer_ends_a_run_early() {
    let all = library::all().expect("all scripts are well-formed");
    let plan = all.iter().find(|plan| plan.name == "slow-disks").expect("it is there");
    let falsified_from = Duration::from_secs(3);
    let options = Options { falsified_from: Some(falsified_from), ..Options::default() };
    let ran = simulate(plan, 3, &options);
    let stopped = ran.stopped.as_ref().map(|found| (found.checker, found.guarantee));
    assert_eq!(stopped, Some(("strict_serializability", "ANSWER")));
    assert!(ran.simulated < falsified_from * 3, "it went on until {:?}", ran.simulated);
    assert_eq!(judge(plan, &ran).verdict, reports::Verdict::Violation);
}
