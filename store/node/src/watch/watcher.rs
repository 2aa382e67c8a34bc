//! One watcher: what it wants, unchanged from its creation to its end.

use detcd_api::etcdserverpb::WatchCreateRequest;
use detcd_api::etcdserverpb::watch_create_request::FilterType;
use detcd_machine::{Event, EventKind};

use super::range::KeyRange;

/// Tells watchers of a node apart: client streams by number, and within one the id that its client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatcherId {
    /// The stream.
    pub stream: u64,
    /// The `watch_id`.
    pub watch: i64,
}

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// Which keys.
    pub range: KeyRange,
    /// The first revision of interest; 0 for what comes after the creation.
    pub start_revision: i64,
    /// Deliver puts.
    pub puts: bool,
    /// Deliver deletions.
    pub deletes: bool,
    /// Add what was there before (G46).
    pub prev_kv: bool,
    /// Tell the revision when nothing was to be told for a while (G49).
    pub progress_notify: bool,
    /// Large responses may be split (G48).
    pub fragment: bool,
}

impl Interest {
    /// Takes a request for `range`, which was read from it. Unknown filters filter nothing.
    pub fn new(request: &WatchCreateRequest, range: KeyRange) -> Self {
        let drops = |filter: FilterType| request.filters.contains(&(filter as i32));
        Self {
            range,
            start_revision: request.start_revision,
            puts: !drops(FilterType::Noput),
            deletes: !drops(FilterType::Nodelete),
            prev_kv: request.prev_kv,
            progress_notify: request.progress_notify,
            fragment: request.fragment,
        }
    }
}

/// A watcher.
#[derive(Debug, PartialEq, Eq)]
pub struct Watcher {
    /// Whose it is.
    pub id: WatcherId,
    /// What it wants.
    pub interest: Interest,
}

impl Watcher {
    /// Whether an event of a key in the range is of a wanted kind (G47).
    pub(super) fn wants_kind(&self, kind: EventKind) -> bool {
        match kind {
            EventKind::Put => self.interest.puts,
            EventKind::Delete => self.interest.deletes,
        }
    }

    /// Whether the event is one for this watcher, whatever its revision.
    pub(super) fn wants(&self, event: &Event) -> bool {
        self.wants_kind(event.kind) && self.interest.range.contains(&event.kv.key)
    }
}
