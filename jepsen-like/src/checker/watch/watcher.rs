//! One watch followed from its confirmation to its end, across resumes: what it has got, its place in the committed
//! log, and the order in which the guarantees look at each line. The first that is broken ends it.

use super::cursor::{Cursor, Interest};
use super::received::{Phase, Received};
use super::told::Told;
use super::{
    Checked, Due, atomic, bookmarkable, cancel, compacted, created_first, fields, filter, liveness,
    ordered, phantom, prev_kv, reliable, resumable, txn_order, unique,
};
use crate::checker::strict_serializability::Committed;
use crate::history::{KvEvent, Micros, WatchLine, WatchRecord};

/// A watch that is followed.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    received: Received,
    cursor: Cursor,
    /// Parts of an answer that is not complete.
    parts: Vec<KvEvent>,
}

impl Watcher {
    /// What can be told of the next line at once, when nobody knows yet what was committed.
    pub(super) fn look(&mut self, line: &WatchLine) -> Checked {
        self.step(Told::online(line))
    }

    /// Follows the watch to its end; stops at the first violation.
    pub(super) fn follow(
        mut self,
        lines: &[&WatchLine],
        committed: Option<&Committed<'_>>,
        must_be_there: Option<Micros>,
    ) -> Checked {
        let told = |number| Told::of_history(lines, number, committed);
        for told in (0..lines.len()).filter_map(told) {
            self.step(told)?;
        }
        match (lines.len().checked_sub(1).and_then(told), must_be_there) {
            (Some(last), Some(time)) => {
                let due = self.due(last);
                liveness::check(&self.received, last, due, time)
            }
            _ => Ok(()),
        }
    }

    fn step(&mut self, told: Told<'_>) -> Checked {
        cancel::nothing_after_it(&self.received, told)?;
        created_first::check(&self.received, told)?;
        match &told.line.record {
            WatchRecord::Created { .. } | WatchRecord::Resumed { .. } => self.begin(told),
            WatchRecord::Events { revision, fragment, events } => {
                if !*fragment && self.parts.is_empty() {
                    return self.deliver(told, *revision, events);
                }
                self.parts.extend(events.iter().cloned());
                if *fragment {
                    return Ok(());
                }
                let events = std::mem::take(&mut self.parts);
                self.deliver(told, *revision, &events)
            }
            WatchRecord::Progress { revision } => self.progress(told, *revision),
            WatchRecord::Canceled { compact_revision, reason, asked } => {
                self.received.phase = Phase::Canceled;
                let is_explained = *asked || !reason.is_empty();
                cancel::has_a_reason(&self.received, told, *compact_revision, is_explained)
            }
            WatchRecord::Broken { .. } => {
                self.received.phase = Phase::Broken;
                self.parts.clear();
                Ok(())
            }
        }
    }

    /// A stream of events begins: the first, or one that goes on.
    fn begin(&mut self, told: Told<'_>) -> Checked {
        match &told.line.record {
            WatchRecord::Created {
                key,
                range_end,
                start_revision,
                prev_kv,
                filters,
                revision,
                ..
            } => {
                let (key, range_end, filters) = (key.clone(), range_end.clone(), filters.clone());
                self.received.interest = Interest { key, range_end, filters };
                self.received.prev_kv = *prev_kv;
                self.seek(told, *start_revision, *revision);
                phantom::could_be_committed(told, *revision)
            }
            WatchRecord::Resumed { start_revision, revision } => {
                let missed = self.due(told);
                self.seek(told, *start_revision, *revision);
                resumable::steps_over_nothing(&self.received, told, missed)?;
                phantom::could_be_committed(told, *revision)
            }
            _ => Ok(()),
        }
    }

    fn seek(&mut self, told: Told<'_>, start_revision: i64, revision: i64) {
        self.received.begin(start_revision, revision);
        self.parts.clear();
        if let Some(committed) = told.committed {
            let Received { interest, start, .. } = &self.received;
            self.cursor.seek(&committed.state, interest, *start);
        }
    }

    fn deliver(&mut self, told: Told<'_>, header: i64, events: &[KvEvent]) -> Checked {
        for event in events {
            let due = self.due_with(told, event);
            self.by_itself(told, header, event, due)?;
            if told.committed.is_some() {
                self.by_the_log(told, event, due)?;
            }
            self.received.deliver(event);
        }
        match self.due(told) {
            Some(rest) if !events.is_empty() && rest.1.kv.mod_revision == self.received.last => {
                atomic::check(told, rest)?;
                Err(reliable::misses_the_rest(told, rest))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What can be told of an event without the log.
    fn by_itself(
        &self,
        told: Told<'_>,
        header: i64,
        event: &KvEvent,
        due: Option<Due<'_>>,
    ) -> Checked {
        filter::is_wanted(&self.received, told, event)?;
        unique::check(&self.received, told, event, due)?;
        filter::is_not_before_the_start(&self.received, told, event)?;
        ordered::does_not_go_back(&self.received, told, event)?;
        bookmarkable::header_covers(told, header, event)
    }

    /// The event is the next one of the log, or one of the guarantees says why not.
    fn by_the_log(&mut self, told: Told<'_>, event: &KvEvent, due: Option<Due<'_>>) -> Checked {
        phantom::could_be_committed(told, event.kv.mod_revision)?;
        let is_it = |(_, change): &Due<'_>| {
            change.kv.mod_revision == event.kv.mod_revision && change.kv.key == event.kv.key
        };
        if let Some(change) = due.filter(is_it) {
            self.cursor.advance();
            fields::check(told, event, change)?;
            return prev_kv::check(&self.received, told, event, change);
        }
        let due = phantom::is_of_the_log(told, event, due)?;
        txn_order::check(told, event, due)?;
        ordered::leaves_nothing_for_later(told, event, due)?;
        resumable::first_is_the_first_due(&self.received, told, event, due)?;
        Err(reliable::misses_one(told, event, due))
    }

    fn progress(&mut self, told: Told<'_>, revision: i64) -> Checked {
        bookmarkable::does_not_go_back(&self.received, told, revision)?;
        self.received.progress(revision);
        phantom::could_be_committed(told, revision)?;
        let due = self.due(told);
        bookmarkable::comes_after_its_events(told, revision, due)
    }

    /// The change that the log has next for the watch, and that it must get. One before it may come all the same.
    fn due<'a>(&mut self, told: Told<'a>) -> Option<Due<'a>> {
        let (state, interest) = (&told.committed?.state, &self.received.interest);
        let mut due = self.cursor.peek(state, interest)?;
        let mut ahead = self.cursor.clone();
        while compacted::may_be_gone(told, due) {
            ahead.advance();
            due = ahead.peek(state, interest)?;
        }
        Some(due)
    }

    /// The same where an event has come: what it need not get and did not is behind it.
    fn due_with<'a>(&mut self, told: Told<'a>, event: &KvEvent) -> Option<Due<'a>> {
        loop {
            let due = self.cursor.peek(&told.committed?.state, &self.received.interest)?;
            if compacted::is_it(event, due) || !compacted::may_be_gone(told, due) {
                return Some(due);
            }
            self.cursor.advance();
        }
    }
}
