//! How runs end: durability, convergence, validity.

use jepsen_like::checker::{Minimum, Options, Verdict, check};
use jepsen_like::history::{Applied, Event, History};
use jepsen_like::observation::{Fact, Observation};

use crate::checkers::support::story::{Story, done, found, get, kv, put};

fn begin() -> Story {
    Story::default().ok(put("k", "1"), done(2)).ok(put("k", "2"), done(3)).healed()
}

fn tap(member: u64, index: u64, revision: i64, digest: u64) -> Event {
    Event::Applied(Applied { time: 90, member, index, term: 1, revision, digest, op: None })
}

#[test]
fn acknowledged_writes_are_there_at_the_end() {
    begin().ok(get("k"), found(3, vec![kv("k", "2", [3, 2, 2])])).is_legal();
    begin().event(tap(1, 7, 3, 0)).is_legal();
}

#[test]
fn an_acknowledged_write_that_no_read_finds_is_lost() {
    begin().ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 1])])).breaks(
        "durability",
        "LOST",
        &["put(k=2) by operation 2", "acknowledged with revision 3", "found only revision 2"],
    );
    begin().ok(get("k"), found(3, vec![kv("k", "1", [2, 2, 1])])).breaks(
        "durability",
        "LOST",
        &["get(k)", "differs from what was acknowledged", "k=2"],
    );
}

#[test]
fn an_acknowledged_write_that_no_member_applied_is_lost() {
    begin().event(tap(1, 7, 2, 0)).breaks(
        "durability",
        "LOST",
        &["put(k=2)", "no member went further than revision 2 (index 7)"],
    );
}

#[test]
fn without_an_end_durability_is_inconclusive() {
    let report = Story::default().ok(put("k", "1"), done(2)).check();
    assert!(matches!(report.verdict("durability"), Some(Verdict::Inconclusive { .. })));
}

#[test]
fn members_with_different_states_are_told() {
    begin().event(tap(1, 7, 3, 5)).event(tap(2, 7, 3, 5)).is_legal();
    begin().event(tap(1, 7, 3, 5)).event(tap(2, 7, 3, 6)).breaks(
        "convergence",
        "SAME_STATE",
        &["members 1 and 2", "index 7", "digest"],
    );
    begin().event(tap(1, 7, 3, 5)).event(tap(2, 7, 4, 5)).breaks(
        "convergence",
        "SAME_STATE",
        &["revision 3 and revision 4"],
    );
}

#[test]
fn a_revision_that_goes_back_is_told() {
    begin().event(tap(1, 7, 3, 5)).event(tap(1, 8, 3, 6)).is_legal();
    begin().event(tap(1, 6, 2, 4)).event(tap(2, 7, 3, 5)).is_legal();
    let words = ["index 6 left member 2 at revision 4", "index 7 member 1 at revision 3"];
    // It is seen by whoever tells last, of the index before or of that after.
    let (before, after) = (tap(2, 6, 4, 4), tap(1, 7, 3, 5));
    for [first, second] in [[before.clone(), after.clone()], [after, before]] {
        begin().event(first).event(second).breaks("convergence", "MONOTONIC_REVISION", &words);
    }
    // Indexes that are not told of lie between.
    begin().event(tap(1, 4, 3, 4)).event(tap(1, 9, 2, 5)).breaks(
        "convergence",
        "MONOTONIC_REVISION",
        &["index 4", "index 9"],
    );
}

#[test]
fn members_that_stay_behind_after_healing_are_told() {
    let mut told = begin().event(tap(1, 7, 3, 5)).event(tap(2, 6, 3, 4)).wait(30_000_000);
    let time = told.tick();
    let fact = Fact::Voted { term: 1, candidate: 1 };
    let late = Event::Observed(Observation { time, member: 1, fact });
    let told = told.event(late);
    told.clone().breaks(
        "convergence",
        "SAME_END",
        &["member 1 has applied index 7", "member 2 only 6"],
    );
    let stopped = Event::Observed(Observation { time, member: 2, fact: Fact::Stopped });
    told.event(stopped).is_legal();
}

#[test]
fn a_run_without_answers_is_inconclusive_never_a_pass() {
    let report = check(&History::default(), &Options::default());
    assert_eq!(report.violations().count(), 0);
    let verdict = report.verdict("validity");
    assert!(matches!(verdict, Some(Verdict::Inconclusive { .. })), "{verdict:?}");
}

#[test]
fn too_few_of_one_kind_is_inconclusive_and_named() {
    let minimum = Minimum { watch_events: 1, ..Minimum::default() };
    let options = Options { minimum, ..Options::default() };
    let report = check(&begin().history, &options);
    match report.verdict("validity") {
        Some(Verdict::Inconclusive { reason }) => {
            assert!(reason.contains("0 watch events"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

/// An acknowledged write that is not there.
pub(crate) fn lost() -> Story {
    begin().event(tap(1, 7, 2, 0))
}

/// One thing told wrong for each guarantee of convergence.
pub(crate) fn diverged() -> Vec<(&'static str, Story)> {
    let behind = begin().event(tap(1, 7, 3, 5)).event(tap(2, 6, 3, 4)).wait(30_000_000);
    let behind = behind.ok(get("k"), found(3, vec![kv("k", "2", [3, 2, 2])]));
    let back = begin().event(tap(1, 7, 3, 5)).event(tap(1, 8, 2, 6)).event(tap(1, 9, 3, 7));
    vec![
        ("SAME_STATE", begin().event(tap(1, 7, 3, 5)).event(tap(2, 7, 3, 6))),
        ("MONOTONIC_REVISION", back),
        ("SAME_END", behind),
    ]
}
