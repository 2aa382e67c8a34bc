//! Snapshots: a copy of a member's state, once restored, holds exactly the keys that the committed history
//! had at its revision, with everything that is known about them (contracts G76, K25).

use super::strict_serializability::Committed;
use super::{Findings, Verdict, Violation};
use crate::history::{Event, History, KeyValue, UpkeepLine, UpkeepRecord};
use crate::model::Span;

const CHECKER: &str = "snapshots";

/// Compares every snapshot with the reference model.
pub fn check(history: &History, committed: Option<&Committed<'_>>) -> Verdict {
    let snapshots: Vec<(&UpkeepLine, i64, &[KeyValue])> = history
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Upkeep(line) => match &line.record {
                UpkeepRecord::Snapshot { revision, kvs } => Some((line, *revision, &kvs[..])),
                _ => None,
            },
            _ => None,
        })
        .collect();
    if snapshots.is_empty() {
        return Verdict::Pass;
    }
    let Some(committed) = committed else {
        return Verdict::inconclusive("no order of all writes was found to compare with");
    };
    let mut findings = Findings::default();
    for (line, revision, kvs) in snapshots {
        if let Some(difference) = difference(committed, revision, kvs) {
            let text = format!(
                "a snapshot of member {} at revision {revision}, finished at {} us, {difference}",
                line.member, line.time
            );
            findings.add(Violation::new(CHECKER, "SAME_STATE", text).at(None, line.time));
        }
    }
    findings.verdict()
}

fn difference(committed: &Committed<'_>, revision: i64, kvs: &[KeyValue]) -> Option<String> {
    let newest = committed.state.revision();
    if revision > newest {
        return Some(format!("is ahead of all that was committed, revision {newest}"));
    }
    let mut expected = committed.state.span_at(&Span::everything(), revision);
    for found in kvs {
        match expected.next() {
            Some(kv) if kv == found => {}
            Some(kv) if kv.key == found.key => {
                return Some(format!(
                    "has {}={} of revision {} and version {}, not {} of revision {} and version {}",
                    found.key,
                    found.value,
                    found.mod_revision,
                    found.version,
                    kv.value,
                    kv.mod_revision,
                    kv.version
                ));
            }
            Some(kv) if kv.key < found.key => return Some(format!("lacks {}", kv.key)),
            Some(_) | None => return Some(format!("has {}, which was not there", found.key)),
        }
    }
    expected.next().map(|kv| format!("lacks {}", kv.key))
}
