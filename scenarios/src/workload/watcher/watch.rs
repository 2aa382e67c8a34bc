//! One watch, across all the streams it was on.

use detcd_api::etcdserverpb::watch_create_request::FilterType;
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use jepsen_like::history::{Blob, ClientId, WatchFilter, WatchId, WatchRecord};

use super::super::convert;
use super::super::generate::key;
use super::super::session::member_id;
use super::{Progress, Recorder};
use crate::dice::Dice;

/// What is watched, and how.
#[derive(Debug, Clone)]
struct Spec {
    key: Blob,
    range_end: Blob,
    start_revision: i64,
    prev_kv: bool,
    progress_notify: bool,
    filters: Vec<WatchFilter>,
    fragment: bool,
}

/// Where a watch stands on its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On no stream.
    Detached,
    /// Asked for under this id; 0 when the server chooses.
    Waiting(i64),
    /// Confirmed under this id.
    Active(i64),
    /// Never again.
    Over,
}

#[derive(Debug)]
pub(super) struct Watch {
    recorder: Recorder,
    progress: Progress,
    id: WatchId,
    client: ClientId,
    member: usize,
    spec: Spec,
    /// The first revision that was not delivered.
    next: i64,
    was_created: bool,
    cancel_asked: bool,
    stage: Stage,
    /// Parts of an answer whose last part has not come.
    parts: Vec<WatchRecord>,
    parts_next: i64,
}

impl Watch {
    /// A new watch of something.
    pub(super) fn draw(
        recorder: &Recorder,
        client: ClientId,
        keys: usize,
        progress: &Progress,
        dice: &mut Dice,
    ) -> Self {
        let (newest, oldest) = recorder.knowledge(|known| (known.revision, known.compacted.max(1)));
        let spec = Spec::draw(keys, newest, oldest, dice);
        Self {
            recorder: recorder.clone(),
            progress: progress.clone(),
            id: recorder.new_watch(),
            client,
            member: 0,
            next: spec.start_revision,
            spec,
            was_created: false,
            cancel_asked: false,
            stage: Stage::Detached,
            parts: Vec::new(),
            parts_next: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    pub(super) fn is_waiting(&self, id: i64) -> bool {
        matches!(self.stage, Stage::Waiting(wanted) if wanted == 0 || wanted == id)
    }

    pub(super) fn has_id(&self, id: i64) -> bool {
        self.stage == Stage::Active(id)
    }

    /// The request that puts the watch on a stream.
    pub(super) fn create(&mut self, member: usize, watch_id: i64) -> WatchRequest {
        self.member = member;
        self.stage = Stage::Waiting(watch_id);
        let filter = |filter: &WatchFilter| match filter {
            WatchFilter::NoPut => FilterType::Noput.into(),
            WatchFilter::NoDelete => FilterType::Nodelete.into(),
        };
        let create = WatchCreateRequest {
            key: convert::bytes(&self.spec.key),
            range_end: convert::bytes(&self.spec.range_end),
            start_revision: self.next,
            progress_notify: self.spec.progress_notify,
            filters: self.spec.filters.iter().map(filter).collect(),
            prev_kv: self.spec.prev_kv,
            watch_id,
            fragment: self.spec.fragment,
        };
        WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) }
    }

    /// The store has taken the watch.
    pub(super) fn confirmed(&mut self, member: usize, response: WatchResponse) {
        self.member = member;
        self.stage = Stage::Active(response.watch_id);
        let revision = response.header.as_ref().map_or(0, |header| header.revision);
        if self.was_created {
            self.record(WatchRecord::Resumed { start_revision: self.next, revision });
        } else {
            self.was_created = true;
            self.record(self.spec.created(revision));
        }
        if self.next == 0 {
            self.next = revision + 1;
        }
        self.progress.set(self.id, self.next);
        if response.canceled {
            self.take(response);
        }
    }

