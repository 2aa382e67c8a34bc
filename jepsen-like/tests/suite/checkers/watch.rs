//! The watch guarantees: each named violation is found and told, and its legal twin passes.

use jepsen_like::history::{
    Blob, DeleteRangeRequest, DeleteRangeResponse, Header, KvEvent, PutRequest, PutResponse,
    Request, RequestOp, Response, ResponseOp, TxnRequest, TxnResponse, WatchFilter, WatchRecord,
};

use crate::checkers::support::story::{
    Story, compact, compacted, delete, delete_event, deleted, done, kv, put, put_event,
};

const CHECKER: &str = "watch";

/// Revision 2 and 4 write a, 3 writes b, 5 deletes a.
fn begin() -> Story {
    Story::default()
        .watch_all(1, 0, 1)
        .ok(put("a", "1"), done(2))
        .ok(put("b", "2"), done(3))
        .ok(put("a", "3"), done(4))
        .ok(delete("a"), deleted(5, 1))
}

fn a2() -> KvEvent {
    put_event(kv("a", "1", [2, 2, 1]))
}

fn b3() -> KvEvent {
    put_event(kv("b", "2", [3, 3, 1]))
}

fn a4() -> KvEvent {
    put_event(kv("a", "3", [4, 2, 2]))
}

fn a5() -> KvEvent {
    delete_event("a", 5)
}

fn resumed(start_revision: i64) -> WatchRecord {
    WatchRecord::Resumed { start_revision, revision: 5 }
}

fn broken() -> WatchRecord {
    WatchRecord::Broken { reason: "reset".to_owned() }
}

fn progress(revision: i64) -> WatchRecord {
    WatchRecord::Progress { revision }
}

fn canceled(compact_revision: i64) -> WatchRecord {
    WatchRecord::Canceled { compact_revision, reason: String::new(), asked: false }
}

#[test]
fn every_event_once_in_order_is_legal() {
    begin()
        .events(1, 5, vec![a2(), b3()])
        .watch(1, progress(3))
        .watch(1, broken())
        .watch(1, resumed(4))
        .events(1, 5, vec![a4(), a5()])
        .watch(1, progress(5))
        .is_legal();
}

#[test]
fn a_missing_event_is_unreliable() {
    begin().events(1, 5, vec![a2(), a4()]).breaks(
        CHECKER,
        "RELIABLE",
        &["watch 1", "got the event of a at revision 4", "that of b at revision 3 was due"],
    );
}

#[test]
fn a_missing_first_event_is_not_resumable() {
    begin().events(1, 5, vec![b3()]).breaks(CHECKER, "RESUMABLE", &["a at revision 2 was due"]);
    begin()
        .events(1, 5, vec![a2()])
        .watch(1, broken())
        .watch(1, resumed(3))
        .events(1, 5, vec![a4()])
        .breaks(CHECKER, "RESUMABLE", &["b at revision 3 was due"]);
}

#[test]
fn a_resume_that_steps_over_an_event_is_told() {
    let resumed_at = |start| {
        begin().events(1, 5, vec![a2()]).watch(1, broken()).watch(1, resumed(start)).events(
            1,
            5,
            vec![a4(), a5()],
        )
    };
    resumed_at(4).breaks(CHECKER, "RESUMABLE", &["resumed at revision 4", "b at revision 3"]);
    resumed_at(3).breaks(CHECKER, "RESUMABLE", &["b at revision 3 was due"]);
}

#[test]
fn events_out_of_order_are_told() {
    begin().events(1, 5, vec![a2()]).events(1, 5, vec![a4()]).events(1, 5, vec![b3()]).breaks(
        CHECKER,
        "ORDERED",
        &["revision 4", "b at revision 3"],
    );
}

#[test]
fn an_event_twice_is_not_unique() {
    begin().events(1, 5, vec![a2(), b3()]).events(1, 5, vec![b3()]).breaks(
        CHECKER,
        "UNIQUE",
        &["b at revision 3 twice"],
    );
    begin()
        .events(1, 5, vec![a2(), b3()])
        .watch(1, broken())
        .watch(1, resumed(4))
        .events(1, 5, vec![b3(), a4()])
        .breaks(CHECKER, "UNIQUE", &["b at revision 3 twice"]);
}

#[test]
fn an_event_before_the_start_is_filtered_wrongly() {
    Story::default().ok(put("a", "1"), done(2)).watch_all(1, 0, 2).events(1, 2, vec![a2()]).breaks(
        CHECKER,
        "FILTER",
        &["revision 2", "started at 3"],
    );
}

