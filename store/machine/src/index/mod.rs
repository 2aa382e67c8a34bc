//! The index: which revisions every key has.
//!
//! Must never know: values, commands, what a range request may ask for.

mod history;
mod node;
mod puts;
mod recent;
mod tree;

use std::ops::ControlFlow;

pub(crate) use history::{History, Seen};
pub(crate) use tree::{Direction, Keys};

use self::recent::Recent;
use self::tree::{Tree, Visitor};
use crate::row::Revision;
use crate::span::Span;

/// See the module.
#[derive(Debug)]
pub(crate) struct Index {
    tree: Tree<History>,
    recent: Recent,
    /// Main revision of the newest change.
    newest: i64,
}

impl Index {
    /// Of an empty store.
    pub(crate) fn new(revision: i64) -> Self {
        Self { tree: Tree::new(), recent: Recent::since(revision), newest: revision }
    }

    /// Main revision of the newest change.
    pub(crate) fn newest(&self) -> i64 {
        self.newest
    }

    /// Keys, deleted ones included as long as history of them is left.
    pub(crate) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&History> {
        self.tree.get(key)
    }

    /// The key-value of `key` now.
    pub(crate) fn latest(&self, key: &[u8]) -> Option<Seen> {
        self.tree.get(key)?.latest()
    }

    /// Live keys in `span` now.
    pub(crate) fn count(&self, span: &Span) -> usize {
        self.tree.count_live(span)
    }

    /// Live keys in `span` at an older revision, if it can be told without a walk.
    pub(crate) fn count_at(&self, revision: i64, span: &Span) -> Option<i64> {
        let growth = self.recent.growth_since(revision, span)?;
        Some(i64::try_from(self.count(span)).expect("a count fits") - growth)
    }

    /// Calls `visit` for the keys of `span` in order until it breaks.
    pub(crate) fn walk<'a>(
        &'a self,
        span: &Span,
        keys: Keys,
        direction: Direction,
        visit: &mut Visitor<'a, '_, History>,
    ) -> ControlFlow<()> {
        self.tree.walk(span, keys, direction, visit)
    }

    /// Records a put and tells what it made.
    pub(crate) fn put(&mut self, key: &[u8], revision: Revision, lease: i64) -> Seen {
        let seen = self.tree.update(key, |history| history.put(revision, lease));
        if seen.version == 1 {
            self.recent.born(revision.main, key);
        }
        self.newest = revision.main;
        seen
    }

    /// Records the deletion of a living key.
    pub(crate) fn delete(&mut self, key: &[u8], revision: Revision) {
        let last = self.tree.update(key, |history| history.delete(revision));
        assert!(last.is_some(), "deleting a key that is not alive at {revision:?}");
        self.recent.died(revision.main, key);
        self.newest = revision.main;
    }

    /// Changes a key's history as it was stored; for restoring.
    pub(crate) fn restore<R>(&mut self, key: &[u8], change: impl FnOnce(&mut History) -> R) -> R {
        self.tree.update(key, change)
    }

    /// Compacts the next keys of `span`: looks at no more than `keys_max` keys and drops no more
    /// than as many revisions. Returns what was dropped, and what of `span` is left to do.
    pub(crate) fn compact(
        &mut self,
        span: Span,
        bound: i64,
        keys_max: usize,
    ) -> (Vec<Revision>, Option<Span>) {
        let mut looked_at = 0;
        let mut compactable: Vec<Box<[u8]>> = Vec::new();
        let mut last: Option<&[u8]> = None;
        let walked = self.walk(&span, Keys::All, Direction::Ascending, &mut |key, history| {
            if looked_at == keys_max {
                return ControlFlow::Break(());
            }
            looked_at += 1;
            last = Some(key);
            if history.is_compactable(bound) {
                compactable.push(key.into());
            }
            ControlFlow::Continue(())
        });
        let mut rest = match (walked, last) {
            (ControlFlow::Break(()), Some(last)) => Some(span.clone().after(last)),
            (ControlFlow::Break(()), None) => Some(span.clone()),
            (ControlFlow::Continue(()), _) => None,
        };
        let mut removed = Vec::new();
        for key in compactable {
            let (is_done, is_empty) = self.tree.update(&key, |history| {
                let max = keys_max - removed.len();
                (history.compact(bound, max, &mut removed), history.is_empty())
            });
            if is_empty {
                self.tree.remove(&key);
            }
            if !is_done {
                rest = Some(span.from(&key));
                break;
            }
        }
        (removed, rest)
    }
}
