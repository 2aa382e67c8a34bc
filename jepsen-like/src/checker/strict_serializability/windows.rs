//! Revisions as whole answers of watches showed them: what a watch of a range did not show there
//! did not change, because a watch gets all events of a revision together.

use std::collections::BTreeMap;

use crate::history::{Event, History, KvEvent, WatchId, WatchRecord};
use crate::model::{Change, Span};

/// What one watch showed of one revision.
#[derive(Debug)]
struct Window<'h> {
    span: Span<'h>,
    events: Vec<&'h KvEvent>,
}

/// What watches showed, by revision.
#[derive(Debug, Default)]
pub(super) struct Windows<'h> {
    by_revision: BTreeMap<i64, BTreeMap<WatchId, Window<'h>>>,
}

/// A watch that leaves nothing out, and the parts of its answer that is not complete.
struct Open<'h> {
    span: Span<'h>,
    parts: Vec<&'h KvEvent>,
}

impl<'h> Windows<'h> {
    /// Collects the wanted revisions.
    pub(super) fn new(history: &'h History, wanted: &impl Fn(i64) -> bool) -> Self {
        let mut windows = Self::default();
        let mut watches: BTreeMap<WatchId, Open<'h>> = BTreeMap::new();
        for event in &history.events {
            let Event::Watch(line) = event else { continue };
            match &line.record {
                WatchRecord::Created { key, range_end, filters, .. } => {
                    if filters.is_empty() {
                        let span = Span::new(key, range_end);
                        watches.insert(line.watch, Open { span, parts: Vec::new() });
                    }
                }
                WatchRecord::Events { fragment, events, .. } => {
                    let Some(watch) = watches.get_mut(&line.watch) else { continue };
                    watch.parts.extend(events);
                    if !fragment {
                        windows.add(line.watch, watch, wanted);
                    }
                }
                WatchRecord::Resumed { .. } | WatchRecord::Broken { .. } => {
                    if let Some(watch) = watches.get_mut(&line.watch) {
                        watch.parts.clear();
                    }
                }
                WatchRecord::Progress { .. } | WatchRecord::Canceled { .. } => {}
            }
        }
        windows
    }

    fn add(&mut self, id: WatchId, watch: &mut Open<'h>, wanted: &impl Fn(i64) -> bool) {
        for event in watch.parts.drain(..) {
            if wanted(event.kv.mod_revision) {
                let windows = self.by_revision.entry(event.kv.mod_revision).or_default();
                let empty = Window { span: watch.span, events: Vec::new() };
                windows.entry(id).or_insert(empty).events.push(event);
            }
        }
    }

    /// A change that a watch would have shown, and did not.
    pub(super) fn unseen<'c>(&self, revision: i64, changes: &'c [Change]) -> Option<&'c Change> {
        let windows = self.by_revision.get(&revision)?;
        changes.iter().find(|change| windows.values().any(|window| window.lacks(change)))
    }
}

impl Window<'_> {
    fn lacks(&self, change: &Change) -> bool {
        let is_it = |event: &&KvEvent| event.kind == change.kind && event.kv.key == change.kv.key;
        self.span.contains(change.kv.key.as_bytes()) && !self.events.iter().any(is_it)
    }
}
