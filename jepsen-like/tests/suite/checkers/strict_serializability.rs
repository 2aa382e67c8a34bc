//! Strict serializability: each named violation is found and told, and its legal twin passes.

use crate::checkers::support::story::{
    Story, compact, compacted, delete, deleted, done, found, get, get_all, get_at, header, kv, put,
    put_event,
};
use jepsen_like::history::{
    Applied, Blob, Compare, CompareResult, CompareTarget, DeleteRangeRequest, Event, RefusalKind,
    Request, RequestOp, Response, ResponseOp, TxnRequest, TxnResponse,
};

const CHECKER: &str = "strict_serializability";

fn story() -> Story {
    Story::default()
}

#[test]
fn a_read_of_the_newest_write_is_legal() {
    story()
        .ok(put("k", "1"), done(2))
        .ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 1])]))
        .ok(delete("k"), deleted(3, 1))
        .ok(delete("k"), deleted(3, 0))
        .ok(get("k"), found(3, vec![]))
        .ok(put("k", "2"), done(4))
        .ok(get_at("k", 2), found(4, vec![kv("k", "1", [2, 2, 1])]))
        .is_legal();
}

#[test]
fn a_read_older_than_an_acknowledged_write_is_stale() {
    story()
        .ok(put("k", "1"), done(2))
        .ok(put("k", "2"), done(3))
        .ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 1])]))
        .breaks(
            CHECKER,
            "STALE_READ",
            &["get(k)", "revision 2", "put(k=2) by operation 2", "revision 3"],
        );
}

#[test]
fn a_read_older_than_a_concurrent_write_is_legal() {
    let mut told = story().ok(put("k", "1"), done(2));
    let write = told.call(put("k", "2"));
    let read = told.call(get("k"));
    told.answer(write, done(3));
    told.answer(read, found(2, vec![kv("k", "1", [2, 2, 1])]));
    told.is_legal();
}

#[test]
fn a_read_older_than_what_a_watch_had_shown_is_stale() {
    story()
        .watch_all(7, 0, 1)
        .unknown(put("k", "1"))
        .events(7, 2, vec![put_event(kv("k", "1", [2, 2, 1]))])
        .ok(get("k"), found(1, vec![]))
        .breaks(CHECKER, "STALE_READ", &["get(k)", "watch 7 had shown revision 2"]);
}

#[test]
fn a_write_below_an_acknowledged_revision_breaks_real_time() {
    let mut told = story().ok(put("k", "1"), done(3));
    let op = told.call(put("k", "2"));
    told.answer(op, done(2));
    told.breaks(CHECKER, "REAL_TIME", &["put(k=2)", "made revision 2", "revision 3"]);
}

#[test]
fn two_writes_with_one_revision_are_not_unique() {
    story().ok(put("a", "1"), done(2)).ok(put("b", "2"), done(2)).breaks(
        CHECKER,
        "UNIQUE",
        &["operation 1", "operation 2", "revision 2"],
    );
}

#[test]
fn a_revision_without_a_writer_is_a_phantom() {
    story()
        .ok(put("k", "1"), done(2))
        .ok(get("k"), found(3, vec![kv("k", "1", [2, 2, 1])]))
        .breaks(CHECKER, "PHANTOM", &["revision 3", "no writer"]);
}

#[test]
fn a_value_that_nobody_wrote_is_a_phantom() {
    story()
        .unknown(put("k", "1"))
        .ok(get("k"), found(2, vec![kv("k", "ghost", [2, 2, 1])]))
        .breaks(CHECKER, "PHANTOM", &["k=ghost", "no operation wrote that value"]);
}

#[test]
fn a_refused_write_that_is_found_is_a_phantom() {
    story()
        .fail(put("k", "1"), RefusalKind::NotServed)
        .unknown(put("k", "2"))
        .ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 1])]))
        .breaks(CHECKER, "PHANTOM", &["put(k=1)", "refused", "took effect at revision 2"]);
}

