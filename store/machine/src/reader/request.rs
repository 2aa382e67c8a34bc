//! What a range request asks for, in the terms of a reader.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::command::{Range, SortOrder, SortTarget};
use crate::index::{Direction, Seen};
use crate::row::KeyValue;
use crate::span::Span;

/// A range request without its keys and its revision.
#[derive(Debug)]
pub(super) struct Request {
    /// Most key-values returned.
    pub(super) limit: Option<usize>,
    pub(super) is_descending: bool,
    target: SortTarget,
    pub(super) keys_only: bool,
    pub(super) count_only: bool,
    /// Whether the result is chosen before it is sorted.
    is_cut_before_sorting: bool,
    mod_revisions: Bounds,
    create_revisions: Bounds,
}

/// Inclusive bounds; 0 for none.
#[derive(Debug)]
struct Bounds {
    min: i64,
    max: i64,
}

/// What the index can sort by besides the key.
#[derive(Debug, Clone, Copy)]
pub(super) enum SortKey {
    Version,
    Create,
    Mod,
}

impl Request {
    pub(super) fn new(range: &Range) -> Self {
        // A limit below zero is none, as in etcd.
        let limit = (range.limit > 0).then(|| usize::try_from(range.limit).unwrap_or(usize::MAX));
        Self {
            limit,
            // No order means ascending by whatever the target is (G14).
            is_descending: match range.sort_order {
                SortOrder::None | SortOrder::Ascend => false,
                SortOrder::Descend => true,
            },
            target: range.sort_target,
            keys_only: range.keys_only,
            count_only: range.count_only,
            is_cut_before_sorting: is_cut_before_sorting(range),
            mod_revisions: Bounds { min: range.min_mod_revision, max: range.max_mod_revision },
            create_revisions: Bounds {
                min: range.min_create_revision,
                max: range.max_create_revision,
            },
        }
    }

    /// Whether the key-value passes the revision filters (G15).
    pub(super) fn passes(&self, seen: &Seen) -> bool {
        self.mod_revisions.contain(seen.revision.main)
            && self.create_revisions.contain(seen.create_revision)
    }

    /// How many keys of the walk can matter; `None` for all.
    pub(super) fn picks_max(&self) -> Option<usize> {
        match self.target {
            SortTarget::Key => self.limit,
            _ if self.is_cut_before_sorting => self.limit.map(|limit| limit.saturating_add(1)),
            _ => None,
        }
    }

    /// The direction of the walk. Ties of other orders keep key order, so only keys are walked
    /// back.
    pub(super) fn direction(&self) -> Direction {
        if self.target == SortTarget::Key && self.is_descending {
            Direction::Descending
        } else {
            Direction::Ascending
        }
    }

    /// What of `span` is left when the walk has come to `last`.
    pub(super) fn behind(&self, span: Span, last: &[u8]) -> Span {
        match self.direction() {
            Direction::Ascending => span.after(last),
            Direction::Descending => span.before(last),
        }
    }

    /// What the picks are sorted by before rows are read.
    pub(super) fn sort_key_in_index(&self) -> Option<SortKey> {
        match self.target {
            SortTarget::Version => Some(SortKey::Version),
            SortTarget::Create => Some(SortKey::Create),
            SortTarget::Mod => Some(SortKey::Mod),
            SortTarget::Key | SortTarget::Value => None,
        }
    }

    pub(super) fn is_sorted_by_index(&self) -> bool {
        self.sort_key_in_index().is_some()
    }

    /// Whether values are not needed even for sorting.
    pub(super) fn drops_values_early(&self) -> bool {
        self.keys_only && self.target != SortTarget::Value
    }

    /// Sorts by value, if that is what is asked for.
    pub(super) fn sort_by_value(&self, kvs: &mut [Arc<KeyValue>]) {
        if self.target == SortTarget::Value {
            kvs.sort_by(|a, b| self.directed(a.value.cmp(&b.value)));
        }
    }

    fn directed(&self, ascending: Ordering) -> Ordering {
        if self.is_descending { ascending.reverse() } else { ascending }
    }
}

/// Whether etcd takes the first keys in key order, one more than the limit, and sorts only those: it does
/// so when a target is named but no order and no filter (G13; etcd 3.7.1 still does, and clients see it).
pub(crate) fn is_cut_before_sorting(range: &Range) -> bool {
    let filters = [
        range.min_mod_revision,
        range.max_mod_revision,
        range.min_create_revision,
        range.max_create_revision,
    ];
    range.sort_order == SortOrder::None && filters.iter().all(|bound| *bound == 0)
}

impl Bounds {
    fn contain(&self, revision: i64) -> bool {
        (self.min == 0 || revision >= self.min) && (self.max == 0 || revision <= self.max)
    }
}