    /// The store says something about the watch.
    pub(super) fn take(&mut self, response: WatchResponse) {
        let revision = response.header.as_ref().map_or(0, |header| header.revision);
        if response.canceled {
            self.record(WatchRecord::Canceled {
                compact_revision: response.compact_revision,
                reason: response.cancel_reason,
                asked: self.cancel_asked,
            });
            self.end();
        } else if response.events.is_empty() {
            self.progressed(revision);
        } else {
            self.part(revision, response);
        }
    }

    /// Keeps parts until the last one has come, as a client library does: a stream that breaks in the
    /// middle has delivered nothing of them.
    fn part(&mut self, revision: i64, response: WatchResponse) {
        let fragment = response.fragment;
        let events: Vec<_> = response.events.into_iter().map(convert::event).collect();
        let last = events.iter().map(|event| event.kv.mod_revision).max().unwrap_or(0);
        self.parts_next = self.parts_next.max(last + 1);
        self.parts.push(WatchRecord::Events { revision, fragment, events });
        if !fragment {
            for record in std::mem::take(&mut self.parts) {
                self.record(record);
            }
            self.next = self.next.max(self.parts_next);
            self.progress.set(self.id, self.next);
        }
    }

    /// The store says that nothing up to a revision is missing.
    pub(super) fn progressed(&mut self, revision: i64) {
        if matches!(self.stage, Stage::Active(_)) {
            self.record(WatchRecord::Progress { revision });
            self.next = self.next.max(revision + 1);
            self.progress.set(self.id, self.next);
        }
    }

    /// Gives the watch up; its id, if the store has to be told.
    pub(super) fn cancel(&mut self) -> Option<i64> {
        let Stage::Active(id) = self.stage else { return None };
        self.cancel_asked = true;
        Some(id)
    }

    /// The stream is gone.
    pub(super) fn broken(&mut self, reason: &str) {
        if matches!(self.stage, Stage::Active(_)) {
            self.record(WatchRecord::Broken { reason: reason.to_owned() });
        }
        self.parts.clear();
        self.parts_next = 0;
        if self.cancel_asked {
            self.end();
        }
        if !self.is_over() {
            self.stage = Stage::Detached;
        }
    }

    fn end(&mut self) {
        self.stage = Stage::Over;
        self.progress.forget(self.id);
    }

    fn record(&self, record: WatchRecord) {
        self.recorder.watch(self.id, self.client, member_id(self.member), record);
    }
}

impl Spec {
    fn draw(keys: usize, newest: i64, oldest: i64, dice: &mut Dice) -> Self {
        let first = dice.index(keys);
        let (key, range_end) = match dice.weighted(&[15, 25, 45, 15]) {
            0 => (key(first), Blob::default()),
            1 => (key(first), key(first + 1 + dice.index(keys))),
            2 => (Blob::from("k"), Blob::from("l")),
            _ => (key(first), Blob::from(vec![0])),
        };
        let some = |dice: &mut Dice, most| i64::try_from(dice.between(1..=most)).unwrap_or(1);
        let start_revision = match dice.weighted(&[42, 32, 10, 6, 10]) {
            0 => 0,
            1 => (newest - some(dice, 40)).max(1),
            2 => newest + some(dice, 20),
            3 => 1,
            // The oldest that can still be had, where tombstones are kept for this only.
            _ => oldest,
        };
        let filters = match dice.weighted(&[75, 10, 15]) {
            0 => vec![],
            1 => vec![WatchFilter::NoPut],
            _ => vec![WatchFilter::NoDelete],
        };
        Self {
            key,
            range_end,
            start_revision,
            prev_kv: dice.percent(50),
            progress_notify: dice.percent(30),
            filters,
            fragment: dice.percent(30),
        }
    }

    fn created(&self, revision: i64) -> WatchRecord {
        WatchRecord::Created {
            key: self.key.clone(),
            range_end: self.range_end.clone(),
            start_revision: self.start_revision,
            prev_kv: self.prev_kv,
            progress_notify: self.progress_notify,
            filters: self.filters.clone(),
            fragment: self.fragment,
            revision,
        }
    }
}
