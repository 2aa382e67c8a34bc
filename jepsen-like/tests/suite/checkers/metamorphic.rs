//! Checkers checked: a legal history stays legal under changes that preserve its meaning, and every
//! change that breaks it is found.

use std::collections::HashSet;

use jepsen_like::checker::{Options, Verdict, Violation, check, check_beginning};
use jepsen_like::history::{
    Event, History, InfoKind, KvEvent, Micros, Operation, Outcome, Request, Response, WatchRecord,
};
use jepsen_like::model::State;
use proptest::prelude::*;

use crate::checkers::support::generator::{Draw, Shape, generate};

fn first_violation(history: &History) -> Option<Violation> {
    check(history, &Options::default()).violations().next().cloned()
}

fn shapes() -> impl Strategy<Value = Shape> {
    (any::<u64>(), 0..3_u64, any::<bool>(), 2..8_u64).prop_map(|(seed, watches, taps, unknown)| {
        Shape { watches, taps, unknown_one_in: unknown, ..Shape::small(seed) }
    })
}

/// Shapes in which every change is watched, so that no unknown write can explain a damage.
fn watched_shapes() -> impl Strategy<Value = Shape> {
    any::<u64>().prop_map(|seed| Shape { watches: 2, ..Shape::small(seed) })
}

#[track_caller]
fn stays_legal(history: &History) {
    let report = check(history, &Options::default());
    let found: Vec<String> = report.violations().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{found:#?}");
    // Half of all outcomes unknown, and nobody who watches: then the search may give up.
    let proven =
        history.events.iter().any(|event| matches!(event, Event::Watch(_) | Event::Applied(_)));
    let verdict = report.verdict("strict_serializability");
    assert!(!proven || verdict == Some(&Verdict::Pass), "{verdict:?}");
}

/// Each event with its operation's request, if it ends one with an answer.
fn answers(history: &mut History) -> Vec<(Request, &mut Response)> {
    let requests: Vec<(u64, Request)> = history
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Invoke { op, request, .. } => Some((*op, request.clone())),
            _ => None,
        })
        .collect();
    let find =
        |op: u64| requests.iter().find(|(other, _)| *other == op).map(|(_, request)| request);
    let answers = history.events.iter_mut().filter_map(|event| match event {
        Event::Ok { op, response, .. } => Some((find(*op)?.clone(), response)),
        _ => None,
    });
    answers.collect()
}

fn deliveries(history: &mut History) -> Vec<&mut Vec<KvEvent>> {
    let deliveries = history.events.iter_mut().filter_map(|event| match event {
        Event::Watch(line) => match &mut line.record {
            WatchRecord::Events { events, .. } => Some(events),
            _ => None,
        },
        _ => None,
    });
    deliveries.filter(|events| !events.is_empty()).collect()
}

