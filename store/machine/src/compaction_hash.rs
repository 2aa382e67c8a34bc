//! Which rows the key space's hash at a revision covers, and the hashes of past compactions.
//!
//! etcd hashes while it compacts and answers later questions about that revision from memory, because
//! by then the rows are gone. So every compaction owes a hash of what was there before it: the owner
//! of the rows computes it before it removes the first of them. Debts and hashes are kept with the
//! state, so that after a restart all members still answer alike.
//!
//! Must never know: how a row is hashed.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::encoding::{DecodeError, Reader};
use crate::machine::Machine;
use crate::outcome::{Change, MetaKey, Rejection};
use crate::row::Revision;

/// Hashes of past compactions that are kept, as many as etcd keeps.
const HASHES_MAX: usize = 10;

/// The rows that a hash covers: all up to `revision`, but of those at `compact_revision` or before
/// only the ones that are not superseded at `revision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSpan {
    /// The history was given up to here; -1 for never.
    pub compact_revision: i64,
    /// The newest revision.
    pub revision: i64,
}

/// A span and the hash of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanHash {
    /// What it covers.
    pub span: HashSpan,
    /// CRC32C of the rows in etcd's encoding.
    pub hash: u32,
}

/// How the hash at a revision is come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashSource {
    /// It is known.
    Known(SpanHash),
    /// The rows have to be hashed.
    Rows(HashSpan),
}

/// The newest compactions, oldest first, with the hash of what was there before each.
#[derive(Debug, Default)]
pub(crate) struct CompactionHashes(VecDeque<(HashSpan, Option<u32>)>);

impl CompactionHashes {
    /// A compaction was promised.
    pub(crate) fn owe(&mut self, span: HashSpan) -> Change {
        if self.0.len() == HASHES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((span, None));
        self.change()
    }

    fn change(&self) -> Change {
        Change::SetMeta { key: MetaKey::CompactionHashes, value: self.encode() }
    }

    fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.0.len() * 21);
        for (span, hash) in &self.0 {
            out.extend_from_slice(&span.compact_revision.to_le_bytes());
            out.extend_from_slice(&span.revision.to_le_bytes());
            out.push(u8::from(hash.is_some()));
            out.extend_from_slice(&hash.unwrap_or_default().to_le_bytes());
        }
        out.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut hashes = VecDeque::new();
        while !reader.is_empty() {
            let span = HashSpan { compact_revision: reader.i64()?, revision: reader.i64()? };
            let is_known = reader.u8()? != 0;
            let hash = reader.u32()?;
            hashes.push_back((span, is_known.then_some(hash)));
        }
        Ok(Self(hashes))
    }
}

impl Machine {
    /// How the hash at `revision` is come by; 0 is the current one, and below it there are no rows (G74).
    pub fn hash_source(&self, revision: i64) -> Result<HashSource, Rejection> {
        let of_compaction = self.hashes.0.iter().find(|(span, _)| span.revision == revision);
        match of_compaction {
            Some((span, Some(hash))) => {
                return Ok(HashSource::Known(SpanHash { span: *span, hash: *hash }));
            }
            Some((span, None)) => return Ok(HashSource::Rows(*span)),
            None => {}
        }
        let compact_revision = self.compact_revision();
        let revision = if revision < 0 { revision } else { self.readable(revision)? };
        Ok(HashSource::Rows(HashSpan { compact_revision, revision }))
    }

    /// The hash that has to be computed before rows of the latest compactions may be removed.
    #[must_use]
    pub fn hash_owed(&self) -> Option<HashSpan> {
        self.hashes.0.iter().find(|(_, hash)| hash.is_none()).map(|(span, _)| *span)
    }

    /// Takes a hash that was owed; changes nothing that anybody decides by, and not the digest.
    pub fn hashed(&mut self, computed: SpanHash) -> Vec<Change> {
        let owed = self.hashes.0.iter_mut().find(|(span, _)| *span == computed.span);
        let Some((_, hash)) = owed else { return Vec::new() };
        *hash = Some(computed.hash);
        vec![self.hashes.change()]
    }

    /// Whether the row of `key` at `revision` is what a reader at `at` sees of that key.
    #[must_use]
    pub fn is_seen_at(&self, key: &[u8], revision: Revision, at: i64) -> bool {
        let bound = Revision { main: at, sub: i64::MAX };
        let seen = self.index().get(key).and_then(|history| history.seen_at(bound));
        seen.is_some_and(|seen| seen.revision == revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(compact_revision: i64, revision: i64) -> HashSpan {
        HashSpan { compact_revision, revision }
    }

    #[test]
    fn hashes_survive_their_encoding_and_only_the_newest_are_kept() {
        let mut hashes = CompactionHashes::default();
        for revision in 0..15 {
            hashes.owe(span(revision - 1, revision));
        }
        hashes.0[3].1 = Some(7);
        let back = CompactionHashes::decode(&hashes.encode()).unwrap();
        assert_eq!(back.0, hashes.0);
        assert_eq!(back.0.len(), HASHES_MAX);
        assert_eq!(back.0[0].0, span(4, 5));
        let short = hashes.encode();
        assert!(CompactionHashes::decode(&short[..short.len() - 1]).is_err());
    }
}
