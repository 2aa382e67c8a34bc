//! A list of revisions that takes no allocation while it holds but one, as most keys do.

use crate::row::Revision;

/// Revisions in ascending order.
#[derive(Debug)]
pub(super) enum Puts {
    /// Exactly one.
    One(Revision),
    /// Any number.
    Many(Vec<Revision>),
}

impl Puts {
    pub(super) fn none() -> Self {
        Self::Many(Vec::new())
    }

    pub(super) fn one(revision: Revision) -> Self {
        Self::One(revision)
    }

    pub(super) fn as_slice(&self) -> &[Revision] {
        match self {
            Self::One(revision) => std::slice::from_ref(revision),
            Self::Many(revisions) => revisions,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.as_slice().len()
    }

    pub(super) fn push(&mut self, revision: Revision) {
        match self {
            Self::One(first) => *self = Self::Many(vec![*first, revision]),
            Self::Many(revisions) => revisions.push(revision),
        }
    }

    /// Drops the `count` oldest.
    pub(super) fn drop_front(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        *self = match &self.as_slice()[count..] {
            [only] => Self::One(*only),
            rest => Self::Many(rest.to_vec()),
        };
    }
}
