//! Long histories with many unknown outcomes are judged in one pass.

use jepsen_like::checker::{Options, Verdict, check};

use crate::checkers::support::generator::{Shape, generate};

const SIZE: u64 = 20_000;

#[test]
fn a_long_history_with_many_unknown_outcomes_is_judged_without_search() {
    let shape = Shape {
        operations: SIZE,
        clients: 16,
        keys: 100,
        unknown_one_in: 100,
        watches: 2,
        ..Shape::small(7)
    };
    let (history, state) = generate(shape);
    let report = check(&history, &Options::default());
    assert_eq!(report.violations().collect::<Vec<_>>(), Vec::<&_>::new());
    assert_eq!(report.verdict("strict_serializability"), Some(&Verdict::Pass));
    assert_eq!(report.statistics.revisions as i64, state.revision() - 1);
    assert!(report.statistics.unknown > 50, "{:?}", report.statistics);
    assert_eq!(report.statistics.operations as u64, SIZE + 1);
}
