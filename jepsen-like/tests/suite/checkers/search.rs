//! Two ways to the same verdict: the check that is anchored at revisions, and the search that takes
//! nothing for granted, agree on small histories, legal and illegal.

use jepsen_like::checker::linearizability::{EtcdModel, check as search};
use jepsen_like::checker::strict_serializability::check;
use jepsen_like::checker::{Options, Verdict};
use jepsen_like::history::{Event, History, Response};
use proptest::prelude::*;

use crate::checkers::support::generator::{Draw, Shape, generate};

fn tiny() -> impl Strategy<Value = History> {
    any::<u64>().prop_map(|seed| {
        let shape = Shape {
            operations: 12,
            clients: 3,
            keys: 2,
            unknown_one_in: 4,
            watches: 0,
            compactions: false,
            ..Shape::small(seed)
        };
        let (mut history, _) = generate(shape);
        // Refusals are outside the search's model.
        let refused: Vec<u64> = history
            .events
            .iter()
            .filter_map(|event| if let Event::Fail { op, .. } = event { Some(*op) } else { None })
            .collect();
        history.events.retain(|event| match event {
            Event::Invoke { op, .. } | Event::Fail { op, .. } => !refused.contains(op),
            _ => true,
        });
        history
    })
}

/// Changes one answer, or none.
fn disturb(history: &mut History, draw: &mut Draw) {
    let mut answers: Vec<&mut Response> = history
        .events
        .iter_mut()
        .filter_map(
            |event| if let Event::Ok { response, .. } = event { Some(response) } else { None },
        )
        .collect();
    let count = answers.len() as u64;
    let chosen = draw.below(count) as usize;
    let by = if draw.one_in(2) { 1 } else { -1 };
    match &mut *answers[chosen] {
        _ if draw.one_in(3) => {}
        Response::Put(put) => put.header.revision += by,
        Response::Txn(txn) => txn.header.revision += by,
        Response::DeleteRange(delete) => delete.header.revision += by,
        Response::Range(range) => match range.kvs.first_mut() {
            Some(kv) if draw.one_in(2) => kv.mod_revision += by,
            _ => range.header.revision += by,
        },
        Response::Compact(_) | Response::Lease(_) | Response::Lock(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_checks_agree(history in tiny(), disturbance: u64) {
        let mut history = history;
        disturb(&mut history, &mut Draw(disturbance));
        let operations = history.operations();
        let anchored = check(&history, &operations, &Options::default()).verdict;
        let searched = search(&EtcdModel, &EtcdModel::calls(&operations), 100_000);
        // The search is exponential in unknown outcomes; where it gives up there is nothing to
        // compare.
        prop_assume!(!matches!(searched, Verdict::Inconclusive { .. }));
        prop_assert!(!matches!(anchored, Verdict::Inconclusive { .. }), "{:?}", anchored);
        let legal = |verdict: &Verdict| verdict.violation().is_none();
        prop_assert_eq!(legal(&anchored), legal(&searched), "{:#?}\n{:#?}", anchored, searched);
    }
}
