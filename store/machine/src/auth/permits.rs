//! What the permissions of all roles of a user come to: disjoint ranges of keys that may be read,
//! and such that may be written.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use super::Permission;
use crate::span::Span;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Permits {
    read: Cover,
    write: Cover,
}

impl Permits {
    pub(super) fn of<'a>(permissions: impl Iterator<Item = &'a Permission>) -> Self {
        let mut permits = Self::default();
        for permission in permissions {
            let span = Span::new(&permission.key, &permission.range_end);
            if permission.kind.reads() {
                permits.read.add(&span);
            }
            if permission.kind.writes() {
                permits.write.add(&span);
            }
        }
        permits
    }

    pub(super) fn read(&self, key: &Bytes, range_end: &Bytes) -> bool {
        self.read.covers(&Span::new(key, range_end))
    }

    pub(super) fn write(&self, key: &Bytes, range_end: &Bytes) -> bool {
        self.write.covers(&Span::new(key, range_end))
    }
}

/// Ranges by their first key, none of which touch; the end is `None` where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Cover {
    ranges: BTreeMap<Bytes, Option<Bytes>>,
}

impl Cover {
    /// Merges the range with all that it meets: a request must be covered as a whole, but not by
    /// one permission alone (G83).
    fn add(&mut self, span: &Span) {
        let mut start = Bytes::copy_from_slice(span.start());
        let mut end = span.end().map(Bytes::copy_from_slice);
        while let Some((first, last)) = self.at_or_before(end.as_deref()) {
            if last.as_ref().is_some_and(|last| *last < start) {
                break;
            }
            self.ranges.remove(&first);
            start = start.min(first);
            end = match (end, last) {
                (Some(end), Some(last)) => Some(end.max(last)),
                _ => None,
            };
        }
        self.ranges.insert(start, end);
    }

    /// The last range that begins at `key` or before it.
    fn at_or_before(&self, key: Option<&[u8]>) -> Option<(Bytes, Option<Bytes>)> {
        let to = key.map_or(Bound::Unbounded, Bound::Included);
        let found = self.ranges.range::<[u8], _>((Bound::Unbounded, to)).next_back();
        found.map(|(first, last)| (first.clone(), last.clone()))
    }

    fn covers(&self, span: &Span) -> bool {
        let Some((_, last)) = self.at_or_before(Some(span.start())) else { return false };
        match (last, span.end()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(end)) => span.start() < last.as_ref() && end <= last.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PermissionKind;
    use super::*;

    fn permits(ranges: &[(&'static str, &'static str)]) -> Permits {
        let permissions: Vec<_> = ranges
            .iter()
            .map(|(key, range_end)| Permission {
                kind: PermissionKind::Read,
                key: Bytes::from_static(key.as_bytes()),
                range_end: Bytes::from_static(range_end.as_bytes()),
            })
            .collect();
        Permits::of(permissions.iter())
    }

    fn reads(permits: &Permits, key: &'static str, range_end: &'static str) -> bool {
        permits.read(&Bytes::from_static(key.as_bytes()), &Bytes::from_static(range_end.as_bytes()))
    }

    #[test]
    fn ranges_that_touch_cover_what_neither_covers_alone() {
        let permits = permits(&[("c", "e"), ("a", "c"), ("x", "")]);
        assert!(reads(&permits, "a", "e"));
        assert!(reads(&permits, "b", "d"));
        assert!(!reads(&permits, "a", "f"));
        assert!(!reads(&permits, "a", "\0"));
        assert!(reads(&permits, "x", ""));
        assert!(reads(&permits, "x", "x\0"));
        assert!(!reads(&permits, "x", "x\0\0"));
        assert!(!permits.write(&"a".into(), &Bytes::new()));
    }

    #[test]
    fn only_a_range_without_an_end_covers_one() {
        let permits = permits(&[("m", "\0"), ("p", "q")]);
        assert!(reads(&permits, "m", "\0"));
        assert!(reads(&permits, "z", "\0"));
        assert!(reads(&permits, "n", "zz"));
        assert!(!reads(&permits, "l", "\0"));
        assert!(!reads(&permits, "l", ""));
    }
}
