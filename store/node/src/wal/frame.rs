//! Bytes of one frame: pure, both ways. The layout stands in the module above.

use bytes::{Buf, BufMut};

use super::Position;

/// Frames begin at multiples of this, so that a search for one need not look at every byte.
pub(super) const ALIGN: usize = 8;
/// The fields before the body.
pub(super) const HEAD_BYTES: usize = 20;
/// Body bytes of an entry before its payload.
const POSITION_BYTES: usize = 24;
/// The largest body: a segment of 1 GiB with such a frame at its end still has 32-bit offsets.
pub(super) const BODY_BYTES_MAX: usize = 512 << 20;

/// State that a segment takes over from those before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checkpoint<'a> {
    pub purged: Option<Position>,
    pub last: Option<Position>,
    pub committed: Option<Position>,
    pub vote: Option<&'a [u8]>,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record<'a> {
    Checkpoint(Checkpoint<'a>),
    Entry(Position, &'a [u8]),
    Vote(&'a [u8]),
    Committed(Position),
    /// Entries behind this one are gone.
    Truncate(Option<Position>),
    /// Entries up to and with this one are gone, those behind it stay.
    Purge(Position),
    /// All entries are gone; the log goes on behind this position.
    Install(Position),
}

/// Where a frame stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The segment's seed.
    pub seed: u32,
    /// Offset in the file.
    pub offset: u32,
    /// Where its batch begins.
    pub batch: u32,
    /// Checksum of the frame before.
    pub previous: u32,
}

/// A frame whose checksum is right for its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub end: u32,
    pub crc: u32,
    pub previous: u32,
    pub batch: u32,
    pub kind: u32,
    body: &'a [u8],
}

/// Why a sound frame has no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    Kind(u32),
    Content,
}

/// Bytes that an entry takes in the file.
pub(super) fn entry_bytes(payload_bytes: usize) -> usize {
    (HEAD_BYTES + POSITION_BYTES + payload_bytes).next_multiple_of(ALIGN)
}

/// Appends the frame of a record to `buffer` and returns its checksum.
pub(super) fn encode(buffer: &mut Vec<u8>, place: Place, record: &Record<'_>) -> u32 {
    let start = buffer.len();
    buffer.put_bytes(0, HEAD_BYTES);
    let kind = put_body(buffer, record);
    let body_bytes = buffer.len() - start - HEAD_BYTES;
    assert!(body_bytes <= BODY_BYTES_MAX, "a body of {body_bytes} bytes was let through");
    let framed = HEAD_BYTES + body_bytes;
    buffer.put_bytes(0, framed.next_multiple_of(ALIGN) - framed);

    let mut head = &mut buffer[start + 4..start + HEAD_BYTES];
    head.put_u32_le(place.previous);
    head.put_u32_le(u32::try_from(body_bytes).expect("checked against a limit below 4 GiB"));
    head.put_u32_le(place.batch);
    head.put_u32_le(kind);
    let crc = checksum(place.seed, place.offset, &buffer[start + 4..]);
    buffer[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// The frame at `offset` of a segment, if its checksum is right for that place.
pub(super) fn parse(segment: &[u8], seed: u32, offset: usize) -> Option<Frame<'_>> {
    parse_at(segment.get(offset..)?, seed, u32::try_from(offset).ok()?)
}

/// The frame that `bytes` begin with, if its checksum is right for `offset`.
pub(super) fn parse_at(bytes: &[u8], seed: u32, offset: u32) -> Option<Frame<'_>> {
    let mut head = bytes.get(..HEAD_BYTES)?;
    let crc = head.get_u32_le();
    let previous = head.get_u32_le();
    let body_bytes = usize::try_from(head.get_u32_le()).ok()?;
    let batch = head.get_u32_le();
    let kind = head.get_u32_le();
    if body_bytes > BODY_BYTES_MAX {
        return None;
    }
    let length = (HEAD_BYTES + body_bytes).next_multiple_of(ALIGN);
    if checksum(seed, offset, bytes.get(4..length)?) != crc {
        return None;
    }
    let end = offset.checked_add(u32::try_from(length).ok()?)?;
    let body = &bytes[HEAD_BYTES..HEAD_BYTES + body_bytes];
    Some(Frame { end, crc, previous, batch, kind, body })
}

impl<'a> Frame<'a> {
    /// What the frame says.
    pub(super) fn record(&self) -> Result<Record<'a>, Unreadable> {
        let mut body = self.body;
        let record = match self.kind {
            1 => Some(Record::Checkpoint(take_checkpoint(&mut body).ok_or(Unreadable::Content)?)),
            2 => take_position(&mut body).map(|at| Record::Entry(at, std::mem::take(&mut body))),
            3 => Some(Record::Vote(std::mem::take(&mut body))),
            4 => take_position(&mut body).map(Record::Committed),
            5 => take_optional(&mut body).map(Record::Truncate),
            6 => take_position(&mut body).map(Record::Purge),
            7 => take_position(&mut body).map(Record::Install),
            kind => return Err(Unreadable::Kind(kind)),
        };
        record.filter(|_| body.is_empty()).ok_or(Unreadable::Content)
    }
}

