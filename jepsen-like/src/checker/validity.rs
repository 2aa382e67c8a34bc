//! Validity: enough happened that a pass means something (etcd's robustness tests fail a run below a minimal rate,
//! `MinimalQPS`). A run without a leader breaks no guarantee, and proves none: here it is inconclusive, no violation.

use std::collections::BTreeSet;

use super::{Options, Verdict};
use crate::history::{Event, History, Operations, Outcome, Response, WatchRecord};

/// Counts what happened against the least that is asked for.
pub fn check(history: &History, operations: &Operations<'_>, options: &Options) -> Verdict {
    let minimum = &options.minimum;
    let (mut answers, mut writes, mut reads, mut clients) = (0, 0, 0, BTreeSet::new());
    for operation in &operations.list {
        let Outcome::Ok(response) = operation.outcome else { continue };
        answers += 1;
        clients.insert(operation.client);
        match response {
            Response::Range(_) => reads += 1,
            Response::Put(_) | Response::DeleteRange(_) | Response::Txn(_) => writes += 1,
            Response::Compact(_) | Response::Lease(_) | Response::Lock(_) => {}
        }
    }
    let events = history.events.iter().map(|event| match event {
        Event::Watch(line) => match &line.record {
            WatchRecord::Events { events, .. } => events.len(),
            _ => 0,
        },
        _ => 0,
    });
    let counted = [
        ("answered operations", answers, minimum.answers),
        ("answered writes", writes, minimum.writes),
        ("answered reads", reads, minimum.reads),
        ("watch events", events.sum(), minimum.watch_events),
        ("clients with an answer", clients.len(), minimum.clients),
    ];
    let missing = counted.iter().filter(|(_, count, least)| count < least);
    let missing: Vec<String> = missing
        .map(|(what, count, least)| format!("{count} {what}, at least {least} needed"))
        .collect();
    if missing.is_empty() {
        return Verdict::Pass;
    }
    Verdict::inconclusive(format!("too little happened: {}", missing.join("; ")))
}