#[test]
fn an_absurd_revision_is_a_phantom_and_takes_no_time() {
    story().ok(put("k", "1"), done(i64::MAX)).ok(get("k"), found(i64::MIN, vec![])).breaks(
        CHECKER,
        "ANSWER",
        &["below the first"],
    );
    story().ok(put("k", "1"), done(i64::MAX)).breaks(
        CHECKER,
        "PHANTOM",
        &["9223372036854775807", "revision 2 has no writer"],
    );
}

#[test]
fn an_unknown_write_may_land_at_any_later_time() {
    story()
        .unknown(put("k", "late"))
        .ok(put("k", "1"), done(2))
        .ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 1])]))
        .ok(get("k"), found(3, vec![kv("k", "late", [3, 2, 2])]))
        .is_legal();
}

#[test]
fn an_unknown_write_may_never_land() {
    story()
        .unknown(put("k", "never"))
        .ok(put("k", "1"), done(2))
        .ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 1])]))
        .is_legal();
}

#[test]
fn an_unknown_write_that_lands_twice_is_a_duplicate() {
    story()
        .unknown(put("k", "1"))
        .unknown(put("j", "2"))
        .ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 1])]))
        .ok(get("k"), found(3, vec![kv("k", "1", [3, 2, 2])]))
        .breaks(CHECKER, "DUPLICATE_APPLY", &["put(k=1) by operation 1", "revisions 2 and 3"]);
}

#[test]
fn an_acknowledged_write_that_lands_again_is_a_duplicate() {
    story()
        .unknown(put("j", "2"))
        .ok(put("k", "1"), done(2))
        .ok(get("k"), found(3, vec![kv("k", "1", [3, 2, 2])]))
        .breaks(CHECKER, "DUPLICATE_APPLY", &["put(k=1)", "revisions 2 and 3"]);
}

#[test]
fn an_unknown_write_cannot_explain_a_revision_seen_before_its_call() {
    story().ok(put("k", "1"), done(3)).unknown(put("j", "2")).breaks(
        CHECKER,
        "PHANTOM",
        &["revision 2", "no operation explains it"],
    );
}

#[test]
fn candidates_are_tried_until_the_answers_agree() {
    // Three unknown writes, two of which took effect. The first choices are wrong.
    story()
        .unknown(put("a", "1"))
        .unknown(put("b", "2"))
        .unknown(put("a", "3"))
        .ok(put("c", "4"), done(4))
        .ok(put("a", "5"), done(5))
        .ok(get("a"), found(5, vec![kv("a", "5", [5, 2, 2])]))
        .ok(put("b", "6"), done(6))
        .ok(get("b"), found(6, vec![kv("b", "6", [6, 3, 2])]))
        .is_legal();
}

#[test]
fn answers_that_no_candidate_explains_are_told() {
    story()
        .unknown(put("a", "1"))
        .unknown(put("b", "2"))
        .ok(put("c", "4"), done(3))
        .ok(put("a", "5"), done(4))
        .ok(get("a"), found(4, vec![kv("a", "5", [4, 2, 7])]))
        .breaks(CHECKER, "ANSWER", &["get(a)", "kvs should be", "version 7"]);
}

#[test]
fn a_wrong_field_of_an_answer_is_told() {
    story()
        .ok(put("k", "1"), done(2))
        .ok(get("k"), found(2, vec![kv("k", "1", [2, 2, 2])]))
        .breaks(CHECKER, "ANSWER", &["kvs should be", "version 1", "version 2"]);
}

fn cas(key: &str, modified: i64, value: &str) -> Request {
    let Request::Put(then) = put(key, value) else { unreachable!() };
    let Request::Range(otherwise) = get(key) else { unreachable!() };
    Request::Txn(TxnRequest {
        compare: vec![Compare {
            key: key.into(),
            range_end: "".into(),
            result: CompareResult::Equal,
            target: CompareTarget::Mod(modified),
        }],
        success: vec![RequestOp::Put(then)],
        failure: vec![RequestOp::Range(otherwise)],
    })
}

