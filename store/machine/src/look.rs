//! What lives in a machine, for whoever looks into one.
//!
//! Requests of clients are answered by [`crate::RangeReader`], which gives way to others in between.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::index::{Direction, History, Keys};
use crate::machine::Machine;
use crate::span::Span;

/// A living key, as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveKey {
    /// The key.
    pub key: Bytes,
    /// The revision that created it.
    pub create_revision: i64,
    /// The revision that changed it last.
    pub mod_revision: i64,
    /// How often it was changed since it was created.
    pub version: i64,
}

impl Machine {
    /// How many keys live now.
    #[must_use]
    pub fn live_key_count(&self) -> usize {
        self.index().count(&Span::all())
    }

    /// The first so many keys that live now, in order.
    #[must_use]
    pub fn live_keys(&self, keys_max: usize) -> Vec<LiveKey> {
        let mut found = Vec::new();
        let visit = &mut |key: &[u8], history: &History| {
            if found.len() == keys_max {
                return ControlFlow::Break(());
            }
            found.extend(history.latest().map(|seen| LiveKey {
                key: Bytes::copy_from_slice(key),
                create_revision: seen.create_revision,
                mod_revision: seen.revision.main,
                version: seen.version,
            }));
            ControlFlow::Continue(())
        };
        // Whether it was cut short shows in what was found.
        _ = self.index().walk(&Span::all(), Keys::Live, Direction::Ascending, visit);
        found
    }
}
