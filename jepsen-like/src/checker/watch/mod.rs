//! The watch guarantees: ordered, unique, reliable, atomic, resumable, bookmarkable (etcd's API
//! guarantees for watch), and what follows from them.
//!
//! | file | guarantee | sentence |
//! |---|---|---|
//! | `created_first` | `CREATED_FIRST` | nothing comes before the confirmation |
//! | `filter` | `FILTER` | only events of the watched range, kind, and revisions |
//! | `ordered` | `ORDERED` | revisions never go back |
//! | `unique` | `UNIQUE` | no event twice, resumed or not |
//! | `atomic` | `ATOMIC` | the events of one revision come in one answer |
//! | `txn_order` | `TXN_ORDER` | within a revision in the order of the transaction's operations |
//! | `reliable` | `RELIABLE` | between the first and the last event none is missing |
//! | `resumable` | `RESUMABLE` | the first event after a start is the first that matches from there on |
//! | `bookmarkable` | `BOOKMARKABLE` | progress to `p`: everything up to `p` came before; progress never goes back |
//! | `prev_kv` | `PREV_KV` | the key as it was before, unless compacted |
//! | `fields` | `FIELDS` | key, value, versions and lease are those of the revision |
//! | `phantom` | `PHANTOM` | every event is of the committed log, and not before it could be |
//! | `cancel` | `CANCEL` | nothing after the end, and the end has a legal reason |
//! | `liveness` | `LIVENESS` | on a healed cluster everything arrives |
//! | `agreement` | `AGREEMENT` | all watches tell the same about the same change |
//!
//! `watcher` follows one watch, and asks the guarantees about each of its lines in one pass; `received` is what the
//! watch has got so far, `cursor` its place in the committed log, `told` a line with what is known of it, `compacted`
//! what it need not get.

mod agreement;
mod atomic;
mod bookmarkable;
mod cancel;
mod compacted;
mod created_first;
mod cursor;
mod fields;
mod filter;
mod liveness;
mod ordered;
mod phantom;
mod prev_kv;
mod received;
mod reliable;
mod resumable;
mod told;
mod txn_order;
mod unique;
mod watcher;

use std::collections::BTreeMap;

use super::strict_serializability::Committed;
use super::{Findings, Options, Verdict, Violation};
use crate::history::{Event, History, Micros, WatchId, WatchLine};
use crate::model::Change;
use watcher::Watcher;

const CHECKER: &str = "watch";

/// Whether a guarantee holds, as far as it can be told there.
type Checked = Result<(), Violation>;

/// A change that a watch has yet to get, with its position in the committed log.
type Due<'a> = (usize, &'a Change);

/// Checks all watches, against the committed log where that is known.
pub fn check(history: &History, committed: Option<&Committed<'_>>, options: &Options) -> Verdict {
    let mut watches: BTreeMap<WatchId, Vec<&WatchLine>> = BTreeMap::new();
    for event in &history.events {
        if let Event::Watch(line) = event {
            watches.entry(line.watch).or_default().push(line);
        }
    }
    let must_be_there = deadline(history, options);
    // Where the log is known every event is compared with it, and so with every other.
    let disagreement = if committed.is_none() { agreement::check(&watches) } else { None };
    let mut found: Vec<Violation> = disagreement.into_iter().collect();
    found.extend(
        watches
            .values()
            .filter_map(|lines| Watcher::default().follow(lines, committed, must_be_there).err()),
    );
    found.sort_by_key(|violation| violation.times.first().copied());
    let mut findings = Findings::default();
    found.into_iter().for_each(|violation| findings.add(violation));
    let otherwise = if committed.is_none() && !watches.is_empty() {
        Verdict::inconclusive("the committed log is not known")
    } else {
        Verdict::Pass
    };
    findings.verdict_or(otherwise)
}

/// The watches, line by line, judged by what can be told before it is known what was committed.
#[derive(Debug, Default)]
pub struct Watches {
    watchers: BTreeMap<WatchId, Watcher>,
    violation: Option<Violation>,
}

impl Watches {
    /// Takes the next line, in the order of time.
    pub fn look(&mut self, line: &WatchLine) {
        let watcher = self.watchers.entry(line.watch).or_default();
        if self.violation.is_none() {
            self.violation = watcher.look(line).err();
        }
    }

    /// The first violation, so far.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }
}

/// What was known to be committed by this moment must have been delivered at the end of the run.
fn deadline(history: &History, options: &Options) -> Option<Micros> {
    let healed = history.events.iter().rev().find_map(|event| match event {
        Event::Healed { time } => Some(*time),
        _ => None,
    })?;
    let end = history.events.iter().map(Event::time).max()?;
    end.checked_sub(options.watch_grace).filter(|deadline| *deadline >= healed)
}

fn violation(guarantee: &'static str, line: &WatchLine, text: &str) -> Violation {
    let WatchLine { time, watch, client, member, .. } = line;
    let text = format!("watch {watch} of client {client} at member {member}, {time} us: {text}");
    Violation::new(CHECKER, guarantee, text).at(None, *time)
}
