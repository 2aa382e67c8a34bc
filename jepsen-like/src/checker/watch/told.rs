//! A line of a watch, with all that is known when it is judged.

use super::Violation;
use crate::checker::strict_serializability::Committed;
use crate::history::{KeyValue, KvEvent, WatchLine, WatchRecord};
use crate::model::Change;

/// A line, the other lines of its watch, and the committed log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) line: &'a WatchLine,
    pub(super) committed: Option<&'a Committed<'a>>,
    /// The rest of the history is still to come, and with it the committed log.
    pub(super) is_online: bool,
    earlier: &'a [&'a WatchLine],
    later: &'a [&'a WatchLine],
}

impl<'a> Told<'a> {
    /// One that has just come.
    pub(super) fn online(line: &'a WatchLine) -> Self {
        Self { line, committed: None, is_online: true, earlier: &[], later: &[] }
    }

    /// One of the lines of a watch that is over.
    pub(super) fn of_history(
        lines: &'a [&'a WatchLine],
        number: usize,
        committed: Option<&'a Committed<'a>>,
    ) -> Option<Self> {
        let (earlier, rest) = lines.split_at_checked(number)?;
        let (line, later) = rest.split_first()?;
        Some(Self { line, committed, is_online: false, earlier, later })
    }

    /// The violation that it shows.
    pub(super) fn breaks(&self, guarantee: &'static str, text: &str) -> Violation {
        super::violation(guarantee, self.line, text)
    }

    /// The violation that an event shows which came where another was due.
    pub(super) fn breaks_at(
        &self,
        guarantee: &'static str,
        event: &KvEvent,
        due: &Change,
    ) -> Violation {
        let text = format!(
            "got the event of {} at revision {} where that of {} at revision {} was due",
            event.kv.key, event.kv.mod_revision, due.kv.key, due.kv.mod_revision
        );
        self.breaks(guarantee, &text)
    }

    /// Whether an earlier line has the event; looked at only to tell what is wrong.
    pub(super) fn earlier_has(&self, event: &KvEvent) -> bool {
        has(self.earlier, &event.kv)
    }

    /// Whether a later line has the change; looked at only to tell what is wrong.
    pub(super) fn later_has(&self, change: &Change) -> bool {
        has(self.later, &change.kv)
    }
}

fn has(lines: &[&WatchLine], kv: &KeyValue) -> bool {
    lines.iter().any(|line| match &line.record {
        WatchRecord::Events { events, .. } => events
            .iter()
            .any(|event| event.kv.mod_revision == kv.mod_revision && event.kv.key == kv.key),
        _ => false,
    })
}
