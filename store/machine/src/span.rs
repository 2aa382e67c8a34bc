//! Which keys a `(key, range_end)` pair means.

use bytes::Bytes;

/// A half-open range of keys: from `start` on, up to but without `end`, or without an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    start: Bytes,
    end: Option<Bytes>,
}

impl Span {
    /// The keys that etcd means by `key` and `range_end` (G8).
    pub(crate) fn new(key: &Bytes, range_end: &Bytes) -> Self {
        let end = match range_end.as_ref() {
            [] => Some(successor(key)),
            [0] => None,
            _ => Some(range_end.clone()),
        };
        Self { start: key.clone(), end }
    }

    /// Every key.
    pub(crate) fn all() -> Self {
        Self { start: Bytes::new(), end: None }
    }

    pub(crate) fn start(&self) -> &[u8] {
        &self.start
    }

    pub(crate) fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        key >= self.start() && self.end().is_none_or(|end| key < end)
    }

    /// What is left of the range behind `key`.
    pub(crate) fn after(self, key: &[u8]) -> Self {
        Self { start: successor(key), end: self.end }
    }

    /// What is left of the range from `key` on.
    pub(crate) fn from(self, key: &[u8]) -> Self {
        Self { start: Bytes::copy_from_slice(key), end: self.end }
    }

    /// What is left of the range before `key`.
    pub(crate) fn before(self, key: &[u8]) -> Self {
        Self { start: self.start, end: Some(Bytes::copy_from_slice(key)) }
    }
}

/// The smallest key greater than `key`.
fn successor(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(key: &'static [u8], range_end: &'static [u8]) -> Span {
        Span::new(&Bytes::from_static(key), &Bytes::from_static(range_end))
    }

    #[test]
    fn empty_range_end_means_one_key() {
        let one = span(b"a", b"");
        assert!(one.contains(b"a"));
        assert!(!one.contains(b"a\0"));
        assert!(!one.contains(b"b"));
    }

    #[test]
    fn zero_byte_as_range_end_means_everything_from_the_key_on() {
        let rest = span(b"b", b"\0");
        assert!(rest.contains(b"b"));
        assert!(rest.contains(b"\xff\xff"));
        assert!(!rest.contains(b"a\xff"));
        assert!(span(b"\0", b"\0").contains(b"\0"));
    }

    #[test]
    fn range_end_is_exclusive_and_an_inverted_range_is_empty() {
        assert!(span(b"a", b"b").contains(b"a\xff"));
        assert!(!span(b"a", b"b").contains(b"b"));
        assert!(!span(b"b", b"a").contains(b"a"));
        assert!(!span(b"b", b"a").contains(b"b"));
        assert!(!span(b"a", b"a").contains(b"a"));
    }

    #[test]
    fn narrowed_span_excludes_the_key_it_was_narrowed_at() {
        assert!(!span(b"a", b"z").after(b"k").contains(b"k"));
        assert!(span(b"a", b"z").after(b"k").contains(b"k\0"));
        assert!(!span(b"a", b"z").before(b"k").contains(b"k"));
        assert!(span(b"a", b"z").before(b"k").contains(b"j\xff"));
    }
}
