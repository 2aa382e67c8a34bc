//! A place in the committed log, as one watch sees it.

use crate::history::{Blob, KvEventKind, WatchFilter};
use crate::model::{Change, Span, State};

/// What a watch wants.
#[derive(Debug, Clone, Default)]
pub(super) struct Interest {
    pub(super) key: Blob,
    pub(super) range_end: Blob,
    pub(super) filters: Vec<WatchFilter>,
}

impl Interest {
    pub(super) fn wants(&self, key: &Blob, kind: KvEventKind) -> bool {
        let filter = match kind {
            KvEventKind::Put => WatchFilter::NoPut,
            KvEventKind::Delete => WatchFilter::NoDelete,
        };
        self.span().contains(key.as_bytes()) && !self.filters.contains(&filter)
    }

    pub(super) fn span(&self) -> Span<'_> {
        Span::new(&self.key, &self.range_end)
    }
}

/// The next change that a watch is owed: a position in the log, or in one key's changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Cursor {
    next: usize,
}

impl Cursor {
    /// Goes to the first change at a revision or later.
    pub(super) fn seek(&mut self, state: &State, interest: &Interest, revision: i64) {
        self.next = match interest.span().single() {
            Some(key) => state.changes_of(key).partition_point(|&position| {
                let change = state.changes().get(position);
                change.is_some_and(|change| change.kv.mod_revision < revision)
            }),
            None => state.position_of(revision),
        };
    }

    /// The next change that the watch wants, with its position in the log.
    pub(super) fn peek<'s>(
        &mut self,
        state: &'s State,
        interest: &Interest,
    ) -> Option<(usize, &'s Change)> {
        loop {
            let position = match interest.span().single() {
                Some(key) => *state.changes_of(key).get(self.next)?,
                None => self.next,
            };
            let change = state.changes().get(position)?;
            if interest.wants(&change.kv.key, change.kind) {
                return Some((position, change));
            }
            self.next += 1;
        }
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }
}
