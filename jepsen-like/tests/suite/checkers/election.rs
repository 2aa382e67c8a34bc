//! What observers of elections are told (G92).

use jepsen_like::checker::{Options, check};
use jepsen_like::history::{
    Applied, Blob, Event, Header, History, LeaderLine, LeaseId, LockRequest, LockResponse, Micros,
    OpId, Request, Response, WatchId, lock_key,
};

/// Candidates that enter and resign, and observers; each step takes a hundred microseconds.
struct Tale {
    history: History,
    time: Micros,
    op: OpId,
    revision: i64,
}

fn name() -> Blob {
    Blob::from("e")
}

impl Tale {
    fn new() -> Self {
        Self { history: History::default(), time: 0, op: 0, revision: 1 }
    }

    /// Carries out a request that makes a revision; it is answered unless the candidate still waits.
    fn done(&mut self, request: Request, response: impl FnOnce(Header) -> Option<Response>) {
        self.time += 100;
        self.op += 1;
        self.revision += 1;
        let (time, op, revision) = (self.time, self.op, self.revision);
        self.history.push(Event::Invoke { time, op, client: op, member: 1, request });
        let index = op;
        let applied = Applied {
            time: time + 1,
            member: 1,
            index,
            term: 1,
            revision,
            digest: 0,
            op: Some(op),
        };
        self.history.push(Event::Applied(applied));
        if let Some(response) = response(Header { revision, ..Header::default() }) {
            self.history.push(Event::Ok { time: time + 2, op, response });
        }
    }

    fn enters(&mut self, lease: LeaseId, is_elected: bool) -> i64 {
        let request = Request::Lock(LockRequest::Lock { name: name(), lease });
        self.done(request, |header| {
            let key = lock_key(&name(), lease);
            is_elected.then_some(Response::Lock(LockResponse::Lock { header, key }))
        });
        self.revision
    }

    fn leaves(&mut self, lease: LeaseId) {
        let request = Request::Lock(LockRequest::Unlock { key: lock_key(&name(), lease) });
        self.done(request, |header| Some(Response::Lock(LockResponse::Unlock { header })));
    }

    fn told(&mut self, stream: WatchId, lease: LeaseId, revision: i64, value: &str) {
        self.time += 100;
        self.history.push(Event::Leader(LeaderLine {
            time: self.time,
            stream,
            member: 1,
            election: name(),
            key: lock_key(&name(), lease),
            create_revision: revision,
            mod_revision: revision,
            value: Blob::from(value),
        }));
    }

    fn guarantees(&self) -> Vec<&'static str> {
        let report = check(&self.history, &Options::default());
        report.violations().map(|violation| violation.guarantee).collect()
    }
}

/// Two lead one after the other, and a third gives up before it is elected.
fn story() -> (Tale, [i64; 3]) {
    let mut tale = Tale::new();
    let first = tale.enters(0x1, true);
    let second = tale.enters(0x2, false);
    let third = tale.enters(0x3, false);
    tale.leaves(0x3);
    tale.leaves(0x1);
    (tale, [first, second, third])
}

#[test]
fn leaders_in_order_are_fine_on_every_stream() {
    let (mut tale, [first, second, _]) = story();
    tale.told(1, 0x1, first, "");
    tale.told(2, 0x2, second, "");
    tale.told(1, 0x2, second, "");
    assert_eq!(tale.guarantees(), Vec::<&str>::new());
}

#[test]
fn a_leader_of_before_or_one_twice_is_noticed() {
    for lease in [0x1, 0x2] {
        let (mut tale, [first, second, _]) = story();
        tale.told(1, 0x2, second, "");
        tale.told(1, lease, if lease == 0x1 { first } else { second }, "");
        assert_eq!(tale.guarantees(), ["ORDER"]);
    }
}

#[test]
fn a_value_that_nobody_proclaimed_is_noticed() {
    let (mut tale, [first, ..]) = story();
    tale.told(1, 0x1, first, "mine");
    assert_eq!(tale.guarantees(), ["UNREAL"]);
}

#[test]
fn a_candidate_that_never_led_is_noticed() {
    let (mut tale, [.., third]) = story();
    tale.told(1, 0x3, third, "");
    assert_eq!(tale.guarantees(), ["NEVER_LED"]);
}

/// One thing told wrong for each guarantee.
pub(crate) fn falsified() -> Vec<(&'static str, History)> {
    let told = |guarantee, tell: &dyn Fn(&mut Tale, [i64; 3])| {
        let (mut tale, revisions) = story();
        tell(&mut tale, revisions);
        (guarantee, tale.history)
    };
    vec![
        told("ORDER", &|tale, [first, second, _]| {
            tale.told(1, 0x2, second, "");
            tale.told(1, 0x1, first, "");
        }),
        told("UNREAL", &|tale, [first, ..]| tale.told(1, 0x1, first, "mine")),
        told("NEVER_LED", &|tale, [.., third]| tale.told(1, 0x3, third, "")),
    ]
}
