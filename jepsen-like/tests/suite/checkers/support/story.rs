//! A short way to write a history by hand.

use jepsen_like::checker::{Options, Report, check};
use jepsen_like::history::{
    Blob, ClientId, CompactRequest, CompactResponse, DeleteRangeRequest, DeleteRangeResponse,
    Event, Header, History, InfoKind, KeyValue, KvEvent, KvEventKind, Micros, OpId, PutRequest,
    PutResponse, RangeRequest, RangeResponse, RefusalKind, Request, Response, WatchLine,
    WatchRecord,
};

pub fn put(key: &str, value: &str) -> Request {
    Request::Put(PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() })
}

pub fn get(key: &str) -> Request {
    Request::Range(RangeRequest { key: key.into(), ..RangeRequest::default() })
}

pub fn get_at(key: &str, revision: i64) -> Request {
    Request::Range(RangeRequest { key: key.into(), revision, ..RangeRequest::default() })
}

pub fn local_get(key: &str) -> Request {
    Request::Range(RangeRequest { key: key.into(), serializable: true, ..RangeRequest::default() })
}

pub fn get_all() -> Request {
    let zero = Blob::from(vec![0]);
    Request::Range(RangeRequest { key: zero.clone(), range_end: zero, ..RangeRequest::default() })
}

pub fn delete(key: &str) -> Request {
    Request::DeleteRange(DeleteRangeRequest { key: key.into(), ..DeleteRangeRequest::default() })
}

pub fn compact(revision: i64) -> Request {
    Request::Compact(CompactRequest { revision, physical: false })
}

pub fn header(revision: i64) -> Header {
    Header { revision, ..Header::default() }
}

pub fn done(revision: i64) -> Response {
    Response::Put(PutResponse { header: header(revision), prev_kv: None })
}

pub fn deleted(revision: i64, deleted: i64) -> Response {
    let header = header(revision);
    Response::DeleteRange(DeleteRangeResponse { header, deleted, prev_kvs: Vec::new() })
}

pub fn compacted(revision: i64) -> Response {
    Response::Compact(CompactResponse { header: header(revision) })
}

pub fn found(revision: i64, kvs: Vec<KeyValue>) -> Response {
    let count = i64::try_from(kvs.len()).expect("few keys");
    Response::Range(RangeResponse { header: header(revision), kvs, more: false, count })
}

/// A key at its mod revision, create revision and version.
pub fn kv(key: &str, value: &str, [modified, created, version]: [i64; 3]) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: value.into(),
        create_revision: created,
        mod_revision: modified,
        version,
        lease: 0,
    }
}

pub fn put_event(kv: KeyValue) -> KvEvent {
    KvEvent { kind: KvEventKind::Put, kv, prev_kv: None }
}

pub fn delete_event(key: &str, revision: i64) -> KvEvent {
    let kv = KeyValue { key: key.into(), mod_revision: revision, ..KeyValue::default() };
    KvEvent { kind: KvEventKind::Delete, kv, prev_kv: None }
}

/// A history told in the order of time, one microsecond per line.
#[derive(Default, Clone)]
pub struct Story {
    pub history: History,
    time: Micros,
    op: OpId,
}

impl Story {
    pub fn tick(&mut self) -> Micros {
        self.time += 1;
        self.time
    }

    pub fn wait(mut self, time: Micros) -> Self {
        self.time += time;
        self
    }

    /// Calls an operation; the client's number is the operation's.
    pub fn call(&mut self, request: Request) -> OpId {
        self.op += 1;
        let (time, op) = (self.tick(), self.op);
        self.history.push(Event::Invoke { time, op, client: op as ClientId, member: 1, request });
        op
    }

    pub fn answer(&mut self, op: OpId, response: Response) {
        let time = self.tick();
        self.history.push(Event::Ok { time, op, response });
    }

    pub fn ok(mut self, request: Request, response: Response) -> Self {
        let op = self.call(request);
        self.answer(op, response);
        self
    }

    pub fn fail(mut self, request: Request, kind: RefusalKind) -> Self {
        let op = self.call(request);
        let time = self.tick();
        self.history.push(Event::Fail { time, op, error: kind.into() });
        self
    }

    pub fn unknown(mut self, request: Request) -> Self {
        let op = self.call(request);
        let time = self.tick();
        self.history.push(Event::Info { time, op, error: InfoKind::Timeout.into() });
        self
    }

    pub fn watch(mut self, watch: u64, record: WatchRecord) -> Self {
        let time = self.tick();
        self.history.push(Event::Watch(WatchLine { time, watch, client: 100, member: 1, record }));
        self
    }

    /// Creates a watch of everything.
    pub fn watch_all(self, watch: u64, start_revision: i64, revision: i64) -> Self {
        let zero = Blob::from(vec![0]);
        self.watch(
            watch,
            WatchRecord::Created {
                key: zero.clone(),
                range_end: zero,
                start_revision,
                prev_kv: false,
                progress_notify: false,
                filters: Vec::new(),
                fragment: false,
                revision,
            },
        )
    }

    pub fn events(self, watch: u64, revision: i64, events: Vec<KvEvent>) -> Self {
        self.watch(watch, WatchRecord::Events { revision, fragment: false, events })
    }

    pub fn event(mut self, event: Event) -> Self {
        self.history.push(event);
        self
    }

    pub fn healed(mut self) -> Self {
        let time = self.tick();
        self.history.push(Event::Healed { time });
        self
    }

    pub fn check(&self) -> Report {
        check(&self.history, &Options::default())
    }

    /// No checker finds anything.
    #[track_caller]
    pub fn is_legal(&self) {
        let report = self.check();
        let found: Vec<String> = report.violations().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{found:#?}");
    }

    /// A checker finds this guarantee broken, and says so with these words.
    #[track_caller]
    pub fn breaks(self, checker: &str, guarantee: &str, words: &[&str]) {
        let report = self.check();
        let verdict = report.verdict(checker);
        let violation = verdict.and_then(|verdict| verdict.violation());
        let violation = violation.unwrap_or_else(|| panic!("{checker} says {verdict:?}"));
        assert_eq!(violation.guarantee, guarantee, "{violation}");
        for word in words {
            assert!(violation.message.contains(word), "{word:?} is not in: {violation}");
        }
    }
}
