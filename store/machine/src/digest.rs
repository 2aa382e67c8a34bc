//! A rolling digest of everything applied, which all members must agree on at equal applied index.
//!
//! It covers what commands changed, not when compaction removed rows or storage flushed them: those
//! differ from member to member. It finds divergence, not forgery.

use crate::cluster::Version;
use crate::command::MemberAttributes;
use crate::row::Row;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

const VALUE: u64 = 1;
const TOMBSTONE: u64 = 2;
const COMPACTION: u64 = 3;
const MEMBER: u64 = 4;
const META: u64 = 5;
const ALARM: u64 = 25;
const LEASE_GRANTED: u64 = 10;
const LEASE_REVOKED: u64 = 11;
const LEASE_CHECKPOINTED: u64 = 12;
const REMOVED_MEMBER: u64 = 20;
const CLUSTER_VERSION: u64 = 21;
const DOWNGRADE: u64 = 22;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    /// Of an empty store.
    pub(crate) fn new() -> Self {
        Self(0)
    }

    pub(crate) fn restore(value: u64) -> Self {
        Self(value)
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }

    pub(crate) fn row(&mut self, row: &Row) {
        match row {
            Row::Value(kv) => {
                self.word(VALUE);
                self.bytes(&kv.key);
                self.bytes(&kv.value);
                for field in [kv.create_revision, kv.mod_revision, kv.version, kv.lease] {
                    self.word(field.cast_unsigned());
                }
            }
            Row::Tombstone { key } => {
                self.word(TOMBSTONE);
                self.bytes(key);
            }
        }
    }

    pub(crate) fn revision(&mut self, revision: i64) {
        self.word(revision.cast_unsigned());
    }

    pub(crate) fn compaction(&mut self, revision: i64) {
        self.word(COMPACTION);
        self.revision(revision);
    }

    pub(crate) fn member(&mut self, member: &MemberAttributes) {
        self.word(MEMBER);
        self.word(member.id);
        self.bytes(member.name.as_bytes());
        self.word(member.client_urls.len() as u64);
        for url in &member.client_urls {
            self.bytes(url.as_bytes());
        }
    }

    /// A named value as it is kept, or that it is gone.
    pub(crate) fn meta(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.word(META);
        self.bytes(key);
        self.word(u64::from(value.is_some()));
        self.bytes(value.unwrap_or_default());
    }

    pub(crate) fn alarm(&mut self, is_active: bool, kind: u8, member: u64) {
        self.word(ALARM);
        self.word(u64::from(is_active));
        self.word(u64::from(kind));
        self.word(member);
    }

    pub(crate) fn lease_granted(&mut self, id: i64, ttl: i64) {
        for word in [LEASE_GRANTED, id.cast_unsigned(), ttl.cast_unsigned()] {
            self.word(word);
        }
    }

    pub(crate) fn lease_revoked(&mut self, id: i64) {
        self.word(LEASE_REVOKED);
        self.word(id.cast_unsigned());
    }

    pub(crate) fn lease_checkpointed(&mut self, id: i64, remaining_ttl: i64) {
        for word in [LEASE_CHECKPOINTED, id.cast_unsigned(), remaining_ttl.cast_unsigned()] {
            self.word(word);
        }
    }

    pub(crate) fn removed_member(&mut self, id: u64) {
        self.word(REMOVED_MEMBER);
        self.word(id);
    }

    pub(crate) fn cluster_version(&mut self, version: Version) {
        self.word(CLUSTER_VERSION);
        self.bytes(&version.encode());
    }

    pub(crate) fn downgrade(&mut self, target: Option<Version>) {
        self.word(DOWNGRADE);
        self.bytes(&target.map_or_else(Default::default, Version::encode));
    }

    /// The length goes first, so that no two sequences of fields run together.
    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
    }

    /// Every step is a bijection of the state for a given word, so a difference never fades.
    fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(MULTIPLIER);
        self.0 = (mixed ^ (mixed >> 32)).wrapping_add(MULTIPLIER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&[u8]]) -> u64 {
        let mut digest = Digest::new();
        for part in parts {
            digest.bytes(part);
        }
        digest.value()
    }

    #[test]
    fn fields_do_not_run_together() {
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"", b"a"]), of(&[b"a", b""]));
        assert_ne!(of(&[b"a"]), of(&[b"a\0"]));
        assert_ne!(of(&[b"12345678"]), of(&[b"12345678", b""]));
    }

    #[test]
    fn digest_is_the_same_on_every_machine() {
        assert_eq!(of(&[b"key", b"a value of more than eight bytes"]), 14_158_723_811_029_976_199);
    }
}
