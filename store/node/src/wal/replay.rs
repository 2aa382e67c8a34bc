//! The log as its frames tell it, one frame after the other.

use bytes::Bytes;

use super::cache::Cache;
use super::frame::{Checkpoint, Frame, Record, Unreadable};
use super::locations::{Location, Locations};
use super::outline::{Installed, Outline, next_after};
use super::{Damage, Entry, Error, Position, Refusal};

/// What has been read back so far.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub outline: Outline,
    pub vote: Option<Bytes>,
    pub locations: Locations,
    pub cache: Cache,
}

/// Why a frame cannot be part of this log.
pub(super) enum Misfit {
    Kind(u32),
    Damage(Damage),
}

impl From<Refusal> for Misfit {
    fn from(refusal: Refusal) -> Self {
        Self::Damage(Damage::Order(refusal))
    }
}

impl Misfit {
    /// The error that names the place.
    pub(super) fn at(self, segment: &str, offset: usize) -> Error {
        let segment = segment.to_owned();
        let offset = offset as u64;
        match self {
            Self::Kind(kind) => Error::Kind { segment, offset, kind },
            Self::Damage(damage) => Error::Corrupt { segment, offset, damage },
        }
    }
}

impl Replay {
    pub(super) fn new(cache_bytes_max: usize) -> Self {
        Self { cache: Cache::new(cache_bytes_max), ..Self::default() }
    }

    /// Takes a segment's first frame: all that is known of the segments before, where they are gone;
    /// a repetition of what they said, where they are not.
    pub(super) fn begin(&mut self, frame: &Frame<'_>, oldest: bool) -> Result<(), Misfit> {
        let Record::Checkpoint(checkpoint) = record(frame)? else {
            return Err(Misfit::Damage(Damage::Checkpoint));
        };
        if oldest {
            let Checkpoint { purged, last, committed, vote } = checkpoint;
            self.outline = Outline::from_checkpoint(purged, last, committed);
            self.vote = vote.map(Bytes::copy_from_slice);
            self.locations = Locations::starting_at(self.outline.next());
            self.cache.reset(self.outline.next());
        } else if checkpoint != self.checkpoint() {
            return Err(Misfit::Damage(Damage::Checkpoint));
        }
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint<'_> {
        Checkpoint {
            purged: self.outline.purged(),
            last: self.outline.last(),
            committed: self.outline.committed(),
            vote: self.vote.as_deref(),
        }
    }

    /// Takes any other frame, which stands at `offset` of segment `sequence`.
    pub(super) fn apply(
        &mut self,
        frame: &Frame<'_>,
        sequence: u64,
        offset: u32,
    ) -> Result<(), Misfit> {
        match record(frame)? {
            Record::Checkpoint(_) => return Err(Misfit::Damage(Damage::Content)),
            Record::Entry(position, payload) => self.append(position, payload, sequence, offset)?,
            Record::Vote(vote) => self.vote = Some(Bytes::copy_from_slice(vote)),
            Record::Committed(position) => {
                self.outline.commit(position);
            }
            Record::Truncate(last) => {
                if let Some(end) = self.outline.truncate(last)? {
                    self.locations.truncate(end);
                    self.cache.truncate(end);
                }
            }
            Record::Purge(upto) => {
                self.outline.purge(upto)?;
                self.drop_purged();
            }
            Record::Install(upto) => self.install(upto)?,
        }
        Ok(())
    }

    fn append(
        &mut self,
        position: Position,
        payload: &[u8],
        segment: u64,
        offset: u32,
    ) -> Result<(), Misfit> {
        self.outline.check_append(std::iter::once(position))?;
        self.outline.append(position);
        let payload_bytes = u32::try_from(payload.len()).expect("a frame's length has 32 bits");
        self.locations.push(position.index, Location { segment, offset, payload_bytes });
        self.cache.push(Entry { position, payload: Bytes::copy_from_slice(payload) });
        self.cache.shrink(self.outline.next());
        Ok(())
    }

    fn install(&mut self, upto: Position) -> Result<(), Misfit> {
        match self.outline.install(upto)? {
            Installed::Nothing => {}
            Installed::Purged => self.drop_purged(),
            Installed::Reset => {
                self.locations = Locations::starting_at(self.outline.next());
                self.cache.reset(self.outline.next());
            }
        }
        Ok(())
    }

    fn drop_purged(&mut self) {
        let first = next_after(self.outline.purged());
        self.locations.purge(first);
        self.cache.purge(first);
    }
}

fn record<'a>(frame: &Frame<'a>) -> Result<Record<'a>, Misfit> {
    frame.record().map_err(|unreadable| match unreadable {
        Unreadable::Kind(kind) => Misfit::Kind(kind),
        Unreadable::Content => Misfit::Damage(Damage::Content),
    })
}
