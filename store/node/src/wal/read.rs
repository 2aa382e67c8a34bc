//! Entries for readers: from memory where they are there, else from the files.

use std::ops::Range;

use bytes::Bytes;

use super::error::failed;
use super::frame::{self, Record, entry_bytes};
use super::locations::Location;
use super::segment::Segment;
use super::state::State;
use super::{Damage, Entry, Error, Refusal};
use crate::runtime::Runtime;

/// What a read takes, decided at one instant: later truncations and purges do not touch it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    stored: Vec<Stretch>,
    cached: Vec<Entry>,
}

/// Entries that follow each other in one file.
#[derive(Debug)]
struct Stretch {
    segment: Segment,
    first_index: u64,
    begin: u32,
    end: u32,
    count: u64,
}

impl Plan {
    /// Plans the entries of `range` that fit into `bytes_max`, and one in any case.
    pub(super) fn new<R: Runtime>(
        state: &State<R>,
        range: Range<u64>,
        bytes_max: usize,
    ) -> Result<Self, Error> {
        if let Some(purged) = state.outline.purged().filter(|purged| range.start <= purged.index) {
            return Err(Refusal::Purged { index: range.start, purged: purged.index }.into());
        }
        let mut plan = Self::default();
        let mut bytes = 0;
        for index in range.start..range.end.min(state.outline.next()) {
            let taken = bytes > 0 || index > range.start;
            if let Some(entry) = state.cache.get(index) {
                bytes += entry.payload.len();
                if taken && bytes > bytes_max {
                    break;
                }
                plan.cached.push(entry.clone());
            } else {
                let location =
                    state.locations.get(index).expect("an entry is in memory until it is durable");
                bytes += location.payload_bytes as usize;
                if taken && bytes > bytes_max {
                    break;
                }
                plan.add_stored(state, index, location);
            }
        }
        Ok(plan)
    }

    fn add_stored<R: Runtime>(&mut self, state: &State<R>, index: u64, location: Location) {
        let Location { segment, offset, payload_bytes } = location;
        let frame_bytes = u32::try_from(entry_bytes(payload_bytes as usize));
        let end = offset + frame_bytes.expect("a frame is below 1 GiB");
        match self.stored.last_mut() {
            Some(stretch) if stretch.segment.sequence == segment && stretch.end == offset => {
                stretch.end = end;
                stretch.count += 1;
            }
            _ => {
                let segment = state.segments.get(&segment).expect("a located segment is kept");
                let segment = segment.clone();
                let (first_index, begin) = (index, offset);
                self.stored.push(Stretch { segment, first_index, begin, end, count: 1 });
            }
        }
    }

    /// Whether the disk is needed.
    pub(super) fn is_cached(&self) -> bool {
        self.stored.is_empty()
    }

    /// Reads what is not in memory. Blocks.
    pub(super) fn fetch(self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        for stretch in &self.stored {
            stretch.read(&mut entries)?;
        }
        entries.extend(self.cached);
        Ok(entries)
    }
}

impl Stretch {
    /// Reads the entries and checks every one of them again.
    fn read(&self, entries: &mut Vec<Entry>) -> Result<(), Error> {
        let Segment { name, seed, file, .. } = &self.segment;
        let length = usize::try_from(self.end - self.begin).expect("32 bits fit");
        let mut bytes = vec![0; length];
        file.read_at(u64::from(self.begin), &mut bytes).map_err(failed("read", name))?;
        let bytes = Bytes::from(bytes);
        let mut at = 0;
        for index in self.first_index..self.first_index + self.count {
            let corrupt = || Error::Corrupt {
                segment: name.to_string(),
                offset: u64::from(self.begin) + at as u64,
                damage: Damage::Entry,
            };
            let place = self.begin + u32::try_from(at).expect("within the stretch");
            let frame = frame::parse_at(&bytes[at..], *seed, place).ok_or_else(corrupt)?;
            match frame.record() {
                Ok(Record::Entry(position, payload)) if position.index == index => {
                    entries.push(Entry { position, payload: bytes.slice_ref(payload) });
                }
                _ => return Err(corrupt()),
            }
            at += entry_bytes(entries.last().map_or(0, |entry| entry.payload.len()));
        }
        Ok(())
    }
}