#[test]
fn an_event_that_is_filtered_out_is_told() {
    let only = |filter| {
        Story::default().ok(put("a", "1"), done(2)).watch(
            1,
            WatchRecord::Created {
                key: "a".into(),
                range_end: "".into(),
                start_revision: 1,
                prev_kv: false,
                progress_notify: false,
                filters: vec![filter],
                fragment: false,
                revision: 2,
            },
        )
    };
    only(WatchFilter::NoDelete).events(1, 2, vec![a2()]).is_legal();
    only(WatchFilter::NoPut).events(1, 2, vec![a2()]).breaks(CHECKER, "FILTER", &["does not want"]);
    only(WatchFilter::NoDelete).ok(put("b", "2"), done(3)).events(1, 3, vec![a2(), b3()]).breaks(
        CHECKER,
        "FILTER",
        &["Put of b at revision 3"],
    );
}

#[test]
fn progress_before_the_events_is_no_bookmark() {
    begin().events(1, 5, vec![a2()]).watch(1, progress(3)).breaks(
        CHECKER,
        "BOOKMARKABLE",
        &["progress to revision 3", "b at revision 3"],
    );
}

#[test]
fn progress_that_goes_back_is_no_bookmark() {
    begin()
        .events(1, 5, vec![a2(), b3(), a4(), a5()])
        .watch(1, progress(5))
        .watch(1, progress(4))
        .breaks(CHECKER, "BOOKMARKABLE", &["from revision 5 to 4"]);
}

#[test]
fn a_header_below_its_events_is_no_bookmark() {
    begin().events(1, 1, vec![a2()]).breaks(
        CHECKER,
        "BOOKMARKABLE",
        &["revision 2 under a header of revision 1"],
    );
}

#[test]
fn a_wrong_field_is_told() {
    begin().events(1, 5, vec![put_event(kv("a", "1", [2, 2, 9]))]).breaks(
        CHECKER,
        "FIELDS",
        &["version 9", "version 1"],
    );
    begin().events(1, 5, vec![delete_event("a", 2)]).breaks(
        CHECKER,
        "FIELDS",
        &["got Delete", "was Put"],
    );
}

#[test]
fn an_event_that_was_never_committed_is_a_phantom() {
    begin().events(1, 5, vec![a2(), put_event(kv("c", "9", [3, 3, 1]))]).breaks(
        CHECKER,
        "PHANTOM",
        &["c at revision 3", "nothing committed"],
    );
}

#[test]
fn a_revision_before_its_writer_was_called_is_a_phantom() {
    Story::default().watch_all(1, 0, 1).watch(1, progress(2)).ok(put("a", "1"), done(2)).breaks(
        CHECKER,
        "PHANTOM",
        &["told of revision 2", "at most 1"],
    );
}

#[test]
fn events_before_the_confirmation_are_told() {
    Story::default().ok(put("a", "1"), done(2)).events(1, 2, vec![a2()]).breaks(
        CHECKER,
        "CREATED_FIRST",
        &["before the confirmation"],
    );
}

#[test]
fn a_second_confirmation_is_told() {
    begin().watch_all(1, 0, 5).breaks(CHECKER, "CREATED_FIRST", &["confirmed twice"]);
}

fn with_prev_kv(prev_kv: Option<jepsen_like::history::KeyValue>) -> Story {
    let event = KvEvent { prev_kv, ..a4() };
    begin()
        .watch(
            2,
            WatchRecord::Created {
                key: "a".into(),
                range_end: "".into(),
                start_revision: 4,
                prev_kv: true,
                progress_notify: false,
                filters: Vec::new(),
                fragment: false,
                revision: 5,
            },
        )
        .events(2, 5, vec![event])
}

#[test]
fn the_key_before_is_the_one_before() {
    with_prev_kv(Some(kv("a", "1", [2, 2, 1]))).is_legal();
    with_prev_kv(Some(kv("a", "3", [4, 2, 2]))).breaks(
        CHECKER,
        "PREV_KV",
        &["a at revision 4", "a=3 (mod 4", "which was a=1 (mod 2"],
    );
    with_prev_kv(None).breaks(CHECKER, "PREV_KV", &["has nothing as the key before it"]);
}

#[test]
fn who_does_not_ask_for_the_key_before_gets_none() {
    let event = KvEvent { prev_kv: Some(kv("a", "1", [2, 2, 1])), ..a4() };
    begin().events(1, 5, vec![a2(), b3(), event]).breaks(CHECKER, "PREV_KV", &["was nothing"]);
}

#[test]
fn the_key_before_may_be_missing_once_compacted() {
    let event = KvEvent { prev_kv: None, ..a4() };
    begin()
        .ok(compact(4), compacted(5))
        .watch(
            2,
            WatchRecord::Created {
                key: "a".into(),
                range_end: "".into(),
                start_revision: 4,
                prev_kv: true,
                progress_notify: false,
                filters: Vec::new(),
                fragment: false,
                revision: 5,
            },
        )
        .events(2, 5, vec![event])
        .is_legal();
}

