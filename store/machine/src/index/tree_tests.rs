//! The tree against `BTreeMap`.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Flag {
    live: bool,
    number: u32,
}

impl Liveness for Flag {
    fn is_live(&self) -> bool {
        self.live
    }
}

#[derive(Debug, Clone)]
enum Step {
    Set(Vec<u8>, bool),
    Remove(Vec<u8>),
    /// Removes a run of keys, so that nodes join.
    Clear(Vec<u8>, Vec<u8>),
    Check(Vec<u8>, Vec<u8>, usize),
}

/// Keys of a small alphabet, so that they meet; many enough for three levels.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(prop_oneof![Just(0u8), Just(b'a'), Just(0xff)], 0..6),
        (0u16..3000).prop_map(|number| number.to_be_bytes().to_vec()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (key(), any::<bool>()).prop_map(|(key, live)| Step::Set(key, live)),
        6 => key().prop_map(Step::Remove),
        1 => (key(), key()).prop_map(|(from, to)| Step::Clear(from, to)),
        3 => (key(), key(), 0usize..20).prop_map(|(from, to, max)| Step::Check(from, to, max)),
    ]
}

fn span(from: &[u8], to: &[u8]) -> Span {
    let all = Span::all();
    let tail = if from.is_empty() { all } else { all.from(from) };
    if to.is_empty() { tail } else { tail.before(to) }
}

fn walked(
    tree: &Tree<Flag>,
    span: &Span,
    keys: Keys,
    direction: Direction,
) -> Vec<(Vec<u8>, Flag)> {
    let mut seen = Vec::new();
    let _ = tree.walk(span, keys, direction, &mut |key, flag| {
        seen.push((key.to_vec(), *flag));
        ControlFlow::Continue(())
    });
    seen
}

fn check(tree: &Tree<Flag>, model: &BTreeMap<Vec<u8>, Flag>, span: &Span, max: usize) {
    let all: Vec<_> = model
        .iter()
        .filter(|(key, _)| span.contains(key))
        .map(|(key, flag)| (key.clone(), *flag))
        .collect();
    let live: Vec<_> = all.iter().filter(|(_, flag)| flag.live).cloned().collect();
    assert_eq!(tree.count_live(span), live.len());
    for (keys, expected) in [(Keys::All, all), (Keys::Live, live)] {
        assert_eq!(walked(tree, span, keys, Direction::Ascending), expected);
        let mut backwards = expected.clone();
        backwards.reverse();
        assert_eq!(walked(tree, span, keys, Direction::Descending), backwards);

        let mut first = Vec::new();
        let _ = tree.walk(span, keys, Direction::Ascending, &mut |key, flag| {
            if first.len() == max {
                return ControlFlow::Break(());
            }
            first.push((key.to_vec(), *flag));
            ControlFlow::Continue(())
        });
        assert_eq!(first, expected[..max.min(expected.len())]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tree_is_a_map_that_counts_live_entries(
        steps in proptest::collection::vec(step(), 1..2500),
    ) {
        let mut tree = Tree::new();
        let mut model = BTreeMap::new();
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Set(key, live) => {
                    let flag = Flag { live, number };
                    let before = tree.update(&key, |entry| std::mem::replace(entry, flag));
                    prop_assert_eq!(before, model.insert(key, flag).unwrap_or_default());
                }
                Step::Remove(key) => {
                    prop_assert_eq!(tree.remove(&key), model.remove(&key));
                }
                Step::Clear(from, to) => {
                    let span = span(&from, &to);
                    let cleared: Vec<_> =
                        model.keys().filter(|key| span.contains(key)).cloned().collect();
                    for key in cleared {
                        prop_assert_eq!(tree.remove(&key), model.remove(&key));
                    }
                }
                Step::Check(from, to, max) => {
                    prop_assert_eq!(tree.get(&from), model.get(&from));
                    check(&tree, &model, &span(&from, &to), max);
                }
            }
            prop_assert_eq!(tree.len(), model.len());
        }
        check(&tree, &model, &Span::all(), usize::MAX);
        tree.verify();
    }
}

#[test]
fn large_tree_stays_shallow_and_shrinks_to_nothing() {
    let mut tree = Tree::new();
    let key = |number: u32| number.to_be_bytes();
    for number in 0..20_000 {
        tree.update(&key(number), |flag| *flag = Flag { live: number % 2 == 0, number });
    }
    tree.verify();
    assert_eq!(tree.count_live(&Span::all()), 10_000);
    assert!(tree.height() <= 4, "height {}", tree.height());
    let from_key = |number: u32| Bytes::copy_from_slice(&key(number));
    assert_eq!(tree.count_live(&Span::new(&from_key(1000), &from_key(2000))), 500);
    assert_eq!(tree.count_live(&Span::new(&from_key(2000), &from_key(1000))), 0);
    for number in 0..20_000 {
        assert!(tree.remove(&key(number)).is_some());
    }
    tree.verify();
    assert_eq!(tree.len(), 0);
    assert_eq!(tree.height(), 1);
}
