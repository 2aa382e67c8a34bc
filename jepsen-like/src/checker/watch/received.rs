//! What one watch has got so far, without a judgement. The [`Watcher`](super::watcher::Watcher) alone changes it; the
//! guarantees look at it.

use super::cursor::Interest;
use crate::history::{Blob, KvEvent, KvEventKind};

/// Where a watch is in its life.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
pub(super) enum Phase {
    #[default]
    Unconfirmed,
    Active,
    Broken,
    Canceled,
}

/// What one watch asked for, and got.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) interest: Interest,
    pub(super) prev_kv: bool,
    pub(super) phase: Phase,
    /// The first revision asked for by the last creation or resume.
    pub(super) start: i64,
    /// The last revision delivered.
    pub(super) last: i64,
    /// Nothing was delivered since the last creation or resume.
    pub(super) fresh: bool,
    /// The highest revision that the current stream has reported as its store's.
    pub(super) reported: i64,
    /// The highest revision up to which everything was said to be delivered.
    pub(super) bookmark: i64,
    /// The keys delivered of the last revision, each with what happened to it.
    keys: Vec<(Blob, KvEventKind)>,
}

impl Received {
    /// A stream of events begins, the first or one that goes on.
    pub(super) fn begin(&mut self, start_revision: i64, revision: i64) {
        self.phase = Phase::Active;
        self.start = if start_revision == 0 { revision.saturating_add(1) } else { start_revision };
        self.fresh = true;
        self.reported = revision;
    }

    pub(super) fn deliver(&mut self, event: &KvEvent) {
        if event.kv.mod_revision != self.last {
            self.keys.clear();
        }
        self.last = event.kv.mod_revision;
        self.keys.push((event.kv.key.clone(), event.kind));
        self.fresh = false;
    }

    pub(super) fn progress(&mut self, revision: i64) {
        self.reported = revision;
        self.bookmark = self.bookmark.max(revision);
    }

    /// The first revision that is still to come.
    pub(super) fn needs(&self) -> i64 {
        self.start.max(self.last.saturating_add(1)).max(self.bookmark.saturating_add(1))
    }

    /// Whether the last revision delivered has had such an event of the key.
    pub(super) fn has_of_last(&self, event: &KvEvent) -> bool {
        let is_it = |(key, kind): &(Blob, KvEventKind)| *key == event.kv.key && *kind == event.kind;
        event.kv.mod_revision == self.last && self.keys.iter().any(is_it)
    }
}
