//! Reading a range at a pinned revision, in bounded steps.
//!
//! A reader holds no reference to the machine, so that commands may be applied between its steps:
//! what it sees is decided by the revision that it pinned at the start. The index answers as much
//! as it can: the count, revision filters and every order but the one by value need no rows, and
//! rows are asked for only of the key-values that are returned.

mod request;

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::request::is_cut_before_sorting;
use self::request::{Request, SortKey};
use crate::command::Range;
use crate::index::{Index, Keys, Seen};
use crate::machine::Machine;
use crate::outcome::{RangeOutcome, Rejection};
use crate::row::{KeyValue, Revision};
use crate::span::Span;

/// What a reader wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// The rows at these revisions, handed to [`RangeReader::accept`] in this order.
    Rows(Vec<Revision>),
    /// Nothing but to be called again: a step without rows.
    Again,
    /// Nothing; the outcome is complete.
    Done,
}

/// See the module.
#[derive(Debug)]
pub struct RangeReader {
    request: Request,
    pinned: i64,
    /// What is not walked yet; `None` once the walk is over.
    unwalked: Option<Span>,
    /// Keys that live in the range, if the index could tell at the start.
    count: Option<i64>,
    /// Keys of the range met so far, and those of them that pass the filters.
    met: i64,
    passed: usize,
    /// Chosen, but not asked for yet.
    picks: VecDeque<Pick>,
    /// The result so far; `None` where a row was asked for.
    slots: Vec<Option<Arc<KeyValue>>>,
    /// Rows asked for and not accepted yet: they belong to the last slots that are empty.
    awaited: Vec<usize>,
}

/// A key-value chosen for the result.
#[derive(Debug)]
struct Pick {
    seen: Seen,
    /// The key, where it is needed because no row will be read.
    bare_key: Option<Bytes>,
}

impl RangeReader {
    /// Pins the revision that `range` asks for.
    pub fn new(machine: &Machine, range: &Range) -> Result<Self, Rejection> {
        let pinned = machine.readable(range.revision)?;
        Ok(Self::pinned_at(machine.index(), pinned, range))
    }

    pub(crate) fn pinned_at(index: &Index, pinned: i64, range: &Range) -> Self {
        let span = Span::new(&range.key, &range.range_end);
        let request = Request::new(range);
        let count = index.count_at(pinned, &span);
        let is_counted = request.count_only && count.is_some();
        Self {
            request,
            pinned,
            unwalked: (!is_counted).then_some(span),
            count,
            met: 0,
            passed: 0,
            picks: VecDeque::new(),
            slots: Vec::new(),
            awaited: Vec::new(),
        }
    }

