//! What already happened: where watchers that lag are fed from.

use std::collections::BTreeMap;
use std::sync::Arc;

use detcd_machine::{Event, KeyValue, Revision};
use futures_util::future::BoxFuture;

/// The member's applied state, as far as watchers need it.
///
/// It may be ahead of what was [published](super::Hub::publish), never behind.
pub trait History: Send + Sync + 'static {
    /// The applied revision.
    fn revision(&self) -> i64;

    /// The oldest revision that is still whole; -1 while nothing was ever compacted.
    fn compact_revision(&self) -> i64;

    /// All events of the revisions from `from` on, up to `to` or up to where one of the limits cuts:
    /// at least one revision, however large it is, and never a part of one.
    ///
    /// A compaction that overtakes the read makes it fail as a whole: events must never be missing from
    /// what is returned. The range starts at the compacted revision at the earliest, and includes it.
    fn events(
        &self,
        from: i64,
        to: i64,
        revisions_max: usize,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Batch, HistoryError>>;

    /// The rows at these places; those that compaction removed are absent from the answer.
    fn previous(
        &self,
        revisions: Vec<Revision>,
    ) -> BoxFuture<'static, Result<BTreeMap<Revision, Arc<KeyValue>>, HistoryError>>;
}

/// A piece of the history without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The revisions that have events, ascending.
    pub revisions: Vec<(i64, Vec<Event>)>,
    /// The last revision that the batch covers.
    pub through: i64,
}

/// Why the history cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The start of the range is compacted.
    #[error("the history before revision {compact_revision} is compacted")]
    Compacted {
        /// The oldest revision that is still whole.
        compact_revision: i64,
    },
    /// The member is stopping.
    #[error("the member is stopping")]
    Stopped,
}
