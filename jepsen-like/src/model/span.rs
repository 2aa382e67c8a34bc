//! Ranges of keys in etcd's convention.

use std::ops::Bound;

use crate::history::Blob;

/// Start and end for an ordered map.
type Bounds<'r> = (Bound<&'r [u8]>, Bound<&'r [u8]>);

/// A range of keys: one key, everything from a key on, or up to an exclusive end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'r> {
    key: &'r [u8],
    range_end: &'r [u8],
}

impl<'r> Span<'r> {
    /// As a request names it.
    pub fn new(key: &'r Blob, range_end: &'r Blob) -> Self {
        Self { key: key.as_bytes(), range_end: range_end.as_bytes() }
    }

    /// One key.
    pub fn of_key(key: &'r Blob) -> Self {
        Self { key: key.as_bytes(), range_end: &[] }
    }

    /// All keys.
    pub fn everything() -> Self {
        Self { key: &[0], range_end: &[0] }
    }

    /// The only key, if the range is of one.
    pub fn single(&self) -> Option<&'r [u8]> {
        self.range_end.is_empty().then_some(self.key)
    }

    /// Whether a key is in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        match self.range_end {
            [] => key == self.key,
            [0] => key >= self.key,
            end => key >= self.key && key < end,
        }
    }

    /// Whether a key may be in both ranges.
    pub fn overlaps(&self, other: &Span<'_>) -> bool {
        if self.is_empty() || other.is_empty() {
            return false;
        }
        self.starts_before_the_end_of(other) && other.starts_before_the_end_of(self)
    }

    fn starts_before_the_end_of(&self, other: &Span<'_>) -> bool {
        match other.range_end {
            [] => self.key <= other.key,
            [0] => true,
            end => self.key < end,
        }
    }

    fn is_empty(&self) -> bool {
        !matches!(self.range_end, [] | [0]) && self.key >= self.range_end
    }

    /// Bounds for an ordered map; `None` for an empty range, which a map's `range` would not take.
    pub(super) fn bounds(&self) -> Option<Bounds<'r>> {
        let end = match self.range_end {
            [] => Bound::Included(self.key),
            [0] => Bound::Unbounded,
            end => Bound::Excluded(end),
        };
        (!self.is_empty()).then_some((Bound::Included(self.key), end))
    }
}

#[cfg(test)]
mod tests {
    use super::{Blob, Span};

    fn overlaps(a: (&str, &str), b: (&str, &str)) -> bool {
        let [a0, a1, b0, b1] = [a.0, a.1, b.0, b.1].map(Blob::from);
        let (a, b) = (Span::new(&a0, &a1), Span::new(&b0, &b1));
        assert_eq!(a.overlaps(&b), b.overlaps(&a));
        a.overlaps(&b)
    }

    #[test]
    fn ranges_overlap_only_where_a_key_fits_in_both() {
        assert!(overlaps(("a", ""), ("a", "b")));
        assert!(overlaps(("a", "c"), ("b", "d")));
        assert!(overlaps(("a", "\0"), ("z", "")));
        assert!(!overlaps(("a", "b"), ("b", "")));
        assert!(!overlaps(("b", "a"), ("a", "\0")));
        assert!(!overlaps(("a", ""), ("b", "\0")));
    }
}