    /// The revision that is read at. Compaction must not remove what is visible there before the
    /// reader is finished.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.pinned
    }

    /// Looks at no more than `keys_max` keys and names no more than as many rows.
    ///
    /// Fails if the machine can no longer show the pinned revision: it was compacted meanwhile, or
    /// the machine was replaced by another one.
    pub fn next(&mut self, machine: &Machine, keys_max: usize) -> Result<Chunk, Rejection> {
        machine.visible(self.pinned)?;
        Ok(self.step(machine.index(), keys_max))
    }

    pub(crate) fn step(&mut self, index: &Index, keys_max: usize) -> Chunk {
        assert!(keys_max > 0, "a step over no keys would never end");
        assert!(self.awaited.is_empty(), "{} rows were not accepted", self.awaited.len());
        if let Some(span) = self.unwalked.take() {
            self.unwalked = self.walk(index, span, keys_max);
            if self.unwalked.is_none() {
                self.order_picks();
            }
        }
        let wanted = if self.unwalked.is_none() || !self.request.is_sorted_by_index() {
            self.ask(keys_max)
        } else {
            Vec::new()
        };
        match (wanted.is_empty(), self.is_done()) {
            (false, _) => Chunk::Rows(wanted),
            (true, false) => Chunk::Again,
            (true, true) => Chunk::Done,
        }
    }

    /// Takes the rows that the last step asked for.
    pub fn accept(&mut self, rows: Vec<Arc<KeyValue>>) {
        assert_eq!(rows.len(), self.awaited.len(), "not the rows that were asked for");
        for (slot, row) in std::mem::take(&mut self.awaited).into_iter().zip(rows) {
            assert!(
                row.mod_revision <= self.pinned,
                "row of revision {} in a read at {}",
                row.mod_revision,
                self.pinned
            );
            self.slots[slot] =
                Some(if self.request.drops_values_early() { bare(&row) } else { row });
        }
    }

    /// The result, once a step returned [`Chunk::Done`].
    #[must_use]
    pub fn finish(self) -> RangeOutcome {
        assert!(self.is_done(), "the range at {} is not read to its end", self.pinned);
        assert!(self.awaited.is_empty(), "{} rows were not accepted", self.awaited.len());
        let mut kvs: Vec<_> = self.slots.into_iter().flatten().collect();
        self.request.sort_by_value(&mut kvs);
        if let Some(limit) = self.request.limit {
            kvs.truncate(limit);
        }
        if self.request.keys_only && !self.request.drops_values_early() {
            kvs = kvs.iter().map(|kv| bare(kv)).collect();
        }
        let more =
            !self.request.count_only && self.request.limit.is_some_and(|limit| self.passed > limit);
        RangeOutcome { kvs, more, count: self.count.unwrap_or(self.met) }
    }

    fn is_done(&self) -> bool {
        self.unwalked.is_none() && self.picks.is_empty()
    }

    /// Walks over at most `keys_max` keys of `span` and returns what is left of it.
    fn walk(&mut self, index: &Index, span: Span, keys_max: usize) -> Option<Span> {
        // While nothing was written since, the live keys are the ones to see.
        let keys = if index.newest() <= self.pinned { Keys::Live } else { Keys::All };
        let bound = Revision { main: self.pinned, sub: i64::MAX };
        let direction = self.request.direction();
        let mut looked_at = 0;
        let mut last: Option<&[u8]> = None;
        let mut is_over = false;
        let _ = index.walk(&span, keys, direction, &mut |key, history| {
            if looked_at == keys_max {
                return ControlFlow::Break(());
            }
            looked_at += 1;
            last = Some(key);
            if let Some(seen) = history.seen_at(bound) {
                is_over = self.meet(key, seen);
            }
            if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match last {
            Some(last) if looked_at == keys_max && !is_over => {
                Some(self.request.behind(span, last))
            }
            _ => None,
        }
    }

    /// Considers the next key of the walk. Returns whether no other key matters.
    fn meet(&mut self, key: &[u8], seen: Seen) -> bool {
        self.met += 1;
        if self.request.count_only || !self.request.passes(&seen) {
            return false;
        }
        self.passed += 1;
        let Some(picks_max) = self.request.picks_max() else {
            self.pick(key, seen);
            return false;
        };
        if self.passed <= picks_max {
            self.pick(key, seen);
            return false;
        }
        // One more shows that there is more.
        self.count.is_some()
    }

    fn pick(&mut self, key: &[u8], seen: Seen) {
        let is_known = self.request.drops_values_early() && seen.lease.is_some();
        let bare_key = is_known.then(|| Bytes::copy_from_slice(key));
        self.picks.push_back(Pick { seen, bare_key });
    }

    /// Sorts and cuts the picks, if that can be done before rows are read.
    fn order_picks(&mut self) {
        let Some(sort_key) = self.request.sort_key_in_index() else { return };
        let value = |pick: &Pick| match sort_key {
            SortKey::Version => pick.seen.version,
            SortKey::Create => pick.seen.create_revision,
            SortKey::Mod => pick.seen.revision.main,
        };
        let picks = self.picks.make_contiguous();
        if self.request.is_descending {
            picks.sort_by_key(|pick| Reverse(value(pick)));
        } else {
            picks.sort_by_key(value);
        }
        if let Some(limit) = self.request.limit {
            self.picks.truncate(limit);
        }
    }

    /// Gives the next picks their places in the result and names the rows they need.
    fn ask(&mut self, rows_max: usize) -> Vec<Revision> {
        let mut wanted = Vec::new();
        while wanted.len() < rows_max
            && let Some(Pick { seen, bare_key }) = self.picks.pop_front()
        {
            match (bare_key, seen.lease) {
                (Some(key), Some(lease)) => self.slots.push(Some(Arc::new(KeyValue {
                    key,
                    value: Bytes::new(),
                    create_revision: seen.create_revision,
                    mod_revision: seen.revision.main,
                    version: seen.version,
                    lease,
                }))),
                _ => {
                    self.awaited.push(self.slots.len());
                    self.slots.push(None);
                    wanted.push(seen.revision);
                }
            }
        }
        wanted
    }
}

/// The key-value without its value.
fn bare(kv: &KeyValue) -> Arc<KeyValue> {
    Arc::new(KeyValue { value: Bytes::new(), ..kv.clone() })
}
