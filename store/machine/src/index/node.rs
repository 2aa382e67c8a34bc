//! The nodes of the tree: where splitting, merging and counting happen.

use std::ops::ControlFlow;

use super::tree::{Direction, Keys, Liveness, Visitor};
use crate::span::Span;

/// Most entries of a leaf, and most children of an inner node.
const FANOUT_MAX: usize = 32;
/// A node with fewer is joined with a neighbour.
const FANOUT_MIN: usize = FANOUT_MAX / 4;

/// A part of the tree.
#[derive(Debug)]
pub(super) enum Node<V> {
    /// Entries.
    Leaf(Leaf<V>),
    /// Further nodes.
    Inner(Inner<V>),
}

/// Entries in key order.
#[derive(Debug)]
pub(super) struct Leaf<V> {
    entries: Vec<(Box<[u8]>, V)>,
    live: usize,
}

/// Nodes in key order. `separators[i]` is at most every key of `children[i + 1]` and greater than
/// every key of `children[i]`.
#[derive(Debug)]
pub(super) struct Inner<V> {
    separators: Vec<Box<[u8]>>,
    children: Vec<Node<V>>,
    live: usize,
}

/// What an update did.
pub(super) struct Updated<V, R> {
    pub(super) result: R,
    pub(super) inserted: bool,
    /// How the number of live entries changed.
    pub(super) live_change: isize,
    pub(super) split: Option<Split<V>>,
}

/// The right half of a node that became too large.
pub(super) struct Split<V> {
    pub(super) separator: Box<[u8]>,
    pub(super) right: Node<V>,
}

impl<V> Default for Leaf<V> {
    fn default() -> Self {
        Self { entries: Vec::new(), live: 0 }
    }
}

impl<V: Liveness> Node<V> {
    /// A new root above two nodes.
    pub(super) fn parent(left: Self, separator: Box<[u8]>, right: Self) -> Self {
        Self::Inner(Inner::new(vec![separator], vec![left, right]))
    }

    /// Live entries below.
    pub(super) fn live(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.live,
            Self::Inner(inner) => inner.live,
        }
    }

    fn fanout(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.entries.len(),
            Self::Inner(inner) => inner.children.len(),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&V> {
        match self {
            Self::Leaf(leaf) => leaf.find(key).ok().map(|at| &leaf.entries[at].1),
            Self::Inner(inner) => inner.children[inner.child_of(key)].get(key),
        }
    }

    /// Live entries with keys less than `key`.
    pub(super) fn live_before(&self, key: &[u8]) -> usize {
        match self {
            Self::Leaf(leaf) => {
                let (Ok(at) | Err(at)) = leaf.find(key);
                leaf.entries[..at].iter().filter(|(_, value)| value.is_live()).count()
            }
            Self::Inner(inner) => {
                let at = inner.child_of(key);
                let left: usize = inner.children[..at].iter().map(Self::live).sum();
                left + inner.children[at].live_before(key)
            }
        }
    }

    pub(super) fn walk<'a>(
        &'a self,
        span: &Span,
        keys: Keys,
        direction: Direction,
        visit: &mut Visitor<'a, '_, V>,
    ) -> ControlFlow<()> {
        if keys == Keys::Live && self.live() == 0 {
            return ControlFlow::Continue(());
        }
        match self {
            Self::Leaf(leaf) => {
                let wanted = leaf
                    .within(span)
                    .iter()
                    .filter(|(_, value)| keys == Keys::All || value.is_live());
                let mut step = |(key, value): &'a (Box<[u8]>, V)| visit(key, value);
                match direction {
                    Direction::Ascending => wanted.into_iter().try_for_each(&mut step),
                    Direction::Descending => wanted.rev().try_for_each(&mut step),
                }
            }
            Self::Inner(inner) => {
                let mut step = |child: &'a Self| child.walk(span, keys, direction, visit);
                let children = inner.within(span).iter();
                match direction {
                    Direction::Ascending => children.into_iter().try_for_each(&mut step),
                    Direction::Descending => children.rev().try_for_each(&mut step),
                }
            }
        }
    }

    pub(super) fn update<R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut V) -> R,
    ) -> Updated<V, R>
    where
        V: Default,
    {
        match self {
            Self::Leaf(leaf) => leaf.update(key, change),
            Self::Inner(inner) => inner.update(key, change),
        }
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<V> {
        match self {
            Self::Leaf(leaf) => leaf.remove(key),
            Self::Inner(inner) => inner.remove(key),
        }
    }

    /// The child of an inner node that has but one.
    pub(super) fn take_only_child(&mut self) -> Option<Self> {
        match self {
            Self::Inner(inner) if inner.children.len() == 1 => inner.children.pop(),
            Self::Inner(_) | Self::Leaf(_) => None,
        }
    }

    /// Moves everything of `right`, whose keys begin at `separator`, to the end of `self`.
    fn append(&mut self, separator: Box<[u8]>, right: Self) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => {
                left.entries.extend(right.entries);
                left.live += right.live;
            }
            (Self::Inner(left), Self::Inner(right)) => {
                left.separators.push(separator);
                left.separators.extend(right.separators);
                left.children.extend(right.children);
                left.live += right.live;
            }
            (Self::Leaf(_), Self::Inner(_)) | (Self::Inner(_), Self::Leaf(_)) => {
                unreachable!("neighbours are of the same height")
            }
        }
    }

    /// Cuts a node that is too large in half.
    fn split_if_full(&mut self) -> Option<Split<V>> {
        if self.fanout() <= FANOUT_MAX {
            return None;
        }
        match self {
            Self::Leaf(leaf) => Some(leaf.split()),
            Self::Inner(inner) => Some(inner.split()),
        }
    }
}

