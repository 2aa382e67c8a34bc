//! Outputs as wire messages. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use detcd_api::etcdserverpb::{ResponseHeader, WatchResponse};
use detcd_api::mvccpb;
use detcd_machine::{Event, EventKind, KeyValue, Revision};
use prost::Message;
use prost::encoding::encoded_len_varint;

use super::queue::{Delivery, Output};
use super::subscription::NO_WATCHER;
use crate::wire;

/// Rows that events replaced, by their place.
pub(super) type Previous = BTreeMap<Revision, Arc<KeyValue>>;

/// The response for an output; the events of a delivery come with their previous values where `previous`
/// has them. `header` says who answers, and the output at which revision.
pub(super) fn response(
    header: ResponseHeader,
    output: Output,
    previous: &Previous,
) -> WatchResponse {
    let about = |watch_id, revision| WatchResponse {
        header: Some(ResponseHeader { revision, ..header }),
        watch_id,
        ..WatchResponse::default()
    };
    match output {
        Output::Created { watch_id, revision } => {
            WatchResponse { created: true, ..about(watch_id, revision) }
        }
        Output::Refused { revision, reason } => WatchResponse {
            created: true,
            canceled: true,
            cancel_reason: reason,
            ..about(NO_WATCHER, revision)
        },
        Output::Events(Delivery { watcher, revision, events }) => WatchResponse {
            events: events.iter().map(|event| wire_event(event, previous)).collect(),
            ..about(watcher.id.watch, revision)
        },
        Output::Progress { watch_id, revision } => about(watch_id, revision),
        Output::Canceled { watch_id, revision } => {
            WatchResponse { canceled: true, ..about(watch_id, revision) }
        }
        // etcd leaves the revision out of this header alone.
        Output::Compacted { watch_id, compact_revision } => {
            WatchResponse { canceled: true, compact_revision, ..about(watch_id, 0) }
        }
    }
}

fn wire_event(event: &Event, previous: &Previous) -> mvccpb::Event {
    let kv = match event.kind {
        EventKind::Put => wire::key_value(&event.kv),
        // A deletion has nothing but its key and its revision (G46).
        EventKind::Delete => mvccpb::KeyValue {
            key: event.kv.key.clone(),
            mod_revision: event.kv.mod_revision,
            ..mvccpb::KeyValue::default()
        },
    };
    let kind = match event.kind {
        EventKind::Put => mvccpb::event::EventType::Put,
        EventKind::Delete => mvccpb::event::EventType::Delete,
    };
    let prev_kv = event.prev.and_then(|revision| previous.get(&revision));
    let prev_kv = prev_kv.map(|kv| wire::key_value(kv));
    mvccpb::Event { r#type: kind.into(), kv: Some(kv), prev_kv }
}

/// Where the rows are that a delivery's previous values come from: a value can be told while the
/// revision just before the event is not compacted (G46).
pub(super) fn previous_needed(delivery: &Delivery, compact_revision: i64) -> Vec<Revision> {
    if !delivery.watcher.interest.prev_kv {
        return Vec::new();
    }
    let whole = |event: &&Event| event.kv.mod_revision > compact_revision;
    delivery.events.iter().filter(whole).filter_map(|event| event.prev).collect()
}

/// Splits a response of `bytes_max` or more into fragments, each smaller unless a single event is not
/// (G48). All but the last say that more follows.
pub(super) fn fragments(response: WatchResponse, bytes_max: usize) -> Vec<WatchResponse> {
    if response.events.len() < 2 || response.encoded_len() < bytes_max {
        return vec![response];
    }
    let head = WatchResponse {
        header: response.header,
        watch_id: response.watch_id,
        fragment: true,
        ..WatchResponse::default()
    };
    let head_bytes = head.encoded_len();
    let mut fragments = Vec::new();
    let (mut fragment, mut bytes) = (head.clone(), head_bytes);
    for event in response.events {
        let event_bytes = field_bytes(event.encoded_len());
        if !fragment.events.is_empty() && bytes + event_bytes >= bytes_max {
            fragments.push(std::mem::replace(&mut fragment, head.clone()));
            bytes = head_bytes;
        }
        fragment.events.push(event);
        bytes += event_bytes;
    }
    fragments.push(WatchResponse { fragment: false, ..fragment });
    fragments
}

/// Bytes of an embedded message with its tag, which is one byte for `events`.
fn field_bytes(message_bytes: usize) -> usize {
    1 + encoded_len_varint(message_bytes as u64) + message_bytes
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fragments_are_small_and_hold_every_event_once(
            sizes in prop::collection::vec(0..300_usize, 0..20), bytes_max in 1..600_usize,
        ) {
            let event = |bytes: &usize| mvccpb::Event {
                kv: Some(mvccpb::KeyValue {
                    value: Bytes::from(vec![b'v'; *bytes]),
                    ..mvccpb::KeyValue::default()
                }),
                ..mvccpb::Event::default()
            };
            let whole = WatchResponse {
                header: Some(ResponseHeader { revision: 7, ..ResponseHeader::default() }),
                watch_id: 3,
                events: sizes.iter().map(event).collect(),
                ..WatchResponse::default()
            };
            let fragments = fragments(whole.clone(), bytes_max);
            let (last, rest) = fragments.split_last().unwrap();
            prop_assert!(!last.fragment);
            prop_assert!(rest.iter().all(|fragment| fragment.fragment));
            let small = |one: &&WatchResponse| one.encoded_len() < bytes_max || one.events.len() < 2;
            prop_assert_eq!(fragments.iter().filter(small).count(), fragments.len());
            let head = |one: &WatchResponse| (one.header, one.watch_id);
            prop_assert!(fragments.iter().all(|fragment| head(fragment) == head(&whole)));
            let events: Vec<_> = fragments.into_iter().flat_map(|one| one.events).collect();
            prop_assert_eq!(events, whole.events);
        }
    }
}