#[test]
fn a_compaction_ends_only_watches_that_need_what_is_gone() {
    let at = |start: i64| begin().ok(compact(4), compacted(5)).watch_all(2, start, 5);
    at(3).watch(2, canceled(4)).is_legal();
    at(4).watch(2, canceled(4)).breaks(
        CHECKER,
        "CANCEL",
        &["compaction of revision 4", "needs only revision 4"],
    );
    at(3).watch(2, canceled(5)).breaks(CHECKER, "CANCEL", &["revision 5", "at most 4"]);
    at(3).watch(2, canceled(0)).breaks(CHECKER, "CANCEL", &["without a reason"]);
}

#[test]
fn nothing_comes_after_the_end() {
    let end = WatchRecord::Canceled { compact_revision: 0, reason: String::new(), asked: true };
    begin().watch(1, end.clone()).is_legal();
    begin().watch(1, end).events(1, 5, vec![a2()]).breaks(CHECKER, "CANCEL", &["after the end"]);
}

mod transactions {
    use jepsen_like::history::{Request, RequestOp, Response, ResponseOp, TxnRequest, TxnResponse};

    use super::*;
    use crate::checkers::support::story::header;

    fn both() -> Story {
        let operation = |key| match put(key, "1") {
            Request::Put(put) => RequestOp::Put(put),
            other => panic!("{other:?}"),
        };
        let answer = || match done(2) {
            Response::Put(put) => ResponseOp::Put(put),
            other => panic!("{other:?}"),
        };
        let txn =
            TxnRequest { success: vec![operation("b"), operation("a")], ..TxnRequest::default() };
        let responses = vec![answer(), answer()];
        let answer = TxnResponse { header: header(2), succeeded: true, responses };
        Story::default().watch_all(1, 0, 1).ok(Request::Txn(txn), Response::Txn(answer))
    }

    fn a() -> KvEvent {
        put_event(kv("a", "1", [2, 2, 1]))
    }

    fn b() -> KvEvent {
        put_event(kv("b", "1", [2, 2, 1]))
    }

    fn part(fragment: bool, event: KvEvent) -> WatchRecord {
        WatchRecord::Events { revision: 2, fragment, events: vec![event] }
    }

    #[test]
    fn a_revision_in_one_answer_or_its_parts_is_legal() {
        both().events(1, 2, vec![b(), a()]).is_legal();
        both().watch(1, part(true, b())).watch(1, part(false, a())).is_legal();
    }

    pub(super) fn in_two_answers() -> Story {
        both().events(1, 2, vec![b()]).events(1, 2, vec![a()])
    }

    pub(super) fn in_another_order() -> Story {
        both().events(1, 2, vec![a(), b()])
    }

    #[test]
    fn a_revision_in_two_answers_is_not_atomic() {
        in_two_answers().breaks(CHECKER, "ATOMIC", &["a at revision 2", "another answer"]);
    }

    #[test]
    fn a_revision_without_one_of_its_events_is_unreliable() {
        both().events(1, 2, vec![b()]).breaks(CHECKER, "RELIABLE", &["a at revision 2 is missing"]);
    }

    #[test]
    fn the_order_within_a_transaction_is_kept() {
        in_another_order().breaks(CHECKER, "TXN_ORDER", &["that of b at revision 2"]);
    }
}

#[test]
fn what_was_known_long_before_the_end_must_have_come() {
    let run = |events: Vec<KvEvent>| {
        let told = begin().events(1, 5, vec![a2(), b3()]).healed();
        let told = if events.is_empty() { told } else { told.events(1, 5, events) };
        told.wait(30_000_000).healed()
    };
    run(vec![a4(), a5()]).healed().is_legal();
    let late = begin().events(1, 5, vec![a2(), b3()]).healed().wait(30_000_000);
    late.ok(put("z", "9"), done(6)).breaks(
        CHECKER,
        "LIVENESS",
        &["a at revision 4", "had not come"],
    );
}

/// Two watches are told apart of the same change.
fn apart(told: Story) -> Story {
    let other = put_event(kv("a", "other", [2, 2, 1]));
    told.watch_all(2, 2, 5).events(1, 5, vec![a2()]).events(2, 5, vec![other])
}

#[test]
fn watches_agree_on_the_same_change() {
    apart(begin()).breaks(CHECKER, "FIELDS", &["watch 2", "a=other", "a=1"]);
    // Without a log to compare with, they are compared with each other.
    apart(begin()).ok(put("z", "9"), done(99)).breaks(
        CHECKER,
        "AGREEMENT",
        &["a=other", "watch 1 got a=1"],
    );
}