impl<V: Liveness> Leaf<V> {
    fn new(entries: Vec<(Box<[u8]>, V)>) -> Self {
        let live = entries.iter().filter(|(_, value)| value.is_live()).count();
        Self { entries, live }
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|(at, _)| at.as_ref().cmp(key))
    }

    fn within(&self, span: &Span) -> &[(Box<[u8]>, V)] {
        let (Ok(from) | Err(from)) = self.find(span.start());
        let to = span.end().map_or(self.entries.len(), |end| {
            let (Ok(to) | Err(to)) = self.find(end);
            to
        });
        &self.entries[from..to]
    }

    fn update<R>(&mut self, key: &[u8], change: impl FnOnce(&mut V) -> R) -> Updated<V, R>
    where
        V: Default,
    {
        let found = self.find(key);
        let (Ok(at) | Err(at)) = found;
        if found.is_err() {
            self.entries.insert(at, (key.into(), V::default()));
        }
        let value = &mut self.entries[at].1;
        let was_live = found.is_ok() && value.is_live();
        let result = change(value);
        let live_change = isize::from(value.is_live()) - isize::from(was_live);
        self.live = self.live.strict_add_signed(live_change);
        let split = (self.entries.len() > FANOUT_MAX).then(|| self.split());
        Updated { result, inserted: found.is_err(), live_change, split }
    }

    fn remove(&mut self, key: &[u8]) -> Option<V> {
        let at = self.find(key).ok()?;
        let (_, value) = self.entries.remove(at);
        self.live -= usize::from(value.is_live());
        Some(value)
    }

    fn split(&mut self) -> Split<V> {
        let right = Self::new(self.entries.split_off(self.entries.len() / 2));
        self.live -= right.live;
        let separator = shortest_between(
            &self.entries.last().expect("half of a full leaf is not empty").0,
            &right.entries[0].0,
        );
        Split { separator, right: Node::Leaf(right) }
    }
}

impl<V: Liveness> Inner<V> {
    fn new(separators: Vec<Box<[u8]>>, children: Vec<Node<V>>) -> Self {
        let live = children.iter().map(Node::live).sum();
        Self { separators, children, live }
    }

