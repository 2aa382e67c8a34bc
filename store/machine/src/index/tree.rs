//! An ordered map from keys to values that knows how many live entries lie below each node.
//!
//! A B+ tree: entries in the leaves, separators above. Every node carries the number of *live*
//! entries below it, so that counting the live keys of a range costs O(log n), and a walk over live
//! keys steps over any number of dead neighbours at the price of a node. Dead entries (deleted keys
//! whose history is not compacted yet) are found only when asked for.
//!
//! Why not `BTreeMap` plus a set of live keys: neither gives ranks, and every key would be held
//! twice.

use std::ops::ControlFlow;

use super::node::{Leaf, Node, Split, Updated};
use crate::span::Span;

/// Tells whether an entry counts.
pub(crate) trait Liveness {
    /// Whether the entry is counted, and met by walks over live keys.
    fn is_live(&self) -> bool;
}

/// Which entries a walk meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// The live ones.
    Live,
    /// All.
    All,
}

/// In which direction a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the smallest key up.
    Ascending,
    /// From the greatest key down.
    Descending,
}

/// What is called for each entry of a walk; `Break` ends it.
pub(crate) type Visitor<'a, 'v, V> = dyn FnMut(&'a [u8], &'a V) -> ControlFlow<()> + 'v;

/// See the module.
#[derive(Debug)]
pub(crate) struct Tree<V> {
    root: Node<V>,
    len: usize,
}

impl<V: Liveness> Tree<V> {
    pub(crate) fn new() -> Self {
        Self { root: Node::Leaf(Leaf::default()), len: 0 }
    }

    /// Entries, dead ones included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        self.root.get(key)
    }

    /// Live keys in `span`.
    pub(crate) fn count_live(&self, span: &Span) -> usize {
        let below_end = match span.end() {
            Some(end) => self.root.live_before(end),
            None => self.root.live(),
        };
        // An inverted span has more live keys below its start than below its end.
        below_end.saturating_sub(self.root.live_before(span.start()))
    }

    /// Calls `visit` for the entries of `span` in order until it breaks.
    pub(crate) fn walk<'a>(
        &'a self,
        span: &Span,
        keys: Keys,
        direction: Direction,
        visit: &mut Visitor<'a, '_, V>,
    ) -> ControlFlow<()> {
        if span.end().is_some_and(|end| end <= span.start()) {
            return ControlFlow::Continue(());
        }
        self.root.walk(span, keys, direction, visit)
    }

    /// Changes the entry of `key`, or makes one of `V::default()` first.
    pub(crate) fn update<R>(&mut self, key: &[u8], change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        let Updated { result, inserted, split, .. } = self.root.update(key, change);
        self.len += usize::from(inserted);
        if let Some(Split { separator, right }) = split {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Leaf::default()));
            self.root = Node::parent(left, separator, right);
        }
        result
    }

    /// Takes the entry of `key` out.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let removed = self.root.remove(key)?;
        self.len -= 1;
        if let Some(only) = self.root.take_only_child() {
            self.root = only;
        }
        Some(removed)
    }
}

#[cfg(test)]
impl<V: Liveness> Tree<V> {
    fn height(&self) -> usize {
        self.root.height()
    }

    fn verify(&self) {
        self.root.verify(None, None, true);
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