/// Revision 2 puts a and, in the same transaction, deletes everything.
fn put_and_delete() -> Story {
    let put = PutRequest { key: "a".into(), value: "1".into(), ..PutRequest::default() };
    let zero = Blob::from(vec![0]);
    let delete =
        DeleteRangeRequest { key: zero.clone(), range_end: zero, ..DeleteRangeRequest::default() };
    let success = vec![RequestOp::Put(put), RequestOp::DeleteRange(delete)];
    let request = Request::Txn(TxnRequest { success, ..TxnRequest::default() });
    let header = Header { revision: 2, ..Header::default() };
    let put = ResponseOp::Put(PutResponse { header, prev_kv: None });
    let delete = DeleteRangeResponse { header, deleted: 1, prev_kvs: Vec::new() };
    let responses = vec![put, ResponseOp::DeleteRange(delete)];
    let response = Response::Txn(TxnResponse { header, succeeded: true, responses });
    Story::default().watch_all(1, 0, 1).ok(request, response)
}

#[test]
fn a_transaction_may_put_a_key_and_delete_it() {
    let gone = delete_event("a", 2);
    put_and_delete().events(1, 2, vec![a2(), gone.clone()]).is_legal();
    put_and_delete().events(1, 2, vec![a2(), gone.clone(), gone.clone()]).breaks(
        CHECKER,
        "UNIQUE",
        &["a at revision 2 twice"],
    );
    put_and_delete().events(1, 2, vec![gone]).breaks(CHECKER, "FIELDS", &["a"]);
}

#[test]
fn what_its_transaction_deleted_may_be_missing_once_compacted() {
    // A run found it: the watch began at the compacted revision (swarm 9704081).
    let gone = || delete_event("a", 2);
    let compact_then = |start| put_and_delete().ok(compact(2), compacted(2)).watch_all(2, start, 2);
    compact_then(2).events(2, 2, vec![gone()]).is_legal();
    compact_then(2).events(2, 2, vec![a2(), gone()]).is_legal();
    let whole_is_missing = compact_then(2).ok(put("z", "9"), done(3));
    let z3 = put_event(kv("z", "9", [3, 3, 1]));
    whole_is_missing.events(2, 3, vec![z3]).breaks(CHECKER, "RESUMABLE", &["a at revision 2"]);
    let other = put_event(kv("a", "2", [2, 2, 1]));
    compact_then(2).events(2, 2, vec![other, gone()]).breaks(CHECKER, "FIELDS", &["a=2"]);
}

#[test]
fn what_compaction_may_take_can_come_after_the_answer_before_it() {
    let gone = delete_event("a", 2);
    let before = WatchRecord::Progress { revision: 1 };
    put_and_delete()
        .ok(compact(2), compacted(2))
        .watch(1, before)
        .events(1, 2, vec![a2(), gone])
        .is_legal();
}

#[test]
fn progress_needs_no_event_that_compaction_took() {
    let filters = vec![WatchFilter::NoDelete];
    let created = WatchRecord::Created {
        key: "a".into(),
        range_end: "".into(),
        start_revision: 2,
        prev_kv: false,
        progress_notify: false,
        filters,
        fragment: false,
        revision: 2,
    };
    put_and_delete()
        .ok(compact(2), compacted(2))
        .watch(2, created.clone())
        .watch(2, progress(2))
        .is_legal();
    put_and_delete().watch(2, created).watch(2, progress(2)).breaks(
        CHECKER,
        "BOOKMARKABLE",
        &["progress to revision 2"],
    );
}

/// One thing told wrong for each guarantee.
pub(crate) fn falsified() -> Vec<(&'static str, Story)> {
    let started_late = || Story::default().ok(put("a", "1"), done(2)).watch_all(1, 0, 2);
    let events = |events| begin().events(1, 5, events);
    vec![
        ("CREATED_FIRST", begin().watch_all(1, 0, 5)),
        ("FILTER", started_late().events(1, 2, vec![a2()])),
        ("ORDERED", events(vec![a2()]).events(1, 5, vec![a4()]).events(1, 5, vec![b3()])),
        ("UNIQUE", events(vec![a2(), b3()]).events(1, 5, vec![b3()])),
        ("ATOMIC", transactions::in_two_answers()),
        ("TXN_ORDER", transactions::in_another_order()),
        ("RELIABLE", events(vec![a2(), a4()])),
        ("RESUMABLE", events(vec![b3()])),
        ("BOOKMARKABLE", events(vec![a2()]).watch(1, progress(3))),
        ("PREV_KV", with_prev_kv(None)),
        ("FIELDS", events(vec![put_event(kv("a", "1", [2, 2, 9]))])),
        ("PHANTOM", events(vec![a2(), delete_event("c", 3)])),
        ("CANCEL", begin().watch(1, canceled(0))),
        ("LIVENESS", events(vec![a2(), b3()]).healed().wait(30_000_000).ok(put("z", "9"), done(6))),
        ("AGREEMENT", apart(begin()).ok(put("z", "9"), done(99))),
    ]
}
