//! One watch followed from its confirmation to its end, across resumes.
//!
//! The guarantees and their names are those of etcd's documentation (Learning, "KV API guarantees", Watch APIs: ordered,
//! unique, reliable, atomic, resumable, bookmarkable), as etcd's robustness tests read them (`tests/robustness/validate`,
//! `watch.go`).

use super::cursor::{Cursor, Interest};
use super::{Violation, violation};
use crate::checker::strict_serializability::Committed;
use crate::history::{Blob, KeyValue, KvEvent, KvEventKind, Micros, WatchLine, WatchRecord};
use crate::model::Change;

/// What one watch has got so far.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    interest: Interest,
    prev_kv: bool,
    phase: Phase,
    /// The first revision asked for by the last creation or resume.
    start: i64,
    /// The last revision delivered.
    last: i64,
    /// Nothing was delivered since the last creation or resume.
    fresh: bool,
    /// The highest revision that the current stream has reported as its store's.
    reported: i64,
    /// The highest revision up to which everything was said to be delivered.
    bookmark: i64,
    /// The keys delivered of the last revision, each with what happened to it.
    keys: Vec<(Blob, KvEventKind)>,
    cursor: Cursor,
    /// Parts of an answer that is not complete.
    parts: Vec<KvEvent>,
    /// The rest of the history is still to come.
    is_online: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Unconfirmed,
    Active,
    Broken,
    Canceled,
}

type Checked = Result<(), Violation>;

impl Watcher {
    /// One that is followed line by line while they come.
    pub(super) fn online() -> Self {
        Self { is_online: true, ..Self::default() }
    }

    /// What can be told at once, when nobody knows yet what was committed.
    pub(super) fn look(&mut self, line: &WatchLine) -> Checked {
        self.step(line, Around { earlier: &[], later: &[] }, None)
    }

    /// Follows the watch to its end; stops at the first violation.
    pub(super) fn follow(
        mut self,
        lines: &[&WatchLine],
        committed: Option<&Committed<'_>>,
        must_be_there: Option<Micros>,
    ) -> Checked {
        for (number, line) in lines.iter().enumerate() {
            let (earlier, rest) = lines.split_at(number);
            let around = Around { earlier, later: rest.get(1..).unwrap_or(&[]) };
            self.step(line, around, committed)?;
        }
        match (lines.last(), committed, must_be_there) {
            (Some(line), Some(committed), Some(time)) => self.check_arrival(line, committed, time),
            _ => Ok(()),
        }
    }

