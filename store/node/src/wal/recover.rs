//! From files to a log: first everything is read and judged, then, if all is well, the tail is mended.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::failed;
use super::frame::{self, ALIGN, Frame};
use super::outline::next_after;
use super::replay::{Misfit, Replay};
use super::segment::{self, End, HEADER_BYTES, Header, Segment};
use super::{Damage, Error, Identity, Options};
use crate::runtime::Disk;

/// A log that was read back and mended.
pub(super) struct Recovery {
    pub replay: Replay,
    /// All segments, by sequence.
    pub segments: BTreeMap<u64, Segment>,
    /// Where the last segment goes on.
    pub tail: Option<(Segment, Tail)>,
    pub torn_tail_bytes: u64,
}

/// The last segment, as the writer takes it over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub end: End,
    /// Where its checkpoint ends.
    pub begin: u32,
    /// Length of the file.
    pub allocated: u64,
}

/// One segment, read.
struct Scanned {
    segment: Segment,
    bytes: Vec<u8>,
    end: End,
    /// Where the checkpoint ends.
    begin: u32,
    /// Where the last batch begins.
    batch: u32,
}

/// Whose log is on the disk; nothing where there is none. Changes nothing.
pub(super) fn identify(disk: &dyn Disk) -> Result<Option<Identity>, Error> {
    let listed = disk.list().map_err(failed("list", "wal-*"))?;
    let oldest = listed.iter().filter(|name| segment::sequence_of(name).is_some()).min();
    let Some(name) = oldest else { return Ok(None) };
    let file = disk.open(name, false).map_err(failed("open", name))?;
    let length = file.len().map_err(failed("measure", name))?;
    let mut bytes = vec![0; HEADER_BYTES.min(usize::try_from(length).unwrap_or(HEADER_BYTES))];
    file.read_at(0, &mut bytes).map_err(failed("read", name))?;
    let (header, _) = Header::read(&bytes, name)?;
    Ok(Some(header.identity))
}

/// Reads back the log of `identity`, and mends its tail.
pub(super) fn recover(
    disk: &Arc<dyn Disk>,
    identity: Identity,
    options: &Options,
) -> Result<Recovery, Error> {
    let listed = disk.list().map_err(failed("list", "wal-*"))?;
    let mut names: Vec<(u64, &String)> =
        listed.iter().filter_map(|name| Some((segment::sequence_of(name)?, name))).collect();
    names.sort_unstable();

    let mut replay = Replay::new(options.cache_bytes_max);
    let mut segments = BTreeMap::new();
    let mut last: Option<Scanned> = None;
    for &(sequence, name) in &names {
        let scanned = scan(disk.as_ref(), identity, name, last.as_ref(), &mut replay)?;
        segments.insert(sequence, scanned.segment.clone());
        last = Some(scanned);
    }
    if let Some(&(oldest, _)) = names.first() {
        check_beginning(oldest, &replay)?;
    }
    let torn_end = last.as_ref().map(Scanned::judge_tail).transpose()?;

    // From here on the disk is changed.
    for name in listed.iter().filter(|name| segment::is_unfinished(name)) {
        disk.remove(name).map_err(failed("remove", name))?;
    }
    let mut torn_tail_bytes = 0;
    if let (Some(last), Some(torn_end)) = (&last, torn_end) {
        torn_tail_bytes = torn_end.saturating_sub(last.end.offset as usize) as u64;
        last.mend(torn_end)?;
    }
    disk.sync_dir().map_err(failed("sync the directory of", "wal-*"))?;
    let tail = last.map(|last| (last.segment.clone(), last.tail()));
    Ok(Recovery { replay, segments, tail, torn_tail_bytes })
}

/// Whatever is not in the oldest segment or behind it must have been purged.
fn check_beginning(oldest: u64, replay: &Replay) -> Result<(), Error> {
    let purged = next_after(replay.outline.purged());
    if oldest == 0 || (oldest > 1 && replay.locations.first() > purged) {
        return Err(Error::Missing { sequence: oldest.saturating_sub(1) });
    }
    Ok(())
}

