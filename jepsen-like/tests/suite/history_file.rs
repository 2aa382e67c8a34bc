//! History files: what is written is read back, and what is not an event is named by its line.

use jepsen_like::history::{
    Applied, Blob, Event, Header, History, KeyValue, KvEvent, KvEventKind, PutRequest,
    RangeRequest, RangeResponse, ReadError, RefusalKind, Request, Response, WatchLine, WatchRecord,
    Writer, read,
};
use jepsen_like::observation::{Fact, LogId, Observation};

fn sample() -> History {
    let kv = KeyValue {
        key: "k".into(),
        mod_revision: 2,
        version: 1,
        create_revision: 2,
        ..KeyValue::default()
    };
    let put =
        PutRequest { key: "k".into(), value: Blob::from(vec![0, 1, 255]), ..PutRequest::default() };
    let range = RangeRequest { key: "k".into(), ..RangeRequest::default() };
    let header = Header { revision: 2, member_id: u64::MAX, raft_term: 3 };
    let found = RangeResponse { header, kvs: vec![kv.clone()], more: false, count: 1 };
    let event = KvEvent { kind: KvEventKind::Put, kv, prev_kv: None };
    let events = WatchRecord::Events { revision: 2, fragment: false, events: vec![event] };
    let (digest, op) = (u64::MAX, Some(1));
    History::from(vec![
        Event::Invoke { time: 1, op: 1, client: 1, member: 1, request: Request::Put(put) },
        Event::Fail { time: 2, op: 1, error: RefusalKind::KeyNotFound.into() },
        Event::Invoke { time: 3, op: 2, client: 1, member: 1, request: Request::Range(range) },
        Event::Ok { time: 4, op: 2, response: Response::Range(found) },
        Event::Watch(WatchLine { time: 5, watch: 1, client: 2, member: 1, record: events }),
        Event::Applied(Applied { time: 6, member: 1, index: 9, term: 3, revision: 2, digest, op }),
        Event::Observed(Observation {
            time: 7,
            member: 1,
            fact: Fact::Durable { last: LogId { term: 3, index: 9 } },
        }),
        Event::Healed { time: 8 },
    ])
}

#[test]
fn a_written_history_reads_back_equal() {
    let history = sample();
    let mut writer = Writer::new(Vec::new());
    writer.write_all(&history).unwrap();
    let bytes = writer.finish().unwrap();
    assert_eq!(read(bytes.as_slice()).unwrap(), history);
}

#[test]
fn a_line_that_is_not_an_event_is_named() {
    let lines = [
        "not json",
        r#"{"type":"invoke","time":1}"#,
        r#"{"type":"teleport","time":1}"#,
        r#"{"type":"healed","time":-1}"#,
        r#"{"type":"healed","time":1"#,
    ];
    for line in lines {
        let text = format!("{{\"type\":\"healed\",\"time\":1}}\n\n{line}\n");
        match read(text.as_bytes()) {
            Err(ReadError::Malformed { line: 3, .. }) => {}
            other => panic!("{line} was read as {other:?}"),
        }
    }
}

#[test]
fn a_line_that_is_not_text_is_named() {
    let bytes = b"{\"type\":\"healed\",\"time\":1}\n\xff\xfe\n";
    assert!(matches!(read(&bytes[..]), Err(ReadError::Malformed { line: 2, .. })));
}

#[test]
fn ends_without_an_invocation_are_reported_not_guessed() {
    let mut history = sample();
    history.push(Event::Fail { time: 9, op: 77, error: RefusalKind::Invalid.into() });
    history.push(Event::Fail { time: 9, op: 1, error: RefusalKind::Invalid.into() });
    let malformed = history.operations().malformed;
    assert_eq!(malformed.len(), 2, "{malformed:?}");
    assert!(malformed[0].contains("operation 77 ends but was never invoked"), "{malformed:?}");
    assert!(malformed[1].contains("operation 1 ends twice"), "{malformed:?}");
}
