//! What callers and the writing task share: the log as submitted, the log as durable, and the queue
//! between the two. Nothing here waits, and nothing here touches the disk.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use openraft_rt::{Watch, WatchSender};

use super::cache::Cache;
use super::locations::Locations;
use super::outline::{Outline, next_after};
use super::queue::{Batch, Op, Queue, Queued};
use super::reach::Reached;
use super::recover::Recovery;
use super::segment::Segment;
use super::writer::Receipt;
use super::{Entry, Error, Position};
use crate::runtime::Runtime;

/// Why a log takes nothing any more.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    Stopped,
    Failed { kind: io::ErrorKind, reason: String },
}

pub(super) struct State<R: Runtime> {
    /// The log as submitted: what readers see.
    pub outline: Outline,
    /// The log as durable.
    pub locations: Locations,
    pub cache: Cache,
    /// All segments, by sequence.
    pub segments: BTreeMap<u64, Segment>,
    pub ended: Option<Ended>,
    pub queue: Queue,
    /// Where the last batch ended that is durable.
    pub reached: Reached,
    /// Segments may have become empty.
    sweep_due: bool,
    durable: Durable<R>,
}

/// Up to where the entries that readers see are durable.
struct Durable<R: Runtime> {
    /// The index after the last one written, cut back by whatever was written since.
    next: u64,
    /// For every truncation that waits to be written, the index after the last entry it keeps. What
    /// is at or behind the lowest of them may have been replaced, however durable the old one is.
    cuts: VecDeque<u64>,
    sender: <R::Watch as Watch>::Sender<Option<u64>>,
}

impl<R: Runtime> Durable<R> {
    /// The index after the last entry that is durable and will stay.
    fn end(&self) -> u64 {
        self.cuts.iter().copied().fold(self.next, u64::min)
    }

    /// That last entry. The first of all has index 0, so none is not 0.
    fn last(&self) -> Option<u64> {
        self.end().checked_sub(1)
    }

    fn publish(&self) {
        self.sender.send_if_different(self.last());
    }

    fn cut(&mut self, keep: u64) {
        self.cuts.push_back(keep);
        self.publish();
    }

    fn cut_written(&mut self) {
        let keep = self.cuts.pop_front().expect("every cut was announced when it was queued");
        self.next = self.next.min(keep);
    }
}

impl Ended {
    pub(super) fn error(&self) -> Error {
        match self {
            Self::Stopped => Error::Stopped,
            Self::Failed { reason, .. } => Error::Failed { reason: reason.clone() },
        }
    }

    pub(super) fn io_error(&self) -> io::Error {
        match self {
            Self::Stopped => io::Error::other(Error::Stopped),
            Self::Failed { kind, .. } => io::Error::new(*kind, self.error()),
        }
    }
}

impl<R: Runtime> State<R> {
    /// Takes over what recovery found.
    pub(super) fn new(recovery: Recovery) -> Self {
        let Recovery { replay, segments, .. } = recovery;
        let next = replay.outline.next();
        let (sender, _) = R::Watch::channel(next.checked_sub(1));
        Self {
            outline: replay.outline,
            locations: replay.locations,
            cache: replay.cache,
            segments,
            ended: None,
            queue: Queue::default(),
            reached: Reached::default(),
            sweep_due: true,
            durable: Durable { next, cuts: VecDeque::new(), sender },
        }
    }

    /// Fails when the log takes nothing any more.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        self.ended.as_ref().map_or(Ok(()), |ended| Err(ended.error()))
    }

    pub(super) fn durable(&self) -> Option<u64> {
        self.durable.last()
    }

    pub(super) fn subscribe(&self) -> <R::Watch as Watch>::Receiver<Option<u64>> {
        self.durable.sender.subscribe()
    }

    /// Makes entries that were checked visible.
    pub(super) fn append(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.outline.append(entry.position);
            self.cache.push(entry.clone());
        }
    }

    /// Follows the outline after a truncation.
    pub(super) fn truncated(&mut self, keep: u64) {
        self.locations.truncate(keep);
        self.cache.truncate(keep);
        self.durable.cut(keep);
    }

    /// Follows the outline after a purge.
    pub(super) fn purged(&mut self) {
        let first = next_after(self.outline.purged());
        self.locations.purge(first);
        self.cache.purge(first);
    }

    /// Follows the outline after a reset.
    pub(super) fn reset(&mut self) {
        let next = self.outline.next();
        self.locations = Locations::starting_at(next);
        self.cache.reset(next);
        self.durable.cut(next);
    }

    /// Moves the commit mark. It is written behind what was queued before it, with whatever is
    /// queued next.
    pub(super) fn commit(&mut self, position: Position) {
        if self.outline.commit(position) {
            self.queue.push_commit(position);
        }
    }

    /// The next batch, if anything has to be written. A commit mark alone does not have to be,
    /// before the log is stopped.
    pub(super) fn next_batch(&mut self, bytes_max: usize) -> Option<Batch> {
        let due = self.ended.is_some() || self.queue.is_urgent();
        if due { self.queue.take(bytes_max) } else { None }
    }

    /// Takes note of a durable batch.
    pub(super) fn complete(&mut self, batch: &Batch, receipt: Receipt) {
        if let Some(segment) = receipt.created {
            self.segments.insert(segment.sequence, segment);
            self.sweep_due = true;
        }
        self.reached.set(receipt.reach);
        let mut locations = receipt.locations.into_iter();
        for queued in &batch.ops {
            self.queue.written(queued);
            self.sweep_due |= queued.op.drops();
            match &queued.op {
                Op::Append(entries) => {
                    let keep = self.durable.cuts.iter().copied().fold(u64::MAX, u64::min);
                    for entry in entries {
                        let location = locations.next().expect("one location per entry");
                        let index = entry.position.index;
                        self.durable.next = next_after(Some(entry.position));
                        if (self.locations.first()..keep).contains(&index) {
                            self.locations.push(index, location);
                        }
                    }
                }
                Op::Truncate(_) => self.durable.cut_written(),
                Op::Install(upto) => {
                    self.durable.cut_written();
                    self.durable.next = next_after(Some(*upto));
                }
                Op::Vote(_) | Op::Purge(_) | Op::Commit(_) => {}
            }
        }
        self.cache.shrink(self.locations.next());
        self.durable.publish();
    }

    /// Segments that hold no entry any more, the oldest first. `current` is written to and stays.
    /// None while anything that drops entries waits: what it drops is no longer located, and yet a
    /// crash would bring it back.
    pub(super) fn take_empty_segments(&mut self, current: u64) -> Vec<Segment> {
        if !self.sweep_due || self.queue.has_drops() {
            return Vec::new();
        }
        self.sweep_due = false;
        let oldest = self.locations.oldest_segment().unwrap_or(current);
        let kept = self.segments.split_off(&oldest.min(current));
        std::mem::replace(&mut self.segments, kept).into_values().collect()
    }

    /// Ends the log; what waits is handed out, to be told.
    pub(super) fn fail(&mut self, ended: Ended) -> VecDeque<Queued> {
        self.ended = Some(ended);
        self.queue.give_up()
    }
}
