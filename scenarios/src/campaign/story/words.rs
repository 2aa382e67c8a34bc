//! What happened, in words.

use jepsen_like::history::{
    AccessRecord, Event, LeaseResponse, Response, UpkeepRecord, WatchRecord,
};
use jepsen_like::observation::Fact;

use crate::run::FaultRecord;

/// Keys, values and lists of them may be long; what matters stands first.
const LETTERS_MAX: usize = 160;

/// The beginning of a text.
pub(super) fn clip(text: &str) -> String {
    match text.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Who was hit by what.
pub(super) fn fault(fault: &FaultRecord) -> String {
    match fault.member {
        Some(member) if !fault.text.starts_with("disk") => format!("{member} {}", fault.text),
        _ => fault.text.clone(),
    }
}

/// What an answer says.
pub(super) fn answer(response: &Response) -> String {
    let revision = response.header().revision;
    let rest = match response {
        Response::Range(range) => {
            let kvs: Vec<String> = range.kvs.iter().take(6).map(ToString::to_string).collect();
            format!(", {} keys: {}", range.count, kvs.join(" "))
        }
        Response::DeleteRange(deleted) => format!(", {} deleted", deleted.deleted),
        Response::Txn(txn) => format!(", {}", if txn.succeeded { "succeeded" } else { "failed" }),
        Response::Lease(LeaseResponse::Grant { id, ttl, .. }) => format!(", lease {id} of {ttl} s"),
        Response::Lease(
            LeaseResponse::KeepAlive { ttl, .. } | LeaseResponse::TimeToLive { ttl, .. },
        ) => format!(", {ttl} s"),
        Response::Put(_) | Response::Compact(_) | Response::Lease(_) | Response::Lock(_) => {
            String::new()
        }
    };
    format!("revision {revision}{rest}")
}

/// What happened to a watch.
pub(super) fn record(record: &WatchRecord) -> String {
    match record {
        WatchRecord::Created { key, range_end, start_revision, revision, .. } => {
            format!("created for [{key}, {range_end}) from {start_revision} at revision {revision}")
        }
        WatchRecord::Resumed { start_revision, revision } => {
            format!("resumed from {start_revision} at revision {revision}")
        }
        WatchRecord::Events { events, .. } => {
            let words: Vec<String> = events
                .iter()
                .take(8)
                .map(|event| format!("{:?} {}@{}", event.kind, event.kv.key, event.kv.mod_revision))
                .collect();
            format!("{} events: {}", events.len(), words.join(", "))
        }
        WatchRecord::Progress { revision } => format!("progress to {revision}"),
        WatchRecord::Canceled { compact_revision, reason, .. } => {
            format!("canceled (compacted {compact_revision}): {reason}")
        }
        WatchRecord::Broken { reason } => format!("broken: {reason}"),
    }
}

/// An event as a line; nothing for those of which there are too many.
pub(super) fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Invoke { op, client, member, request, .. } => {
            format!("client {client} -> member {member}: operation {op} {request}")
        }
        Event::Ok { op, response, .. } => format!("operation {op} ok: {}", answer(response)),
        // Who was not served has no words for it.
        Event::Fail { op, error, .. } => {
            format!("operation {op} refused: {:?} {}", error.kind, error.text)
        }
        Event::Info { op, error, .. } => {
            format!("operation {op} unknown: {:?} {}", error.kind, error.text)
        }
        Event::Watch(line) => {
            format!("watch {} at member {}: {}", line.watch, line.member, record(&line.record))
        }
        Event::Observed(seen) => match &seen.fact {
            Fact::Role { role, term } => {
                format!("member {}: {role:?} of term {term}", seen.member)
            }
            Fact::Started { .. } => format!("member {}: started", seen.member),
            Fact::Stopped => format!("member {}: stopped", seen.member),
            Fact::Snapshot { last, .. } => {
                format!("member {}: snapshot up to index {}", seen.member, last.index)
            }
            _ => return None,
        },
        Event::CompactedAt { member, revision, .. } => {
            format!("member {member}: compacted up to {revision}")
        }
        Event::Lease(line) => {
            format!("lease {}: {:?} at revision {}", line.lease, line.change, line.revision)
        }
        Event::Leader(line) => format!(
            "stream {} of member {}: {} leads {} and proclaims {}",
            line.stream, line.member, line.key, line.election, line.value
        ),
        Event::Access(line) => match &line.record {
            AccessRecord::As { op, user } => format!("operation {op} is of user {user}"),
            AccessRecord::Change { change, user, permits: true } => {
                format!("change {change}: user {user} is to be permitted")
            }
            AccessRecord::Change { change, user, permits: false } => {
                format!("change {change}: user {user} is to be denied")
            }
            AccessRecord::Done { change } => format!("change {change} done"),
            AccessRecord::Refused { change } => format!("change {change} refused"),
        },
        Event::Upkeep(line) => format!("member {}: {}", line.member, upkeep(&line.record)),
        Event::Healed { .. } => "everything is healed".to_owned(),
        Event::Applied(_) => return None,
    })
}

/// What an operator was answered.
pub(super) fn upkeep(record: &UpkeepRecord) -> String {
    match record {
        UpkeepRecord::Hash { revision, compacted, hash } => {
            format!("revision {revision}, compacted at {compacted}, has hash {hash:08x}")
        }
        UpkeepRecord::Snapshot { revision, kvs } => {
            format!("snapshot at {revision} with {} keys", kvs.len())
        }
        UpkeepRecord::Alarms { active } => format!("alarms {active:?}"),
        UpkeepRecord::Disarmed { kind, done } => format!("{kind:?} taken back: {done}"),
        UpkeepRecord::Defragmented => "defragmented".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LETTERS_MAX, clip};

    #[test]
    fn a_long_text_is_shown_by_its_beginning() {
        assert_eq!(clip("short"), "short");
        let clipped = clip(&"\u{20AC}".repeat(LETTERS_MAX + 1));
        assert_eq!(clipped.chars().count(), LETTERS_MAX + 3);
    }
}