    fn step(
        &mut self,
        line: &WatchLine,
        around: Around<'_, '_>,
        committed: Option<&Committed<'_>>,
    ) -> Checked {
        self.check_phase(line)?;
        match &line.record {
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
                self.interest = Interest { key, range_end, filters };
                self.prev_kv = *prev_kv;
                self.begin(*start_revision, *revision, committed);
                check_possible(line, *revision, committed)
            }
            WatchRecord::Resumed { start_revision, revision } => {
                let expected = committed
                    .and_then(|committed| self.cursor.peek(&committed.state, &self.interest));
                let missed = expected.map(|(_, next)| (next.kv.key.clone(), next.kv.mod_revision));
                self.begin(*start_revision, *revision, committed);
                self.check_resume(line, missed)?;
                check_possible(line, *revision, committed)
            }
            WatchRecord::Events { revision, fragment, events } => {
                if !*fragment && self.parts.is_empty() {
                    return self.deliver(line, *revision, events, around, committed);
                }
                self.parts.extend(events.iter().cloned());
                if *fragment {
                    return Ok(());
                }
                let events = std::mem::take(&mut self.parts);
                self.deliver(line, *revision, &events, around, committed)
            }
            WatchRecord::Progress { revision } => self.progress(line, *revision, committed),
            WatchRecord::Canceled { compact_revision, reason, asked } => {
                self.phase = Phase::Canceled;
                let explained = *asked || !reason.is_empty();
                self.check_cancel(line, *compact_revision, explained, committed)
            }
            WatchRecord::Broken { .. } => {
                self.phase = Phase::Broken;
                self.parts.clear();
                Ok(())
            }
        }
    }

    fn check_phase(&self, line: &WatchLine) -> Checked {
        let creates = matches!(line.record, WatchRecord::Created { .. });
        let delivers =
            matches!(line.record, WatchRecord::Events { .. } | WatchRecord::Progress { .. });
        match self.phase {
            Phase::Canceled => Err(violation("CANCEL", line, "something came after the end")),
            Phase::Unconfirmed if delivers => {
                Err(violation("CREATED_FIRST", line, "something came before the confirmation"))
            }
            Phase::Active | Phase::Broken if creates => {
                Err(violation("CREATED_FIRST", line, "it was confirmed twice"))
            }
            Phase::Unconfirmed | Phase::Active | Phase::Broken => Ok(()),
        }
    }

    fn begin(&mut self, start_revision: i64, revision: i64, committed: Option<&Committed<'_>>) {
        self.phase = Phase::Active;
        self.start = if start_revision == 0 { revision.saturating_add(1) } else { start_revision };
        self.fresh = true;
        self.reported = revision;
        self.parts.clear();
        if let Some(committed) = committed {
            self.cursor.seek(&committed.state, &self.interest, self.start);
        }
    }

    /// A resume must not step over what had not come yet.
    fn check_resume(&self, line: &WatchLine, missed: Option<(Blob, i64)>) -> Checked {
        let Some((key, due)) = missed.filter(|(_, due)| *due < self.start) else { return Ok(()) };
        let text = format!(
            "it was resumed at revision {}, but the event of {key} at revision {due} had not come",
            self.start
        );
        Err(violation("RESUMABLE", line, &text))
    }

    fn deliver(
        &mut self,
        line: &WatchLine,
        revision: i64,
        events: &[KvEvent],
        around: Around<'_, '_>,
        committed: Option<&Committed<'_>>,
    ) -> Checked {
        for event in events {
            self.check_alone(line, revision, event, around, committed)?;
            if let Some(committed) = committed {
                self.check_next(line, event, around, committed)?;
            }
            if event.kv.mod_revision != self.last {
                self.keys.clear();
            }
            self.last = event.kv.mod_revision;
            self.keys.push((event.kv.key.clone(), event.kind));
            self.fresh = false;
        }
        let (Some(_), Some(committed)) = (events.last(), committed) else { return Ok(()) };
        let Some((_, next)) = self.cursor.peek(&committed.state, &self.interest) else {
            return Ok(());
        };
        if next.kv.mod_revision != self.last {
            return Ok(());
        }
        let (key, last) = (&next.kv.key, self.last);
        if around.later_has(next) {
            let text = format!(
                "the event of {key} at revision {last} came in another answer than the first of \
                    that revision"
            );
            return Err(violation("ATOMIC", line, &text));
        }
        let text = format!("the event of {key} at revision {last} is missing from its revision");
        Err(violation("RELIABLE", line, &text))
    }

    /// What can be told of the event by itself.
    fn check_alone(
        &mut self,
        line: &WatchLine,
        header: i64,
        event: &KvEvent,
        around: Around<'_, '_>,
        committed: Option<&Committed<'_>>,
    ) -> Checked {
        let KvEvent { kind, kv, .. } = event;
        let (key, revision, start, last) = (&kv.key, kv.mod_revision, self.start, self.last);
        if !self.interest.wants(key, *kind) {
            let text =
                format!("got a {kind:?} of {key} at revision {revision}, which it does not want");
            return Err(violation("FILTER", line, &text));
        }
        // A transaction may put a key and then delete it as one of many (etcd lets a deletion without an
        // end stand beside a put), or the other way round: then the log has both. Only the log can tell.
        let is_it = |(seen, how): &(Blob, KvEventKind)| seen == key && how == kind;
        let seen = revision == last && !self.is_online && self.keys.iter().any(is_it);
        let again = seen && !self.is_due(event, committed);
        if again || (revision < last && around.earlier_has(event)) {
            let text = format!("got the event of {key} at revision {revision} twice");
            return Err(violation("UNIQUE", line, &text));
        }
        if revision < start {
            let text =
                format!("got the event of {key} at revision {revision}, but it started at {start}");
            return Err(violation("FILTER", line, &text));
        }
        if revision < last {
            let text = format!("got revision {revision} of {key} after revision {last}");
            return Err(violation("ORDERED", line, &text));
        }
        if revision > header {
            let text =
                format!("got an event of revision {revision} under a header of revision {header}");
            return Err(violation("BOOKMARKABLE", line, &text));
        }
        Ok(())
    }

    /// Whether the log has the event here.
    fn is_due(&mut self, event: &KvEvent, committed: Option<&Committed<'_>>) -> bool {
        let Some(committed) = committed else { return false };
        let next = self.cursor.peek(&committed.state, &self.interest);
        next.is_some_and(|(_, next)| next.kind == event.kind && next.kv == event.kv)
    }

    /// The event is the next one of the log.
    fn check_next(
        &mut self,
        line: &WatchLine,
        event: &KvEvent,
        around: Around<'_, '_>,
        committed: &Committed<'_>,
    ) -> Checked {
        let (key, revision) = (&event.kv.key, event.kv.mod_revision);
        check_possible(line, revision, Some(committed))?;
        match self.cursor.peek(&committed.state, &self.interest) {
            Some((position, next)) if next.kv.mod_revision == revision && next.kv.key == *key => {
                self.cursor.advance();
                if next.kind != event.kind || next.kv != event.kv {
                    let text = format!(
                        "got {:?} {}, but it was {:?} {}",
                        event.kind, event.kv, next.kind, next.kv
                    );
                    return Err(violation("FIELDS", line, &text));
                }
                self.check_prev_kv(line, event, position, committed)
            }
            next => Err(self.explain(line, event, next.map(|(_, next)| next), around, committed)),
        }
    }

    /// Why the event is not the next one of the log.
    fn explain(
        &self,
        line: &WatchLine,
        event: &KvEvent,
        next: Option<&Change>,
        around: Around<'_, '_>,
        committed: &Committed<'_>,
    ) -> Violation {
        let (key, revision) = (&event.kv.key, event.kv.mod_revision);
        let known = committed.state.changes_at(revision);
        let Some(next) = next.filter(|_| known.iter().any(|change| change.kv.key == *key)) else {
            let text = format!(
                "got an event of {key} at revision {revision}, which nothing committed made"
            );
            return violation("PHANTOM", line, &text);
        };
        let (missing, at) = (&next.kv.key, next.kv.mod_revision);
        let text = format!(
            "got the event of {key} at revision {revision} where that of {missing} at revision \
                {at} was due"
        );
        let guarantee = match (at == revision, around.later_has(next)) {
            (true, _) => "TXN_ORDER",
            (false, true) => "ORDERED",
            (false, false) if self.fresh => "RESUMABLE",
            (false, false) => "RELIABLE",
        };
        violation(guarantee, line, &text)
    }

    fn check_prev_kv(
        &self,
        line: &WatchLine,
        event: &KvEvent,
        position: usize,
        committed: &Committed<'_>,
    ) -> Checked {
        if !self.prev_kv && event.prev_kv.is_none() {
            return Ok(());
        }
        let right = committed.state.before(position).filter(|_| self.prev_kv);
        let given = event.prev_kv.as_ref();
        if right == given {
            return Ok(());
        }
        let revision = event.kv.mod_revision;
        let compacted = committed.compactions.possible_by(line.time) >= revision;
        if given.is_none() && compacted {
            return Ok(());
        }
        let show = |kv: Option<&KeyValue>| kv.map_or("nothing".to_owned(), ToString::to_string);
        let text = format!(
            "the event of {} at revision {revision} has {} as the key before it, which was {}",
            event.kv.key,
            show(given),
            show(right)
        );
        Err(violation("PREV_KV", line, &text))
    }

    fn progress(
        &mut self,
        line: &WatchLine,
        revision: i64,
        committed: Option<&Committed<'_>>,
    ) -> Checked {
        if revision < self.reported {
            let text = format!("progress went back from revision {} to {revision}", self.reported);
            return Err(violation("BOOKMARKABLE", line, &text));
        }
        self.reported = revision;
        self.bookmark = self.bookmark.max(revision);
        check_possible(line, revision, committed)?;
        let Some(committed) = committed else { return Ok(()) };
        match self.cursor.peek(&committed.state, &self.interest) {
            Some((_, next)) if next.kv.mod_revision <= revision => {
                let (key, due) = (&next.kv.key, next.kv.mod_revision);
                let text = format!(
                    "progress to revision {revision} came before the event of {key} at revision \
                        {due}"
                );
                Err(violation("BOOKMARKABLE", line, &text))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A watch may end only because it was asked to, for a stated reason, or because the history
    /// that it still needs is compacted.
    fn check_cancel(
        &self,
        line: &WatchLine,
        compact_revision: i64,
        explained: bool,
        committed: Option<&Committed<'_>>,
    ) -> Checked {
        if compact_revision <= 0 {
            let text = "it was ended without a reason";
            return if explained { Ok(()) } else { Err(violation("CANCEL", line, text)) };
        }
        let needed =
            self.start.max(self.last.saturating_add(1)).max(self.bookmark.saturating_add(1));
        let text = if needed >= compact_revision {
            format!(
                "it was ended by the compaction of revision {compact_revision}, but needs only \
                    revision {needed} and later"
            )
        } else {
            let Some(committed) = committed else { return Ok(()) };
            let possible = committed.compactions.possible_by(line.time);
            if compact_revision <= possible {
                return Ok(());
            }
            format!(
                "it was ended by a compaction of revision {compact_revision}, but at most \
                    {possible} can have been compacted"
            )
        };
        Err(violation("CANCEL", line, &text))
    }

    fn check_arrival(
        mut self,
        line: &WatchLine,
        committed: &Committed<'_>,
        time: Micros,
    ) -> Checked {
        if self.phase != Phase::Active {
            return Ok(());
        }
        let Some((_, next)) = self.cursor.peek(&committed.state, &self.interest) else {
            return Ok(());
        };
        let (key, revision) = (&next.kv.key, next.kv.mod_revision);
        let seen = committed.first_seen(revision).filter(|seen| *seen <= time);
        let Some(seen) = seen else { return Ok(()) };
        let text = format!(
            "the event of {key} at revision {revision}, known at {seen} us, had not come when \
                the run ended"
        );
        Err(violation("LIVENESS", line, &text))
    }
}

/// The store cannot know a revision before its writer was called.
fn check_possible(line: &WatchLine, revision: i64, committed: Option<&Committed<'_>>) -> Checked {
    let Some(committed) = committed else { return Ok(()) };
    let possible = committed.possible_by(line.time);
    if revision <= possible {
        return Ok(());
    }
    let text =
        format!("told of revision {revision}, but at most {possible} can have been committed");
    Err(violation("PHANTOM", line, &text))
}

/// The other lines of the same watch; looked at only to tell what is wrong.
#[derive(Debug, Clone, Copy)]
struct Around<'l, 'h> {
    earlier: &'l [&'h WatchLine],
    later: &'l [&'h WatchLine],
}

impl Around<'_, '_> {
    fn earlier_has(&self, event: &KvEvent) -> bool {
        has(self.earlier, &event.kv)
    }

    fn later_has(&self, change: &Change) -> bool {
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