/// Reads a segment into `replay`, up to the first byte that is no frame of it.
fn scan(
    disk: &dyn Disk,
    identity: Identity,
    name: &str,
    before: Option<&Scanned>,
    replay: &mut Replay,
) -> Result<Scanned, Error> {
    let file = disk.open(name, false).map_err(failed("open", name))?;
    let length = file.len().map_err(failed("measure", name))?;
    let Ok(length) = u32::try_from(length) else {
        return Err(Misfit::Damage(Damage::Length).at(name, u32::MAX as usize));
    };
    let mut bytes = vec![0; length as usize];
    file.read_at(0, &mut bytes).map_err(failed("read", name))?;
    let (header, seed) = Header::decode(&bytes, name, identity)?;
    let segment = Segment { name: name.into(), sequence: header.sequence, seed, file };
    if let Some(before) = before {
        before.check_follower(&header)?;
    }

    let checkpoint = next_frame(&bytes, seed, End { offset: header_end(), chain: seed })
        .ok_or_else(|| Misfit::Damage(Damage::Checkpoint).at(name, HEADER_BYTES))?;
    replay.begin(&checkpoint, before.is_none()).map_err(|misfit| misfit.at(name, HEADER_BYTES))?;
    let begin = checkpoint.end;
    let mut batch = begin;
    let mut end = End { offset: begin, chain: checkpoint.crc };
    while let Some(frame) = next_frame(&bytes, seed, end) {
        replay
            .apply(&frame, header.sequence, end.offset)
            .map_err(|misfit| misfit.at(name, end.offset as usize))?;
        batch = frame.batch;
        end = End { offset: frame.end, chain: frame.crc };
    }
    Ok(Scanned { segment, bytes, end, begin, batch })
}

fn header_end() -> u32 {
    u32::try_from(HEADER_BYTES).expect("a header is small")
}

/// The frame that continues the chain, if there is one.
fn next_frame(bytes: &[u8], seed: u32, end: End) -> Option<Frame<'_>> {
    frame::parse(bytes, seed, end.offset as usize).filter(|frame| frame.previous == end.chain)
}

impl Scanned {
    /// A segment that another follows was synced to its last frame, which the other names.
    fn check_follower(&self, next: &Header) -> Result<(), Error> {
        let expected = self.segment.sequence + 1;
        if next.sequence > expected {
            return Err(Error::Missing { sequence: expected });
        }
        if next.sequence < expected {
            return Err(Misfit::Damage(Damage::Name).at(&next.name(), 0));
        }
        if next.previous != self.end.chain {
            return Err(self.corrupt());
        }
        Ok(())
    }

    fn corrupt(&self) -> Error {
        Misfit::Damage(Damage::Frame).at(&self.segment.name, self.end.offset as usize)
    }

    /// Where the torn tail ends; where the frames end, if there is none. A hole is an error.
    fn judge_tail(&self) -> Result<usize, Error> {
        let damage = self.end.offset as usize;
        let rest = &self.bytes[damage..];
        let Some(last) = rest.iter().rposition(|byte| *byte != 0) else {
            return Ok(damage);
        };
        let torn_end = damage + last + 1;
        let proves = |at: usize| {
            frame::parse(&self.bytes, self.segment.seed, at)
                .is_some_and(|frame| frame.batch as usize > damage)
        };
        if (damage + ALIGN..torn_end).step_by(ALIGN).any(proves) {
            return Err(self.corrupt());
        }
        Ok(torn_end)
    }

    /// Writes the last batch again and zeros behind it. A sync that failed before this start may
    /// have left pages that read well and were never written: they are dirty again after this.
    fn mend(&self, torn_end: usize) -> Result<(), Error> {
        let (batch, end) = (self.batch as usize, self.end.offset as usize);
        let name = &self.segment.name;
        let mut rewritten = self.bytes[batch..end].to_vec();
        rewritten.resize(torn_end - batch, 0);
        if !rewritten.is_empty() {
            self.segment.file.write_at(batch as u64, &rewritten).map_err(failed("mend", name))?;
        }
        self.segment.file.sync().map_err(failed("sync", name))
    }

    fn tail(&self) -> Tail {
        Tail { end: self.end, begin: self.begin, allocated: self.bytes.len() as u64 }
    }
}