fn checksum(seed: u32, offset: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(seed, &offset.to_le_bytes()), bytes)
}

fn put_body(buffer: &mut Vec<u8>, record: &Record<'_>) -> u32 {
    match record {
        Record::Checkpoint(checkpoint) => {
            put_optional(buffer, checkpoint.purged);
            put_optional(buffer, checkpoint.last);
            put_optional(buffer, checkpoint.committed);
            buffer.put_u8(u8::from(checkpoint.vote.is_some()));
            buffer.put_slice(checkpoint.vote.unwrap_or_default());
            1
        }
        Record::Entry(position, payload) => {
            put_position(buffer, *position);
            buffer.put_slice(payload);
            2
        }
        Record::Vote(vote) => {
            buffer.put_slice(vote);
            3
        }
        Record::Committed(position) => {
            put_position(buffer, *position);
            4
        }
        Record::Truncate(last) => {
            put_optional(buffer, *last);
            5
        }
        Record::Purge(upto) => {
            put_position(buffer, *upto);
            6
        }
        Record::Install(upto) => {
            put_position(buffer, *upto);
            7
        }
    }
}

fn put_position(buffer: &mut Vec<u8>, position: Position) {
    buffer.put_u64_le(position.term);
    buffer.put_u64_le(position.node);
    buffer.put_u64_le(position.index);
}

fn put_optional(buffer: &mut Vec<u8>, position: Option<Position>) {
    buffer.put_u8(u8::from(position.is_some()));
    if let Some(position) = position {
        put_position(buffer, position);
    }
}

fn take_position(body: &mut &[u8]) -> Option<Position> {
    let term = body.try_get_u64_le().ok()?;
    let node = body.try_get_u64_le().ok()?;
    let index = body.try_get_u64_le().ok()?;
    Some(Position { term, node, index })
}

fn take_optional(body: &mut &[u8]) -> Option<Option<Position>> {
    match body.try_get_u8().ok()? {
        0 => Some(None),
        1 => take_position(body).map(Some),
        _ => None,
    }
}

fn take_checkpoint<'a>(body: &mut &'a [u8]) -> Option<Checkpoint<'a>> {
    let purged = take_optional(body)?;
    let last = take_optional(body)?;
    let committed = take_optional(body)?;
    let vote = match body.try_get_u8().ok()? {
        0 => None,
        1 => Some(std::mem::take(body)),
        _ => return None,
    };
    Some(Checkpoint { purged, last, committed, vote })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn positions() -> impl Strategy<Value = Position> {
        (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(term, node, index)| Position {
            term,
            node,
            index,
        })
    }

    proptest! {
        #[test]
        fn a_frame_is_read_back_at_its_place_and_nowhere_else(
            position in positions(),
            optional in proptest::option::of(positions()),
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            which in 0..7,
            lead in 0_usize..5,
            seed in any::<u32>(),
        ) {
            let checkpoint = Checkpoint {
                purged: optional, last: Some(position), committed: None, vote: Some(&bytes),
            };
            let record = match which {
                0 => Record::Checkpoint(checkpoint),
                1 => Record::Entry(position, &bytes),
                2 => Record::Vote(&bytes),
                3 => Record::Committed(position),
                4 => Record::Truncate(optional),
                5 => Record::Purge(position),
                _ => Record::Install(position),
            };
            let mut segment = vec![0; lead * ALIGN];
            let offset = u32::try_from(segment.len()).unwrap();
            let place = Place { seed, offset, batch: offset, previous: 7 };
            let crc = encode(&mut segment, place, &record);
            let frame = parse(&segment, seed, lead * ALIGN).expect("just written");
            prop_assert_eq!(frame.record(), Ok(record));
            prop_assert_eq!((frame.crc, frame.previous, frame.batch), (crc, 7, offset));
            prop_assert_eq!(frame.end as usize, segment.len());
            prop_assert!(parse(&segment, seed ^ 1, lead * ALIGN).is_none());
            segment.splice(0..0, [0; ALIGN]);
            prop_assert!(parse(&segment, seed, (lead + 1) * ALIGN).is_none());
        }
    }

    #[test]
    fn a_frame_of_unknown_kind_is_told_from_nonsense() {
        let frame = |kind, body| Frame { end: 0, crc: 0, previous: 0, batch: 0, kind, body };
        assert_eq!(frame(8, b"").record(), Err(Unreadable::Kind(8)));
        assert_eq!(frame(4, b"short").record(), Err(Unreadable::Content));
        assert_eq!(frame(5, b"\x02").record(), Err(Unreadable::Content));
        assert_eq!(frame(5, b"\x00more").record(), Err(Unreadable::Content));
    }
}