fn txn(revision: i64, succeeded: bool, response: Response) -> Response {
    let response = match response {
        Response::Put(put) => ResponseOp::Put(put),
        Response::Range(range) => ResponseOp::Range(range),
        other => panic!("{other:?}"),
    };
    Response::Txn(TxnResponse { header: header(revision), succeeded, responses: vec![response] })
}

#[test]
fn a_lost_update_is_told() {
    let begin = || story().ok(put("k", "1"), done(2)).ok(cas("k", 2, "2"), txn(3, true, done(3)));
    let newest = found(3, vec![kv("k", "2", [3, 2, 2])]);
    begin().ok(cas("k", 2, "3"), txn(3, false, newest)).is_legal();
    begin().ok(cas("k", 2, "3"), txn(4, true, done(4))).breaks(
        CHECKER,
        "ANSWER",
        &["txn(", "it must change nothing"],
    );
}

#[test]
fn a_compaction_forbids_older_reads_once_it_is_acknowledged() {
    let begin = || {
        story().ok(put("k", "1"), done(2)).ok(put("k", "2"), done(3)).ok(compact(3), compacted(3))
    };
    begin()
        .fail(get_at("k", 2), RefusalKind::Compacted)
        .ok(get_at("k", 3), found(3, vec![kv("k", "2", [3, 2, 2])]))
        .fail(compact(3), RefusalKind::Compacted)
        .fail(compact(4), RefusalKind::FutureRevision)
        .is_legal();
    begin().ok(get_at("k", 2), found(3, vec![kv("k", "1", [2, 2, 1])])).breaks(
        CHECKER,
        "COMPACTED_READ",
        &["read revision 2", "revision 3 had been compacted"],
    );
    begin().ok(compact(2), compacted(3)).breaks(
        CHECKER,
        "REFUSAL",
        &["compact(2)", "revision 3 had been compacted before"],
    );
}

#[test]
fn errors_must_have_been_right_at_some_moment() {
    let begin = || story().ok(put("k", "1"), done(2));
    begin().fail(get_at("k", 9), RefusalKind::FutureRevision).is_legal();
    let wrong = [
        (get_at("k", 2), RefusalKind::FutureRevision, "revision 2 was known before"),
        (get_at("k", 1), RefusalKind::Compacted, "no compaction beyond -1"),
        (put("k", "2"), RefusalKind::Invalid, "was refused as invalid"),
        (put("k", "2"), RefusalKind::LeaseNotFound, "lease"),
        (put("k", "2"), RefusalKind::KeyNotFound, "keeps nothing"),
    ];
    for (request, kind, words) in wrong {
        begin().fail(request, kind).breaks(CHECKER, "REFUSAL", &[words]);
    }
}

#[test]
fn a_kept_value_has_no_key_after_the_deletion_beside_it() {
    // Swarm seed 6011863. A deletion from a key on does not exclude a put beside it.
    let Request::Put(mut keep) = put("k", "") else { unreachable!() };
    keep.ignore_value = true;
    let delete = DeleteRangeRequest {
        key: "a".into(),
        range_end: Blob::from(vec![0]),
        ..DeleteRangeRequest::default()
    };
    let success = vec![RequestOp::DeleteRange(delete), RequestOp::Put(keep)];
    let both = Request::Txn(TxnRequest { success, ..TxnRequest::default() });
    story().ok(put("k", "1"), done(2)).fail(both, RefusalKind::KeyNotFound).is_legal();
}