    /// Where `key` is, if it is anywhere.
    fn child_of(&self, key: &[u8]) -> usize {
        self.separators.partition_point(|separator| separator.as_ref() <= key)
    }

    fn within(&self, span: &Span) -> &[Node<V>] {
        let from = self.child_of(span.start());
        let to = span.end().map_or(self.children.len() - 1, |end| self.child_of(end));
        &self.children[from..=to]
    }

    fn update<R>(&mut self, key: &[u8], change: impl FnOnce(&mut V) -> R) -> Updated<V, R>
    where
        V: Default,
    {
        let at = self.child_of(key);
        let mut updated = self.children[at].update(key, change);
        self.live = self.live.strict_add_signed(updated.live_change);
        if let Some(Split { separator, right }) = updated.split.take() {
            self.separators.insert(at, separator);
            self.children.insert(at + 1, right);
        }
        updated.split = (self.children.len() > FANOUT_MAX).then(|| self.split());
        updated
    }

    fn remove(&mut self, key: &[u8]) -> Option<V> {
        let at = self.child_of(key);
        let removed = self.children[at].remove(key)?;
        self.live -= usize::from(removed.is_live());
        if self.children[at].fanout() < FANOUT_MIN && self.children.len() > 1 {
            self.join(at.min(self.children.len() - 2));
        }
        Some(removed)
    }

    /// Makes one node of `children[left]` and its right neighbour, or two halves when that is too
    /// large.
    fn join(&mut self, left: usize) {
        let right = self.children.remove(left + 1);
        let separator = self.separators.remove(left);
        let joined = &mut self.children[left];
        joined.append(separator, right);
        if let Some(Split { separator, right }) = joined.split_if_full() {
            self.separators.insert(left, separator);
            self.children.insert(left + 1, right);
        }
    }

    fn split(&mut self) -> Split<V> {
        let middle = self.children.len() / 2;
        let children = self.children.split_off(middle);
        let separators = self.separators.split_off(middle);
        let separator = self.separators.pop().expect("one separator between any two children");
        let right = Self::new(separators, children);
        self.live -= right.live;
        Split { separator, right: Node::Inner(right) }
    }
}

/// The shortest key that is greater than `left` and at most `right`.
fn shortest_between(left: &[u8], right: &[u8]) -> Box<[u8]> {
    let common = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    right[..=common].into()
}

#[cfg(test)]
impl<V: Liveness> Node<V> {
    pub(super) fn height(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Inner(inner) => 1 + inner.children[0].height(),
        }
    }

    /// Checks everything that is promised of a node whose keys lie in the given bounds.
    pub(super) fn verify(&self, least: Option<&[u8]>, end: Option<&[u8]>, is_root: bool) {
        assert!(self.fanout() <= FANOUT_MAX, "{} entries", self.fanout());
        assert!(is_root || self.fanout() >= FANOUT_MIN, "{} entries", self.fanout());
        match self {
            Self::Leaf(leaf) => {
                assert!(leaf.entries.is_sorted_by(|(a, _), (b, _)| a < b));
                for (key, _) in &leaf.entries {
                    assert!(least.is_none_or(|least| least <= key.as_ref()));
                    assert!(end.is_none_or(|end| key.as_ref() < end));
                }
                let live = leaf.entries.iter().filter(|(_, value)| value.is_live()).count();
                assert_eq!(leaf.live, live);
            }
            Self::Inner(inner) => {
                assert_eq!(inner.separators.len() + 1, inner.children.len());
                assert_eq!(inner.live, inner.children.iter().map(Self::live).sum::<usize>());
                for (at, child) in inner.children.iter().enumerate() {
                    assert_eq!(child.height() + 1, self.height());
                    let least = at.checked_sub(1).map_or(least, |at| Some(&inner.separators[at]));
                    let end = inner.separators.get(at).map_or(end, |separator| Some(separator));
                    child.verify(least, end, false);
                }
            }
        }
    }
}
