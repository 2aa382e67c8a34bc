//! Which keys a watcher is about.

use bytes::Bytes;

/// The end of a [`Span`]; every key lies before an unbounded one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Exclusive.
    Before(Bytes),
    /// There is none.
    Unbounded,
}

impl End {
    /// Whether the key lies before this end.
    pub(super) fn is_after(&self, key: &[u8]) -> bool {
        match self {
            Self::Before(end) => key < end.as_ref(),
            Self::Unbounded => true,
        }
    }
}

/// A run of keys, never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first key.
    pub start: Bytes,
    /// What lies behind the last one.
    pub end: End,
}

impl Span {
    /// Whether the key lies before the end, wherever the start is.
    pub(super) fn ends_after(&self, key: &[u8]) -> bool {
        self.end.is_after(key)
    }
}

/// One key, or a run of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRange {
    /// This key.
    Key(Bytes),
    /// These keys.
    Span(Span),
}

impl KeyRange {
    /// The range that a request names (G39): an empty key stands for the smallest one, an empty
    /// `range_end` for the key alone, a single zero byte for everything from the key on. `None` where no
    /// key can lie in it.
    pub fn from_wire(key: Bytes, range_end: Bytes) -> Option<Self> {
        let key = if key.is_empty() { Bytes::from_static(&[0]) } else { key };
        match range_end.as_ref() {
            [] => Some(Self::Key(key)),
            [0] => Some(Self::Span(Span { start: key, end: End::Unbounded })),
            end if key.as_ref() < end => {
                Some(Self::Span(Span { start: key, end: End::Before(range_end) }))
            }
            _ => None,
        }
    }

    /// Whether the key lies in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        match self {
            Self::Key(own) => own.as_ref() == key,
            Self::Span(span) => span.start.as_ref() <= key && span.ends_after(key),
        }
    }
}
