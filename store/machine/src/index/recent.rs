//! The last births and deaths of keys, which turn the count of now into the count of a moment ago.

use std::collections::VecDeque;

use crate::span::Span;

/// How many births and deaths are remembered. Counting at an older revision looks at no more of
/// them.
const CHANGES_MAX: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(crate) struct Recent {
    changes: VecDeque<Change>,
    /// All changes after this revision are remembered.
    floor: i64,
}

#[derive(Debug)]
struct Change {
    revision: i64,
    /// 1 for a birth, -1 for a death.
    live: i64,
    key: Box<[u8]>,
}

impl Recent {
    /// Remembers the changes after `floor`.
    pub(crate) fn since(floor: i64) -> Self {
        Self { changes: VecDeque::new(), floor }
    }

    pub(crate) fn born(&mut self, revision: i64, key: &[u8]) {
        self.push(Change { revision, live: 1, key: key.into() });
    }

    pub(crate) fn died(&mut self, revision: i64, key: &[u8]) {
        self.push(Change { revision, live: -1, key: key.into() });
    }

    fn push(&mut self, change: Change) {
        if self.changes.len() == CHANGES_MAX
            && let Some(forgotten) = self.changes.pop_front()
        {
            self.floor = forgotten.revision;
        }
        self.changes.push_back(change);
    }

    /// By how much the number of live keys in `span` grew after `revision`; `None` if that is
    /// forgotten.
    pub(crate) fn growth_since(&self, revision: i64, span: &Span) -> Option<i64> {
        if revision < self.floor {
            return None;
        }
        let from = self.changes.partition_point(|change| change.revision <= revision);
        let since = self.changes.range(from..);
        Some(since.filter(|change| span.contains(&change.key)).map(|change| change.live).sum())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn growth_counts_only_changes_after_the_revision_and_inside_the_span() {
        let mut recent = Recent::since(1);
        recent.born(2, b"a");
        recent.born(3, b"b");
        recent.died(4, b"a");
        let all = Span::all();
        let b = Span::new(&Bytes::from_static(b"b"), &Bytes::new());
        assert_eq!(recent.growth_since(1, &all), Some(1));
        assert_eq!(recent.growth_since(2, &all), Some(0));
        assert_eq!(recent.growth_since(3, &all), Some(-1));
        assert_eq!(recent.growth_since(4, &all), Some(0));
        assert_eq!(recent.growth_since(2, &b), Some(1));
        assert_eq!(recent.growth_since(0, &all), None);
    }

    #[test]
    fn forgotten_changes_are_not_guessed() {
        let mut recent = Recent::since(1);
        for revision in 2..=i64::try_from(CHANGES_MAX).unwrap() + 3 {
            recent.born(revision, b"k");
        }
        assert_eq!(recent.growth_since(2, &Span::all()), None);
        let remembered = i64::try_from(CHANGES_MAX).unwrap();
        assert_eq!(recent.growth_since(3, &Span::all()), Some(remembered));
    }
}
