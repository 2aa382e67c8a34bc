//! Compaction: promised at once, carried out later in bounded steps.
//!
//! The promise is part of the replicated state: from the moment it is applied, older revisions are
//! refused on every member alike. Removing rows is each member's own affair and changes nothing
//! that anybody can read.

use crate::encoding::encode_revision;
use crate::machine::Machine;
use crate::outcome::{Change, MetaKey};
use crate::span::Span;

/// How far compaction is.
#[derive(Debug)]
pub(crate) struct Compaction {
    /// The promise: the oldest readable revision.
    promised: i64,
    /// Everything superseded at this revision or before is removed.
    done: i64,
    /// Something superseded at this revision or before may be removed.
    begun: i64,
    /// The walk over all keys that is going on.
    pass: Option<Pass>,
}

#[derive(Debug)]
struct Pass {
    bound: i64,
    rest: Span,
}

impl Compaction {
    /// Of a store that was never compacted.
    pub(crate) fn never() -> Self {
        Self { promised: -1, done: -1, begun: -1, pass: None }
    }

    pub(crate) fn restored(promised: i64, done: i64) -> Self {
        assert!(done <= promised, "compacted to {done}, but only {promised} was asked for");
        // How far an interrupted pass had come was not kept.
        Self { promised, done, begun: promised, pass: None }
    }

    pub(crate) fn revision(&self) -> i64 {
        self.promised
    }

    pub(crate) fn schedule(&mut self, revision: i64) {
        assert!(revision > self.promised, "compacting to {revision} behind {}", self.promised);
        self.promised = revision;
    }

    /// The oldest revision that is sure to be stored in full.
    pub(crate) fn oldest_complete(&self) -> i64 {
        self.begun
    }

    /// Whether nothing can be done while a reader sees `oldest_seen`.
    fn is_blocked(&self, oldest_seen: i64) -> bool {
        match &self.pass {
            Some(pass) => oldest_seen < pass.bound,
            None => oldest_seen <= self.done,
        }
    }

    /// The pass to go on with, or a new one up to `oldest_seen`.
    fn take_pass(&mut self, oldest_seen: i64) -> Option<Pass> {
        if self.is_blocked(oldest_seen) {
            return None;
        }
        let pass = self.pass.take().unwrap_or(Pass { bound: oldest_seen, rest: Span::all() });
        self.begun = self.begun.max(pass.bound);
        Some(pass)
    }
}

impl Machine {
    /// Whether [`compact_step`](Self::compact_step) has anything left to do.
    #[must_use]
    pub fn compaction_pending(&self) -> bool {
        self.compaction.done < self.compaction.promised
    }

    /// Whether [`compact_step`](Self::compact_step) does nothing as long as a reader is pinned at
    /// `pinned`. Otherwise every step comes nearer to the end, also one that has nothing to remove.
    #[must_use]
    pub fn compaction_blocked(&self, pinned: i64) -> bool {
        self.compaction.is_blocked(self.compaction.promised.min(pinned))
    }

    /// Carries the scheduled compaction on: looks at no more than `keys_max` keys and returns no
    /// more than as many removals, to be kept together and after all that was returned before.
    /// `pinned` is the oldest revision that a reader is pinned at: what it sees stays, and the rest
    /// follows once it is gone. Changes nothing that can be read, and not the digest.
    pub fn compact_step(&mut self, keys_max: usize, pinned: Option<i64>) -> Vec<Change> {
        assert!(keys_max > 0, "a step over no keys would never end");
        let (index, compaction) = self.index_and_compaction();
        let oldest_seen = compaction.promised.min(pinned.unwrap_or(i64::MAX));
        let Some(pass) = compaction.take_pass(oldest_seen) else { return Vec::new() };
        let (removed, rest) = index.compact(pass.rest, pass.bound, keys_max);
        let mut changes: Vec<_> =
            removed.into_iter().map(|revision| Change::Remove { revision }).collect();
        match rest {
            Some(rest) => compaction.pass = Some(Pass { bound: pass.bound, rest }),
            None => {
                compaction.done = pass.bound;
                let value = encode_revision(pass.bound);
                changes.push(Change::SetMeta { key: MetaKey::CompactionDone, value });
            }
        }
        changes
    }
}
