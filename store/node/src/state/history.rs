//! The history as watchers read it: events made again from rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use detcd_machine::{Event, EventKind, KeyValue, Revision, Row};
use futures_util::future::BoxFuture;

use super::State;
use crate::runtime::Runtime;
use crate::watch::{Batch, History, HistoryError};

/// The history of a member's state.
pub struct StateHistory<R: Runtime> {
    state: Arc<State<R>>,
}

impl<R: Runtime> StateHistory<R> {
    /// The history of `state`.
    pub fn new(state: Arc<State<R>>) -> Self {
        Self { state }
    }
}

impl<R: Runtime> History for StateHistory<R> {
    fn revision(&self) -> i64 {
        self.state.with_machine(|machine| machine.revision())
    }

    fn compact_revision(&self) -> i64 {
        self.state.with_machine(|machine| machine.compact_revision())
    }

    fn events(
        &self,
        from: i64,
        to: i64,
        revisions_max: usize,
        bytes_max: usize,
    ) -> BoxFuture<'static, Result<Batch, HistoryError>> {
        let state = self.state.clone();
        Box::pin(async move { state.events(from, to, revisions_max, bytes_max).await })
    }

    fn previous(
        &self,
        revisions: Vec<Revision>,
    ) -> BoxFuture<'static, Result<BTreeMap<Revision, Arc<KeyValue>>, HistoryError>> {
        let state = self.state.clone();
        Box::pin(async move {
            let rows =
                state.storage().fetch(revisions).await.map_err(|_failed| HistoryError::Stopped)?;
            let values = rows.into_iter().filter_map(|(revision, row)| match row {
                Row::Value(value) => Some((revision, value)),
                Row::Tombstone { .. } => None,
            });
            Ok(values.collect())
        })
    }
}

impl<R: Runtime> State<R> {
    async fn events(
        &self,
        from: i64,
        to: i64,
        revisions_max: usize,
        bytes_max: usize,
    ) -> Result<Batch, HistoryError> {
        loop {
            let epoch = self.settled().await;
            let batch = self.events_of_one_state(from, to, revisions_max, bytes_max).await;
            // A snapshot that came between index and rows would leave out events without a trace.
            if self.is_still(epoch) {
                return batch;
            }
        }
    }

    async fn events_of_one_state(
        &self,
        from: i64,
        to: i64,
        revisions_max: usize,
        bytes_max: usize,
    ) -> Result<Batch, HistoryError> {
        self.uncompacted(from)?;
        let last =
            to.min(from.saturating_add(i64::try_from(revisions_max).unwrap_or(i64::MAX) - 1));
        let end = Revision { main: last.saturating_add(1), sub: 0 };
        let mut rows = self.rows_until(from, end, bytes_max).await?;
        let mut through = last;
        if let Some(cut) = rows.cut {
            // The scan stopped somewhere: the revision it stopped in is not whole.
            if rows.list.first().is_some_and(|(first, _)| first.main < cut) {
                rows.list.retain(|(revision, _)| revision.main < cut);
                through = cut - 1;
            } else {
                let end = Revision { main: cut.saturating_add(1), sub: 0 };
                rows = self.rows_until(cut, end, usize::MAX).await?;
                through = cut;
            }
        }
        // A compaction during the scan may have removed rows that it had not reached.
        let revisions = self.rebuild(rows.list);
        self.uncompacted(from)?;
        Ok(Batch { revisions, through })
    }

    fn uncompacted(&self, from: i64) -> Result<(), HistoryError> {
        let compact_revision = self.with_machine(|machine| machine.compact_revision());
        if from < compact_revision {
            return Err(HistoryError::Compacted { compact_revision });
        }
        Ok(())
    }

    async fn rows_until(
        &self,
        from: i64,
        end: Revision,
        bytes_max: usize,
    ) -> Result<Scanned, HistoryError> {
        const ROWS_MAX: usize = 4096;
        let rows_max = if bytes_max == usize::MAX { usize::MAX } else { ROWS_MAX };
        let from = Revision { main: from, sub: 0 };
        let list = self
            .storage()
            .scan(from, end, rows_max, bytes_max)
            .await
            .map_err(|_failed| HistoryError::Stopped)?;
        // Whether a limit cut the scan only storage knows; a row behind the last one tells.
        let cut = match list.last() {
            Some((last, _)) if self.has_rows(*last, end).await? => Some(last.main),
            _ => None,
        };
        Ok(Scanned { list, cut })
    }

    async fn has_rows(&self, after: Revision, end: Revision) -> Result<bool, HistoryError> {
        let next = Revision { main: after.main, sub: after.sub + 1 };
        let rows = self.storage().scan(next, end, 1, usize::MAX).await;
        Ok(!rows.map_err(|_failed| HistoryError::Stopped)?.is_empty())
    }

    fn rebuild(&self, rows: Vec<(Revision, Row)>) -> Vec<(i64, Vec<Event>)> {
        let mut revisions: Vec<(i64, Vec<Event>)> = Vec::new();
        self.with_machine(|machine| {
            for (revision, row) in rows {
                let event = match row {
                    Row::Value(kv) => Event {
                        prev: machine.previous(&kv.key, revision),
                        kind: EventKind::Put,
                        kv,
                    },
                    Row::Tombstone { key } => Event {
                        prev: machine.previous(&key, revision),
                        kind: EventKind::Delete,
                        kv: Arc::new(KeyValue {
                            key,
                            mod_revision: revision.main,
                            ..KeyValue::default()
                        }),
                    },
                };
                match revisions.last_mut() {
                    Some((main, events)) if *main == revision.main => events.push(event),
                    _ => revisions.push((revision.main, vec![event])),
                }
            }
        });
        revisions
    }
}

struct Scanned {
    list: Vec<(Revision, Row)>,
    /// The main revision in which the scan stopped, if it did before its end.
    cut: Option<i64>,
}
