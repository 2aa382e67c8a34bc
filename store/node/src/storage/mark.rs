//! What a durable state says about itself.

use bytes::{Buf, BufMut, Bytes};

/// A place in the Raft log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// The leader's term.
    pub term: u64,
    /// The leader.
    pub node: u64,
    /// The index.
    pub index: u64,
}

/// What a state covers: the last applied entry, and the membership as of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The last applied entry.
    pub position: Position,
    /// The last applied membership with its own log id, encoded by the owner.
    pub membership: Bytes,
}

impl Mark {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24 + self.membership.len());
        out.put_u64_le(self.position.term);
        out.put_u64_le(self.position.node);
        out.put_u64_le(self.position.index);
        out.put_slice(&self.membership);
        out
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let term = bytes.try_get_u64_le().ok()?;
        let node = bytes.try_get_u64_le().ok()?;
        let index = bytes.try_get_u64_le().ok()?;
        let membership = Bytes::copy_from_slice(bytes);
        Some(Self { position: Position { term, node, index }, membership })
    }
}

/// Whose state it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster_id: u64,
    /// The member.
    pub member_id: u64,
}

impl Identity {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        out.put_u64_le(self.cluster_id);
        out.put_u64_le(self.member_id);
        out
    }

    pub(super) fn decode(bytes: &[u8; 16]) -> Self {
        let mut bytes = &bytes[..];
        Self { cluster_id: bytes.get_u64_le(), member_id: bytes.get_u64_le() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn mark_survives_encoding(term: u64, node: u64, index: u64, membership: Vec<u8>) {
            let position = Position { term, node, index };
            let mark = Mark { position, membership: membership.into() };
            prop_assert_eq!(Mark::decode(&mark.encode()), Some(mark));
        }
    }

    #[test]
    fn short_mark_is_refused() {
        let bytes = Mark::default().encode();
        for len in 0..bytes.len() {
            assert_eq!(Mark::decode(&bytes[..len]), None);
        }
    }
}
