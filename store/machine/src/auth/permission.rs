//! What a role permits on a range of keys.

use bytes::Bytes;

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PermissionKind {
    /// Reading.
    #[default]
    Read,
    /// Putting and deleting.
    Write,
    /// Both.
    ReadWrite,
}

impl PermissionKind {
    pub(super) fn reads(self) -> bool {
        matches!(self, Self::Read | Self::ReadWrite)
    }

    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }
}

/// What may be done with a range of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permission {
    /// What.
    pub kind: PermissionKind,
    /// First key.
    pub key: Bytes,
    /// As in [`Range`](crate::Range).
    pub range_end: Bytes,
}

impl Permission {
    /// Whether there can be keys in the range (G87).
    pub(super) fn is_valid(&self) -> bool {
        let Self { key, range_end, .. } = self;
        !key.is_empty() && (range_end.is_empty() || range_end.as_ref() == [0] || key < range_end)
    }

    pub(super) fn is_on(&self, key: &[u8], range_end: &[u8]) -> bool {
        self.key == key && self.range_end == range_end
    }
}