/// The highest revision that was known before a moment.
fn known_before(operations: &[Operation<'_>], time: Micros) -> i64 {
    let revisions = operations.iter().filter_map(|operation| match operation.outcome {
        Outcome::Ok(Response::Compact(_)) => None,
        Outcome::Ok(response) if operation.end? < time => Some(response.header().revision),
        _ => None,
    });
    revisions.max().unwrap_or(1)
}

/// Answers one read as it was before something that was known. False if there is no such read.
fn make_a_read_stale(history: &mut History, state: &State) -> bool {
    let operations = history.operations();
    let stale = operations.list.iter().find_map(|operation| {
        let Request::Range(range) = operation.request else { return None };
        let Outcome::Ok(_) = operation.outcome else { return None };
        let known = known_before(&operations.list, operation.call);
        let answer = state.answer_at(operation.request, known - 1);
        (range.revision == 0 && known > 1).then(|| Some((operation.op, answer.ok()?)))?
    });
    let Some((read, answer)) = stale else { return false };
    for event in &mut history.events {
        if let Event::Ok { op, response, .. } = event
            && *op == read
        {
            *response = answer;
            return true;
        }
    }
    false
}

/// Exchanges the revisions of two writes, one of which ended before the other was called.
fn swap_revisions(history: &mut History) -> bool {
    let operations = history.operations();
    let puts: Vec<&Operation<'_>> = operations
        .list
        .iter()
        .filter(|operation| matches!(operation.outcome, Outcome::Ok(Response::Put(_))))
        .collect();
    let pair = puts.iter().find_map(|first| {
        let after = |second: &&&Operation<'_>| first.end.is_some_and(|end| end < second.call);
        puts.iter().find(after).map(|second| [first.op, second.op])
    });
    let Some(pair) = pair else { return false };
    let mut headers = history.events.iter_mut().filter_map(|event| match event {
        Event::Ok { op, response: Response::Put(put), .. } if pair.contains(op) => {
            Some(&mut put.header)
        }
        _ => None,
    });
    let (Some(a), Some(b)) = (headers.next(), headers.next()) else { return false };
    std::mem::swap(a, b);
    true
}

/// Forgets an acknowledged put altogether.
fn drop_an_acknowledged_put(history: &mut History) -> bool {
    let operations = history.operations();
    let put = operations
        .list
        .iter()
        .find(|operation| matches!(operation.outcome, Outcome::Ok(Response::Put(_))))
        .map(|operation| operation.op);
    let Some(put) = put else { return false };
    history.events.retain(|event| match event {
        Event::Invoke { op, .. } | Event::Ok { op, .. } => *op != put,
        _ => true,
    });
    true
}

fn made_longer(history: &mut History, by: Micros) {
    for event in &mut history.events {
        match event {
            Event::Invoke { time, .. } => *time = time.saturating_sub(by),
            Event::Ok { time, .. } | Event::Fail { time, .. } => *time += by,
            _ => {}
        }
    }
}

/// Two unknown writes that could stand for each other: the later one was taken for the writer of revision
/// 3, and a compaction of it was called one of a revision that could not be there yet.
#[test]
fn a_revision_may_be_the_earlier_of_two_unknown_writes() {
    for (watches, taps) in (0..3).flat_map(|watches| [(watches, false), (watches, true)]) {
        for by in 1..20 {
            let shape = Shape::small(11_937_013_791_560_299_329);
            let (mut history, _) = generate(Shape { watches, taps, unknown_one_in: 6, ..shape });
            made_longer(&mut history, by);
            stays_legal(&history);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_histories_are_legal(shape in shapes()) {
        stays_legal(&generate(shape).0);
    }

    #[test]
    fn longer_operations_stay_legal(shape in shapes(), by in 1..20_u64) {
        let (mut history, _) = generate(shape);
        made_longer(&mut history, by);
        stays_legal(&history);
    }

    #[test]
    fn reads_may_be_dropped(shape in shapes()) {
        let (mut history, _) = generate(shape);
        let reads: HashSet<u64> = history
            .operations()
            .list
            .iter()
            .filter(|operation| matches!(operation.request, Request::Range(_)) && operation.op % 2 == 0)
            .map(|operation| operation.op)
            .collect();
        history.events.retain(|event| match event {
            Event::Invoke { op, .. } | Event::Ok { op, .. } | Event::Fail { op, .. } | Event::Info { op, .. } => {
                !reads.contains(op)
            }
            _ => true,
        });
        stays_legal(&history);
    }

    #[test]
    fn answers_may_be_forgotten(shape in watched_shapes(), which: u64) {
        let (mut history, _) = generate(shape);
        let mut draw = Draw(which);
        for event in &mut history.events {
            if let Event::Ok { time, op, .. } | Event::Fail { time, op, .. } = event
                && draw.one_in(5)
            {
                *event = Event::Info { time: *time, op: *op, error: InfoKind::ConnectionLost.into() };
            }
        }
        stays_legal(&history);
    }

    #[test]
    fn the_beginning_of_a_legal_history_is_legal(shape in shapes(), cut: prop::sample::Index) {
        let (mut history, _) = generate(shape);
        history.events.truncate(cut.index(history.events.len()));
        prop_assert_eq!(check_beginning(&history, &Options::default()), None);
    }

    #[test]
    fn stale_reads_are_found(shape in shapes()) {
        let (mut history, state) = generate(shape);
        prop_assume!(make_a_read_stale(&mut history, &state));
        let found = first_violation(&history).unwrap();
        prop_assert_eq!(found.guarantee, "STALE_READ");
    }

    #[test]
    fn swapped_revisions_are_found(shape in shapes()) {
        let (mut history, _) = generate(shape);
        prop_assume!(swap_revisions(&mut history));
        prop_assert!(first_violation(&history).is_some());
    }

    #[test]
    fn a_write_nobody_called_is_found(shape in watched_shapes()) {
        let (mut history, _) = generate(shape);
        prop_assume!(drop_an_acknowledged_put(&mut history));
        prop_assert!(first_violation(&history).is_some());
    }

    #[test]
    fn wrong_values_in_answers_are_found(shape in watched_shapes(), which: usize) {
        let (mut history, _) = generate(shape);
        let mut answers = answers(&mut history);
        let mut kvs: Vec<_> = answers
            .iter_mut()
            .filter_map(|(_, response)| match response {
                Response::Range(range) => range.kvs.first_mut(),
                Response::Put(put) => put.prev_kv.as_mut(),
                _ => None,
            })
            .collect();
        let count = kvs.len();
        prop_assume!(count > 0);
        match which % 3 {
            0 => kvs[which % count].version += 1,
            1 => kvs[which % count].value = "wrong".into(),
            _ => kvs[which % count].create_revision -= 1,
        }
        prop_assert!(first_violation(&history).is_some());
        prop_assert!(check_beginning(&history, &Options::default()).is_some());
    }

    #[test]
    fn a_key_missing_at_the_end_is_found(shape in watched_shapes()) {
        let (mut history, _) = generate(shape);
        let mut answers = answers(&mut history);
        let Some((_, Response::Range(last))) = answers.pop() else { panic!("no final read") };
        prop_assume!(last.kvs.pop().is_some());
        last.count -= 1;
        prop_assert!(first_violation(&history).is_some());
    }

    #[test]
    fn dropped_events_are_found(shape in watched_shapes(), which: usize) {
        let (mut history, _) = generate(shape);
        let mut deliveries = deliveries(&mut history);
        let count = deliveries.len();
        prop_assume!(count > 0);
        deliveries[which % count].remove(0);
        prop_assert!(first_violation(&history).is_some());
    }

    #[test]
    fn repeated_events_are_found(shape in watched_shapes(), which: usize) {
        let (mut history, _) = generate(shape);
        let mut deliveries = deliveries(&mut history);
        let count = deliveries.len();
        prop_assume!(count > 0);
        let again = deliveries[which % count].clone();
        deliveries[which % count].extend(again);
        let found = first_violation(&history).unwrap();
        prop_assert_eq!(found.checker, "watch");
    }

    #[test]
    fn reordered_events_are_found(shape in watched_shapes()) {
        let (mut history, _) = generate(shape);
        let mut deliveries = deliveries(&mut history);
        let long = deliveries.iter_mut().find(|events| events.len() > 1);
        prop_assume!(long.is_some());
        long.unwrap().reverse();
        let found = first_violation(&history).unwrap();
        prop_assert_eq!(found.checker, "watch");
    }

    #[test]
    fn wrong_previous_keys_are_found(shape in watched_shapes()) {
        let (mut history, _) = generate(shape);
        let mut deliveries = deliveries(&mut history);
        let mut events = deliveries.iter_mut().flat_map(|events| events.iter_mut());
        let previous = events.find_map(|event| event.prev_kv.as_mut());
        prop_assume!(previous.is_some());
        previous.unwrap().mod_revision -= 1;
        let found = first_violation(&history).unwrap();
        prop_assert_eq!(found.guarantee, "PREV_KV");
    }

    #[test]
    fn no_history_makes_a_checker_panic(shape in shapes(), damage in prop::collection::vec(any::<u64>(), 1..8)) {
        let (mut history, _) = generate(shape);
        for draw in damage {
            break_anyhow(&mut history, &mut Draw(draw));
        }
        check(&history, &Options { search_steps_max: 1000, ..Options::default() });
    }
}

/// Damages a history without any plan.
fn break_anyhow(history: &mut History, draw: &mut Draw) {
    let count = history.events.len() as u64;
    let (a, b) = (draw.below(count) as usize, draw.below(count) as usize);
    let extremes = [i64::MIN, -1, 0, 1, i64::MAX];
    let extreme = extremes[draw.below(5) as usize];
    match draw.below(5) {
        0 => history.events.swap(a, b),
        1 => {
            history.events.remove(a);
        }
        2 => {
            let event = history.events[a].clone();
            history.events.insert(b, event);
        }
        _ => match &mut history.events[a] {
            Event::Ok { response: Response::Put(put), .. } => put.header.revision = extreme,
            Event::Ok { response: Response::Range(range), .. } => range.header.revision = extreme,
            Event::Ok { response: Response::Txn(txn), .. } => txn.header.revision = extreme,
            Event::Invoke { time, .. } => *time = extreme as u64,
            Event::Applied(tap) => tap.revision = extreme,
            Event::Watch(line) => match &mut line.record {
                WatchRecord::Events { revision, events, .. } => {
                    *revision = extreme;
                    events.iter_mut().for_each(|event| event.kv.mod_revision = extreme);
                }
                WatchRecord::Resumed { start_revision, revision } => {
                    (*start_revision, *revision) = (extreme, extreme);
                }
                WatchRecord::Progress { revision } => *revision = extreme,
                _ => {}
            },
            _ => {}
        },
    }
}
