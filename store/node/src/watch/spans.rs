//! A map from spans of keys to values that finds the spans around a key.

use std::cmp::Ordering;

use super::range::{End, Span};

/// Values by span: a treap ordered by span, in which each node knows the farthest end below it.
///
/// A search goes only where a span around the key can be: O(log n) steps, and as many for each span that
/// it finds. Why not a table of key segments: it is quadratic when spans nest, as one watcher "from here
/// on" per key would make them. The heap order comes from the count of insertions, so the shape is the
/// same in every run and no order of insertions is bad by nature.
#[derive(Debug)]
pub(super) struct Spans<V> {
    root: Link<V>,
    insertions: u64,
}

type Link<V> = Option<Box<Node<V>>>;

#[derive(Debug)]
struct Node<V> {
    span: Span,
    value: V,
    priority: u64,
    end_max: End,
    left: Link<V>,
    right: Link<V>,
}

impl<V> Default for Spans<V> {
    fn default() -> Self {
        Self { root: None, insertions: 0 }
    }
}

impl<V: Default> Spans<V> {
    /// The value of `span`, made where there is none.
    pub(super) fn entry(&mut self, span: &Span) -> &mut V {
        if self.get_mut(span).is_none() {
            self.insertions += 1;
            let node = Node {
                span: span.clone(),
                value: V::default(),
                priority: scatter(self.insertions),
                end_max: span.end.clone(),
                left: None,
                right: None,
            };
            let (left, right) = split(self.root.take(), span);
            self.root = merge(merge(left, Some(Box::new(node))), right);
        }
        self.get_mut(span).expect("it was there, or has just been inserted")
    }

    /// The value of exactly this span.
    pub(super) fn get(&self, span: &Span) -> Option<&V> {
        let mut link = self.root.as_ref();
        while let Some(node) = link {
            link = match span.cmp(&node.span) {
                Ordering::Less => node.left.as_ref(),
                Ordering::Greater => node.right.as_ref(),
                Ordering::Equal => return Some(&node.value),
            };
        }
        None
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, span: &Span) -> Option<&mut V> {
        let mut link = self.root.as_mut();
        while let Some(node) = link {
            link = match span.cmp(&node.span) {
                Ordering::Less => node.left.as_mut(),
                Ordering::Greater => node.right.as_mut(),
                Ordering::Equal => return Some(&mut node.value),
            };
        }
        None
    }

    /// Forgets a span.
    pub(super) fn remove(&mut self, span: &Span) {
        remove(&mut self.root, span);
    }

    /// Calls `found` with the value of each span around `key`, in order of the spans.
    pub(super) fn around<'a>(&'a self, key: &[u8], found: &mut impl FnMut(&'a V)) {
        around(self.root.as_deref(), key, found);
    }

    #[cfg(test)]
    pub(super) fn depth(&self) -> usize {
        fn depth<V>(link: Option<&Node<V>>) -> usize {
            link.map_or(0, |node| 1 + depth(node.left.as_deref()).max(depth(node.right.as_deref())))
        }
        depth(self.root.as_deref())
    }
}

impl<V> Node<V> {
    fn refresh(&mut self) {
        let below = [&self.left, &self.right].into_iter().flatten().map(|node| &node.end_max);
        self.end_max = below.chain([&self.span.end]).max().expect("its own end is there").clone();
    }
}

fn around<'a, V>(link: Option<&'a Node<V>>, key: &[u8], found: &mut impl FnMut(&'a V)) {
    let Some(node) = link else { return };
    if !node.end_max.is_after(key) {
        return;
    }
    around(node.left.as_deref(), key, found);
    if node.span.start.as_ref() > key {
        return;
    }
    if node.span.ends_after(key) {
        found(&node.value);
    }
    around(node.right.as_deref(), key, found);
}

/// What lies before `span`, and the rest.
fn split<V>(link: Link<V>, span: &Span) -> (Link<V>, Link<V>) {
    let Some(mut node) = link else { return (None, None) };
    if node.span < *span {
        let (left, right) = split(node.right.take(), span);
        node.right = left;
        node.refresh();
        (Some(node), right)
    } else {
        let (left, right) = split(node.left.take(), span);
        node.left = right;
        node.refresh();
        (left, Some(node))
    }
}

/// Joins two trees, all of whose spans are in order.
fn merge<V>(left: Link<V>, right: Link<V>) -> Link<V> {
    let (mut left, mut right) = match (left, right) {
        (None, link) | (link, None) => return link,
        (Some(left), Some(right)) => (left, right),
    };
    if left.priority >= right.priority {
        left.right = merge(left.right.take(), Some(right));
        left.refresh();
        Some(left)
    } else {
        right.left = merge(Some(left), right.left.take());
        right.refresh();
        Some(right)
    }
}

fn remove<V>(link: &mut Link<V>, span: &Span) {
    let Some(node) = link else { return };
    match span.cmp(&node.span) {
        Ordering::Less => remove(&mut node.left, span),
        Ordering::Greater => remove(&mut node.right, span),
        Ordering::Equal => {
            *link = merge(node.left.take(), node.right.take());
            return;
        }
    }
    node.refresh();
}

/// Spreads consecutive numbers over all 64 bits (the finalizer of `SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn span(start: u16, end: Option<u16>) -> Span {
        let key = |number: u16| Bytes::copy_from_slice(&number.to_be_bytes());
        Span { start: key(start), end: end.map_or(End::Unbounded, |end| End::Before(key(end))) }
    }

    proptest! {
        #[test]
        fn finds_exactly_the_spans_around_a_key(
            steps in prop::collection::vec((0..40_u16, prop::option::of(1..40_u16), prop::bool::ANY), 1..60)
        ) {
            let mut spans = Spans::<Vec<Span>>::default();
            let mut model = Vec::<Span>::new();
            for (start, length, insert) in steps {
                let span = span(start, length.map(|length| start + length));
                model.retain(|other| *other != span);
                if insert {
                    *spans.entry(&span) = vec![span.clone()];
                    model.push(span);
                    model.sort();
                } else {
                    spans.remove(&span);
                }
                for key in 0..80_u16 {
                    let key = key.to_be_bytes();
                    let mut found = Vec::new();
                    spans.around(&key, &mut |value| found.extend(value.iter().cloned()));
                    let around = |span: &&Span| span.start.as_ref() <= &key[..] && span.ends_after(&key);
                    prop_assert_eq!(found, model.iter().filter(around).cloned().collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn stays_shallow_when_spans_arrive_in_order() {
        let mut spans = Spans::<()>::default();
        for start in 0..10_000 {
            spans.entry(&span(start, Some(start + 1)));
        }
        assert!(spans.depth() < 60, "depth {} for 10,000 spans", spans.depth());
    }
}
