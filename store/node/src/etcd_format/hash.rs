//! The hash of rows (G74): CRC32C over the bucket's name and the rows in etcd's encoding.

use detcd_machine::{HashSpan, Machine, Revision, Row};

use super::{RowKey, encode_row};

/// What the index says about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowSeen {
    /// A reader at the compacted revision sees it; always so after that revision.
    before: bool,
    /// A reader at the hashed revision sees it.
    after: bool,
}

/// The hash of rows on its way. See the module.
#[derive(Debug)]
pub struct RowHasher {
    span: HashSpan,
    crc: u32,
    /// etcd forgets to leave out what is superseded when no key at all lives at the hashed revision. The
    /// hash as it is then, until a living key is found.
    crc_of_nothing: Option<u32>,
    buffer: Vec<u8>,
}

impl RowHasher {
    /// Of no rows.
    pub fn new(span: HashSpan) -> Self {
        let crc = crc32c::crc32c(b"key");
        Self { span, crc, crc_of_nothing: Some(crc), buffer: Vec::new() }
    }

    /// Asks the index about a row, no more than is needed.
    pub fn look(&self, machine: &Machine, revision: Revision, row: &Row) -> RowSeen {
        let Row::Value(kv) = row else {
            return RowSeen { before: revision.main > self.span.compact_revision, after: false };
        };
        let is_old = revision.main <= self.span.compact_revision;
        let wants_living = self.crc_of_nothing.is_some();
        let sees = |at| machine.is_seen_at(&kv.key, revision, at);
        RowSeen {
            before: !is_old || (wants_living && sees(self.span.compact_revision)),
            after: (is_old || wants_living) && sees(self.span.revision),
        }
    }

    /// Takes the next row.
    pub fn take(&mut self, revision: Revision, row: &Row, seen: RowSeen) {
        let is_old = revision.main <= self.span.compact_revision;
        if seen.after {
            self.crc_of_nothing = None;
        }
        let counts = !is_old || seen.after;
        let counts_of_nothing = seen.before && self.crc_of_nothing.is_some();
        if !counts && !counts_of_nothing {
            return;
        }
        self.buffer.clear();
        RowKey::of(revision, row).encode(&mut self.buffer);
        encode_row(row, &mut self.buffer);
        if counts {
            self.crc = crc32c::crc32c_append(self.crc, &self.buffer);
        }
        if let Some(crc) = self.crc_of_nothing.as_mut().filter(|_| counts_of_nothing) {
            *crc = crc32c::crc32c_append(*crc, &self.buffer);
        }
    }

    /// The hash.
    pub fn finish(&self) -> u32 {
        self.crc_of_nothing.unwrap_or(self.crc)
    }
}
