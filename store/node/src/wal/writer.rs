//! Batches into bytes into the last segment, one write and one sync each. Synchronous: it runs where
//! blocking is allowed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::error::failed;
use super::frame::{self, Checkpoint, Place, Record};
use super::locations::Location;
use super::outline::next_after;
use super::queue::{Batch, Op};
use super::reach::Reach;
use super::recover::Tail;
use super::segment::{self, Header, Segment};
use super::{Error, Identity, Options, Position};
use crate::runtime::Disk;

/// Zeros written ahead, so that most syncs need not touch the file's metadata: this fraction of a
/// segment at once.
const GROWTH_DIVISOR: u64 = 64;
const GROWTH_BYTES_MIN: u64 = 4 << 10;
/// A larger buffer is not kept between batches.
const BUFFER_BYTES_KEPT: usize = 16 << 20;

/// What is true of the frames written so far; the next segment's checkpoint.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    pub purged: Option<Position>,
    pub last: Option<Position>,
    pub committed: Option<Position>,
    pub vote: Option<Bytes>,
}

/// Everything that stays the same while a log is open.
#[derive(Clone)]
pub(super) struct Setting {
    pub disk: Arc<dyn Disk>,
    pub identity: Identity,
    pub options: Options,
    /// The runtime's entropy.
    pub random: fn() -> u64,
}

/// The end of the log, owned by the one task that writes.
pub(super) struct Writer {
    setting: Setting,
    segment: Segment,
    tail: Tail,
    written: Written,
    buffer: Vec<u8>,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Receipt {
    /// Where its entries are, in order.
    pub locations: Vec<Location>,
    /// The segment that was begun for it.
    pub created: Option<Segment>,
    /// Up to where the log is durable by it.
    pub reach: Reach,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("segment", &self.segment).finish_non_exhaustive()
    }
}

impl Writer {
    /// Goes on where a log ended.
    pub(super) fn resume(setting: Setting, segment: Segment, tail: Tail, written: Written) -> Self {
        Self { setting, segment, tail, written, buffer: Vec::new() }
    }

    /// Begins a log.
    pub(super) fn begin(setting: Setting) -> Result<Self, Error> {
        let written = Written::default();
        let (segment, tail) = create(&setting, 1, 0, &written)?;
        Ok(Self::resume(setting, segment, tail, written))
    }

    /// The segment that is written to.
    pub(super) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// Makes a batch durable. After an error the log must not be written to any more.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<Receipt, Error> {
        let mut receipt = Receipt::default();
        let room = self.setting.options.segment_bytes_max.saturating_sub(self.offset());
        if self.tail.end.offset > self.tail.begin && batch.bytes as u64 > room {
            let sequence = self.segment.sequence + 1;
            let previous = self.tail.end.chain;
            let (segment, tail) = create(&self.setting, sequence, previous, &self.written)?;
            (self.segment, self.tail) = (segment, tail);
            receipt.created = Some(self.segment.clone());
        }
        self.buffer.clear();
        self.encode(batch, &mut receipt.locations);
        if !self.buffer.is_empty() {
            self.flush()?;
        }
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        receipt.reach = self.reach();
        Ok(receipt)
    }

    /// Up to where the log is durable.
    pub(super) fn reach(&self) -> Reach {
        Reach { file: self.segment.name.clone(), bytes: self.offset() }
    }

    fn offset(&self) -> u64 {
        u64::from(self.tail.end.offset)
    }

    fn encode(&mut self, batch: &Batch, locations: &mut Vec<Location>) {
        for queued in &batch.ops {
            match &queued.op {
                Op::Append(entries) => {
                    for entry in entries {
                        let location = self.push(&Record::Entry(entry.position, &entry.payload));
                        let payload_bytes = u32::try_from(entry.payload.len())
                            .expect("larger payloads are refused when they come in");
                        locations.push(Location { payload_bytes, ..location });
                        self.written.last = Some(entry.position);
                    }
                }
                Op::Vote(vote) => {
                    self.push(&Record::Vote(vote));
                    self.written.vote = Some(vote.clone());
                }
                Op::Truncate(last) => {
                    self.push(&Record::Truncate(*last));
                    self.written.last = *last;
                }
                Op::Purge(upto) => {
                    self.push(&Record::Purge(*upto));
                    self.written.purged = Some(*upto);
                }
                Op::Install(upto) => {
                    self.push(&Record::Install(*upto));
                    self.written.purged = Some(*upto);
                    self.written.last = Some(*upto);
                }
                // A mark may be ahead of the log when it came with a snapshot: the snapshot says the
                // same, once it is installed.
                Op::Commit(mark) if mark.index < next_after(self.written.last) => {
                    self.push(&Record::Committed(*mark));
                    self.written.committed = Some(*mark);
                }
                Op::Commit(_) => {}
            }
        }
    }

    /// Adds a frame to the buffer, and says where it will be.
    fn push(&mut self, record: &Record<'_>) -> Location {
        let batch = self.tail.end.offset;
        let written = u32::try_from(self.buffer.len()).expect("a batch is below 1 GiB");
        let offset = batch.checked_add(written).expect("a segment is below 4 GiB");
        let place = Place { seed: self.segment.seed, offset, batch, previous: self.tail.end.chain };
        self.tail.end.chain = frame::encode(&mut self.buffer, place, record);
        Location { segment: self.segment.sequence, offset, payload_bytes: 0 }
    }

    /// The one write and the one sync of a batch.
    fn flush(&mut self) -> Result<(), Error> {
        let start = self.offset();
        let batch_end = start + self.buffer.len() as u64;
        if batch_end > self.tail.allocated {
            let limit = self.setting.options.segment_bytes_max;
            let growth = (limit / GROWTH_DIVISOR).max(GROWTH_BYTES_MIN);
            self.tail.allocated = batch_end.next_multiple_of(growth).min(limit).max(batch_end);
            let written = usize::try_from(self.tail.allocated - start);
            self.buffer.resize(written.expect("a segment fits into memory"), 0);
        }
        let name = &self.segment.name;
        self.segment.file.write_at(start, &self.buffer).map_err(failed("write", name))?;
        self.segment.file.sync().map_err(failed("sync", name))?;
        self.tail.end.offset = u32::try_from(batch_end).expect("a segment is below 4 GiB");
        Ok(())
    }
}

fn create(
    setting: &Setting,
    sequence: u64,
    previous: u32,
    written: &Written,
) -> Result<(Segment, Tail), Error> {
    let Written { purged, last, committed, vote } = written;
    let header = Header {
        identity: setting.identity,
        sequence,
        first_index: next_after(*last),
        previous,
        salt: (setting.random)(),
    };
    let checkpoint =
        Checkpoint { purged: *purged, last: *last, committed: *committed, vote: vote.as_deref() };
    let (segment, end) = segment::create(setting.disk.as_ref(), &header, &checkpoint)?;
    let begin = end.offset;
    Ok((segment, Tail { end, begin, allocated: u64::from(begin) }))
}

/// Removes segments that hold nothing any more, the oldest first. Each removal is durable before the
/// next, so that a crash never leaves a gap between segments.
pub(super) fn remove(disk: &dyn Disk, segments: &[Segment]) -> Result<(), Error> {
    for Segment { name, .. } in segments {
        disk.remove(name).map_err(failed("remove", name))?;
        disk.sync_dir().map_err(failed("sync the directory of", name))?;
    }
    Ok(())
}
