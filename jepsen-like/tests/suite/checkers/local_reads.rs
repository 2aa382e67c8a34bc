//! Local reads may be old, but not wrong, not ahead, and not going back.

use jepsen_like::history::{Applied, Event, Request, Response};
use jepsen_like::observation::{Fact, LogId, Observation};

use crate::checkers::support::story::{Story, done, found, kv, local_get, put};

const CHECKER: &str = "serializable_read";

fn begin() -> Story {
    let fact = Fact::Started { term: 0, vote: None, last_log: LogId::default(), applied: 0 };
    Story::default()
        .event(Event::Observed(Observation { time: 0, member: 1, fact }))
        .ok(put("k", "1"), done(2))
        .ok(put("k", "2"), done(3))
}

fn old() -> Response {
    found(2, vec![kv("k", "1", [2, 2, 1])])
}

fn new() -> Response {
    found(3, vec![kv("k", "2", [3, 2, 2])])
}

/// Both reads are of one session.
fn by_one_client(mut told: Story, answers: [Response; 2]) -> Story {
    for response in answers {
        let op = told.call(local_get("k"));
        if let Some(Event::Invoke { client, .. }) = told.history.events.last_mut() {
            *client = 5;
        }
        told.answer(op, response);
    }
    told
}

#[test]
fn an_old_state_is_legal() {
    begin().ok(local_get("k"), old()).is_legal();
    by_one_client(begin(), [old(), new()]).is_legal();
}

#[test]
fn a_state_that_never_was_is_told() {
    begin().ok(local_get("k"), found(2, vec![kv("k", "2", [3, 2, 2])])).breaks(
        CHECKER,
        "STATE",
        &["local get(k)", "its own revision 2", "k=1"],
    );
}

#[test]
fn a_session_does_not_go_back() {
    by_one_client(begin(), [new(), old()]).breaks(
        CHECKER,
        "BACKWARDS",
        &["shows revision 2", "revision 3"],
    );
}

#[test]
fn a_session_may_go_back_after_a_restart() {
    let mut told = begin();
    let fact = Fact::Started { term: 0, vote: None, last_log: LogId::default(), applied: 0 };
    let op = told.call(local_get("k"));
    told.answer(op, new());
    let time = told.tick();
    told.event(Event::Observed(Observation { time, member: 1, fact }))
        .ok(local_get("k"), old())
        .is_legal();
}

#[test]
fn a_state_before_its_writer_was_called_is_ahead() {
    Story::default()
        .ok(local_get("k"), found(2, vec![kv("k", "1", [2, 2, 1])]))
        .ok(put("k", "1"), done(2))
        .breaks(CHECKER, "AHEAD", &["shows revision 2", "at most 1"]);
}

/// A read that shows more than its member had applied.
fn before_it_was_applied() -> Story {
    let tap = |time, index, revision| {
        Event::Applied(Applied { time, member: 1, index, term: 1, revision, digest: 0, op: None })
    };
    let mut told = begin().event(tap(3, 1, 2));
    let op = told.call(local_get("k"));
    told.answer(op, new());
    let late = told.tick() + 5;
    told.event(tap(late, 2, 3))
}

#[test]
fn a_state_before_the_member_applied_it_is_ahead() {
    before_it_was_applied().breaks(CHECKER, "AHEAD", &["had applied only 2"]);
}

#[test]
fn a_local_read_in_the_past_shows_that_past() {
    let mut request = local_get("k");
    if let Request::Range(range) = &mut request {
        range.revision = 2;
    }
    begin().ok(request.clone(), found(3, vec![kv("k", "1", [2, 2, 1])])).is_legal();
    begin().ok(request, new()).breaks(CHECKER, "STATE", &["k=1"]);
}

/// One thing told wrong for each guarantee.
pub(crate) fn falsified() -> Vec<(&'static str, Story)> {
    vec![
        ("STATE", begin().ok(local_get("k"), found(2, vec![kv("k", "2", [3, 2, 2])]))),
        ("AHEAD", before_it_was_applied()),
        ("BACKWARDS", by_one_client(begin(), [new(), old()])),
    ]
}