#[test]
fn a_kept_value_needs_its_key_at_some_moment() {
    let keep = || {
        let Request::Put(mut keep) = put("k", "") else { unreachable!() };
        keep.ignore_value = true;
        Request::Put(keep)
    };
    story().fail(keep(), RefusalKind::KeyNotFound).is_legal();
    story().ok(put("k", "1"), done(2)).fail(keep(), RefusalKind::KeyNotFound).breaks(
        CHECKER,
        "REFUSAL",
        &["missing key that was there"],
    );
    story()
        .ok(put("k", "1"), done(2))
        .ok(keep(), done(3))
        .ok(get("k"), found(3, vec![kv("k", "1", [3, 2, 2])]))
        .is_legal();
}

#[test]
fn members_tell_which_operation_made_a_revision() {
    let tap = |op| Applied {
        time: 50,
        member: 1,
        index: 9,
        term: 1,
        revision: 2,
        digest: 0,
        op: Some(op),
    };
    let begin =
        || story().unknown(put("a", "1")).unknown(put("b", "2")).ok(get("c"), found(2, vec![]));
    begin().event(Event::Applied(tap(1))).ok(get("b"), found(2, vec![])).is_legal();
    begin().event(Event::Applied(tap(1))).ok(get("a"), found(2, vec![])).breaks(
        CHECKER,
        "ANSWER",
        &["get(a)", "kvs should be [a=1"],
    );
    story().ok(put("a", "1"), done(2)).event(Event::Applied(tap(7))).breaks(
        CHECKER,
        "UNIQUE",
        &["member 1 applied operation 7", "put(a=1) by operation 1"],
    );
}

#[test]
fn keys_may_vanish_with_their_lease() {
    let leased = || {
        let Request::Put(mut leased) = put("k", "1") else { unreachable!() };
        leased.lease = 77;
        Request::Put(leased)
    };
    story().ok(leased(), done(2)).ok(get("k"), found(3, vec![])).is_legal();
    story().ok(put("k", "1"), done(2)).ok(get("k"), found(3, vec![])).breaks(
        CHECKER,
        "PHANTOM",
        &["revision 3"],
    );
}

#[test]
fn an_answer_of_another_kind_is_told() {
    story().ok(get("k"), done(2)).breaks(CHECKER, "ANSWER", &["another kind"]);
    story().ok(get_all(), deleted(1, 0)).breaks(CHECKER, "ANSWER", &["another kind"]);
}

#[test]
fn an_answer_to_an_invalid_request_is_told() {
    story().ok(put("", "1"), done(2)).breaks(CHECKER, "REFUSAL", &["key is not provided"]);
}

/// One thing told wrong for each guarantee.
pub(crate) fn falsified() -> Vec<(&'static str, Story)> {
    let begin = || story().ok(put("k", "1"), done(2)).ok(put("k", "2"), done(3));
    let one = || vec![kv("k", "1", [2, 2, 1])];
    let mut answered_twice = begin();
    answered_twice.answer(2, done(3));
    let mut goes_back = story().ok(put("k", "1"), done(3));
    let op = goes_back.call(put("k", "2"));
    goes_back.answer(op, done(2));
    let twice = || story().unknown(put("k", "1")).unknown(put("j", "2"));
    vec![
        ("WELL_FORMED", answered_twice),
        ("UNIQUE", story().ok(put("a", "1"), done(2)).ok(put("b", "2"), done(2))),
        ("PHANTOM", begin().ok(get("k"), found(4, one()))),
        (
            "DUPLICATE_APPLY",
            twice()
                .ok(get("k"), found(2, one()))
                .ok(get("k"), found(3, vec![kv("k", "1", [3, 2, 2])])),
        ),
        ("STALE_READ", begin().ok(get("k"), found(2, one()))),
        ("REAL_TIME", goes_back),
        ("ANSWER", begin().ok(get("k"), found(3, one()))),
        ("REFUSAL", begin().fail(get_at("k", 2), RefusalKind::FutureRevision)),
        (
            "COMPACTED_READ",
            begin().ok(compact(3), compacted(3)).ok(get_at("k", 2), found(3, one())),
        ),
    ]
}
