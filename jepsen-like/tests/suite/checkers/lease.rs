//! Leases by true time: hand-made histories of stores that keep their word, and of stores that do not
//! (G22, G54 to G61; mutants L01, L03, L04, L05, L07).

use jepsen_like::checker::{Clocks, Options, Verdict, check};
use jepsen_like::history::{
    Applied, Blob, Event, Header, History, LeaseChange, LeaseId, LeaseLine, LeaseRequest,
    LeaseResponse, Micros, OpId, PutRequest, PutResponse, Refusal, RefusalKind, Request, Response,
};
use jepsen_like::observation::{Fact, Observation, Role};

const SECOND: Micros = 1_000_000;

/// A history in which members tell what they apply.
#[derive(Default)]
struct Tale {
    history: History,
    op: OpId,
    index: u64,
}

fn header(revision: i64) -> Header {
    Header { revision, ..Header::default() }
}

impl Tale {
    fn done(&mut self, call: Micros, end: Micros, request: Request, response: Response) {
        self.op += 1;
        let (op, client) = (self.op, self.op);
        self.history.push(Event::Invoke { time: call, op, client, member: 1, request });
        self.history.push(Event::Ok { time: end, op, response });
    }

    fn asked(&mut self, call: Micros, request: LeaseRequest, response: LeaseResponse) {
        self.done(call, call + 10, Request::Lease(request), Response::Lease(response));
    }

    fn applied(&mut self, time: Micros, revision: i64, op: Option<OpId>) {
        self.index += 1;
        let (index, term, digest) = (self.index, 1, 0);
        self.history.push(Event::Applied(Applied {
            time,
            member: 1,
            index,
            term,
            revision,
            digest,
            op,
        }));
    }

    fn line(&mut self, time: Micros, revision: i64, lease: LeaseId, change: LeaseChange) {
        self.applied(time, revision, None);
        let index = self.index;
        self.history.push(Event::Lease(LeaseLine { time, index, revision, lease, change }));
    }

    fn grant(&mut self, call: Micros, id: LeaseId, ttl: i64, revision: i64) {
        self.line(call + 5, revision, id, LeaseChange::Granted);
        let response = LeaseResponse::Grant { header: header(revision), id, ttl };
        self.asked(call, LeaseRequest::Grant { id, ttl }, response);
    }

    fn renew(&mut self, call: Micros, id: LeaseId, ttl: i64) {
        let response = LeaseResponse::KeepAlive { header: header(1), id, ttl };
        self.asked(call, LeaseRequest::KeepAlive { id }, response);
    }

    fn put(&mut self, call: Micros, key: &str, lease: LeaseId, revision: i64) {
        self.applied(call + 5, revision, Some(self.op + 1));
        let value = Blob::from((self.op + 1).to_string().as_str());
        let put = PutRequest { key: key.into(), value, lease, ..PutRequest::default() };
        let response = PutResponse { header: header(revision), prev_kv: None };
        self.done(call, call + 10, Request::Put(put), Response::Put(response));
    }

    fn time_to_live(&mut self, call: Micros, id: LeaseId, ttl: i64, keys: Option<&[&str]>) {
        let response = LeaseResponse::TimeToLive {
            header: header(1),
            id,
            ttl,
            granted_ttl: if ttl < 0 { 0 } else { 5 },
            keys: keys.unwrap_or(&[]).iter().map(|key| Blob::from(*key)).collect(),
        };
        self.asked(call, LeaseRequest::TimeToLive { id, keys: keys.is_some() }, response);
    }

    /// Somebody leads from the beginning.
    fn led(mut self) -> Self {
        let fact = Fact::Role { role: Role::Leader, term: 1 };
        self.history.push(Event::Observed(Observation { time: 0, member: 1, fact }));
        self
    }

    /// The lines in the order of time.
    fn sorted(&self) -> History {
        let mut history = self.history.clone();
        history.events.sort_by_key(Event::time);
        history
    }

    fn guarantee(&self, fast_ppm: u64) -> Option<(&'static str, &'static str)> {
        let history = self.sorted();
        let clocks = Clocks { fast_ppm, extension: 2 * SECOND };
        let report = check(&history, &Options { clocks, ..Options::default() });
        report.violations().map(|violation| (violation.checker, violation.guarantee)).next()
    }

    fn verdict(&self) -> Option<(&'static str, &'static str)> {
        self.guarantee(0)
    }
}

fn lease(guarantee: &'static str) -> Option<(&'static str, &'static str)> {
    Some(("lease", guarantee))
}

#[test]
fn lease_that_lives_as_promised_and_takes_its_keys_with_it_passes() {
    let mut tale = Tale::default().led();
    tale.grant(0, 7, 5, 1);
    tale.put(SECOND, "a", 7, 2);
    tale.put(SECOND + 100, "b", 7, 3);
    tale.put(SECOND + 200, "b", 0, 4);
    tale.time_to_live(2 * SECOND, 7, 3, Some(&["a"]));
    tale.time_to_live(3 * SECOND, 7, 2, None);
    tale.renew(4 * SECOND, 7, 5);
    tale.time_to_live(4 * SECOND + 100, 7, 4, None);
    tale.line(9 * SECOND + 1, 5, 7, LeaseChange::Expired);
    tale.renew(10 * SECOND, 7, 0);
    tale.time_to_live(10 * SECOND + 100, 7, -1, None);
    assert_eq!(tale.verdict(), None);
}

#[test]
fn lease_that_was_kept_alive_may_not_expire_before_its_time_by_the_fastest_clock() {
    for (expiry, fast_ppm, expected) in [
        (8 * SECOND, 0, lease("EARLY")),
        (8 * SECOND, 200_000, lease("EARLY")),
        (8 * SECOND, 250_000, None),
        (9 * SECOND + 1, 0, None),
    ] {
        let mut tale = Tale::default();
        tale.grant(0, 7, 5, 1);
        tale.renew(4 * SECOND, 7, 5);
        tale.line(expiry, 1, 7, LeaseChange::Expired);
        assert_eq!(tale.guarantee(fast_ppm), expected, "{expiry} {fast_ppm}");
    }
}

#[test]
fn lease_that_a_client_ends_may_end_at_any_time() {
    let mut tale = Tale::default();
    tale.grant(0, 7, 5, 1);
    tale.put(SECOND, "a", 7, 2);
    tale.line(2 * SECOND + 5, 3, 7, LeaseChange::Revoked);
    let response = LeaseResponse::Revoke { header: header(3) };
    tale.asked(2 * SECOND, LeaseRequest::Revoke { id: 7 }, response);
    tale.put(3 * SECOND, "a", 0, 4);
    assert_eq!(tale.verdict(), None);
}

#[test]
fn lease_that_nobody_renews_must_end_once_the_cluster_is_well() {
    for (ended, expected) in [(Some(20), None), (Some(29), lease("LATE")), (None, lease("LATE"))] {
        let mut tale = Tale::default().led();
        tale.grant(0, 7, 5, 1);
        tale.history.push(Event::Healed { time: 10 * SECOND });
        if let Some(ended) = ended {
            tale.line(ended * SECOND, 1, 7, LeaseChange::Expired);
        }
        tale.put(30 * SECOND, "z", 0, 2);
        assert_eq!(tale.verdict(), expected, "{ended:?}");
    }
}

#[test]
fn what_is_gone_is_not_renewed_and_what_lives_is() {
    let mut gone = Tale::default();
    gone.grant(0, 7, 5, 1);
    gone.line(6 * SECOND, 1, 7, LeaseChange::Expired);
    gone.renew(7 * SECOND, 7, 5);
    assert_eq!(gone.verdict(), lease("RENEWED"));
    let mut lives = Tale::default();
    lives.grant(0, 7, 5, 1);
    lives.renew(SECOND, 7, 0);
    lives.line(6 * SECOND, 1, 7, LeaseChange::Expired);
    assert_eq!(lives.verdict(), lease("RENEWED"));
    let mut short = Tale::default();
    short.grant(0, 7, 5, 1);
    short.renew(SECOND, 7, 3);
    assert_eq!(short.verdict(), lease("TTL"));
}

#[test]
fn key_that_was_attached_anew_stays_when_its_former_lease_ends() {
    let mut tale = Tale::default();
    tale.grant(0, 7, 5, 1);
    tale.grant(100, 8, 60, 1);
    tale.put(SECOND, "a", 7, 2);
    tale.put(2 * SECOND, "a", 8, 3);
    tale.line(6 * SECOND, 3, 7, LeaseChange::Expired);
    assert_eq!(tale.verdict(), None);
    // The store made a revision of it: it deleted a key that was not the lease's any more.
    let mut wrong = Tale::default();
    wrong.grant(0, 7, 5, 1);
    wrong.put(SECOND, "a", 7, 2);
    wrong.put(2 * SECOND, "a", 0, 3);
    wrong.line(6 * SECOND, 4, 7, LeaseChange::Expired);
    wrong.put(7 * SECOND, "b", 0, 5);
    assert_eq!(wrong.verdict(), Some(("strict_serializability", "LEASE_KEYS")));
}

#[test]
fn keys_may_not_outlive_their_lease_nor_be_attached_to_one_that_is_gone() {
    let mut left = Tale::default();
    left.grant(0, 7, 5, 1);
    left.put(SECOND, "a", 7, 2);
    left.line(6 * SECOND, 2, 7, LeaseChange::Expired);
    assert_eq!(left.verdict(), lease("KEYS_LEFT"));
    let mut gone = Tale::default();
    gone.grant(0, 7, 5, 1);
    gone.line(6 * SECOND, 1, 7, LeaseChange::Expired);
    gone.put(7 * SECOND, "a", 7, 2);
    assert_eq!(gone.verdict(), lease("ATTACHED"));
}

#[test]
fn what_is_left_only_shrinks_while_nobody_renews() {
    let mut grows = Tale::default().led();
    grows.grant(100, 7, 5, 1);
    grows.time_to_live(2 * SECOND, 7, 3, None);
    grows.time_to_live(3 * SECOND, 7, 4, None);
    assert_eq!(grows.verdict(), lease("REMAINING"));
    let mut more = Tale::default().led();
    more.grant(100, 7, 5, 1);
    more.time_to_live(SECOND, 7, 9, None);
    assert_eq!(more.verdict(), lease("REMAINING"));
    let mut keys = Tale::default().led();
    keys.grant(100, 7, 5, 1);
    keys.put(SECOND, "a", 7, 2);
    keys.time_to_live(2 * SECOND, 7, 3, Some(&[]));
    assert_eq!(keys.verdict(), lease("REMAINING"));
}

#[test]
fn lease_that_lives_is_not_said_not_to_exist() {
    for (at, expected) in [(2, lease("REFUSAL")), (7, None)] {
        let mut tale = Tale::default();
        tale.grant(0, 7, 5, 1);
        tale.line(6 * SECOND, 1, 7, LeaseChange::Expired);
        let put = PutRequest { key: "a".into(), lease: 7, ..PutRequest::default() };
        let (op, request) = (90, Request::Put(put));
        let time = at * SECOND;
        tale.history.push(Event::Invoke { time, op, client: 90, member: 1, request });
        let error = Refusal::from(RefusalKind::LeaseNotFound);
        tale.history.push(Event::Fail { time: time + 10, op, error });
        assert_eq!(tale.verdict(), expected, "{at}");
    }
}

#[test]
fn lease_that_nobody_granted_is_not_listed() {
    for (listed, expected) in
        [(vec![7], None), (vec![8], lease("LISTED")), (vec![7, 7], lease("LISTED"))]
    {
        let mut tale = Tale::default();
        tale.grant(0, 7, 5, 1);
        let leases = listed.clone();
        let response = LeaseResponse::List { header: header(1), leases };
        tale.asked(SECOND, LeaseRequest::List, response);
        assert_eq!(tale.verdict(), expected, "{listed:?}");
    }
}

#[test]
fn without_a_look_inside_the_end_of_a_lease_is_where_its_keys_went() {
    let mut tale = Tale::default();
    tale.grant(0, 7, 5, 1);
    tale.put(SECOND, "a", 7, 2);
    tale.put(3 * SECOND, "b", 0, 4);
    tale.history.events.retain(|event| !matches!(event, Event::Applied(_) | Event::Lease(_)));
    assert_eq!(tale.verdict(), lease("EARLY"));
    let report = check(&tale.history, &Options::default());
    assert!(matches!(report.verdict("strict_serializability"), Some(Verdict::Pass)));
}

/// A lease of five seconds that was granted at once, and a key that is attached to it.
fn attached() -> Tale {
    let mut tale = Tale::default().led();
    tale.grant(0, 7, 5, 1);
    tale.put(SECOND, "a", 7, 2);
    tale
}

/// One thing told wrong for each guarantee.
pub(crate) fn falsified() -> Vec<(&'static str, History)> {
    let told = |guarantee, tell: &dyn Fn(&mut Tale)| {
        let mut tale = attached();
        tell(&mut tale);
        (guarantee, tale.sorted())
    };
    let expires =
        |tale: &mut Tale, time, revision| tale.line(time, revision, 7, LeaseChange::Expired);
    let refused = |tale: &mut Tale| {
        let put = PutRequest { key: "b".into(), lease: 7, ..PutRequest::default() };
        let (op, time, request) = (90, 2 * SECOND, Request::Put(put));
        tale.history.push(Event::Invoke { time, op, client: 90, member: 1, request });
        let error = Refusal::from(RefusalKind::LeaseNotFound);
        tale.history.push(Event::Fail { time: time + 10, op, error });
    };
    let listed = |tale: &mut Tale| {
        let response = LeaseResponse::List { header: header(2), leases: vec![8] };
        tale.asked(2 * SECOND, LeaseRequest::List, response);
    };
    vec![
        told("EARLY", &|tale| expires(tale, 4 * SECOND, 3)),
        told("LATE", &|tale| {
            tale.history.push(Event::Healed { time: 2 * SECOND });
            tale.put(30 * SECOND, "z", 0, 3);
        }),
        told("KEYS_LEFT", &|tale| expires(tale, 6 * SECOND, 2)),
        told("ATTACHED", &|tale| {
            expires(tale, 6 * SECOND, 3);
            tale.put(7 * SECOND, "b", 7, 4);
        }),
        told("RENEWED", &|tale| {
            expires(tale, 6 * SECOND, 3);
            tale.renew(7 * SECOND, 7, 5);
        }),
        told("TTL", &|tale| tale.renew(2 * SECOND, 7, 3)),
        told("REMAINING", &|tale| tale.time_to_live(2 * SECOND, 7, 9, None)),
        told("REFUSAL", &refused),
        told("LISTED", &listed),
    ]
}

/// A lease whose end made a revision although its key was attached to none by then.
pub(crate) fn lease_keys() -> History {
    let mut tale = attached();
    tale.put(2 * SECOND, "a", 0, 3);
    tale.line(6 * SECOND, 4, 7, LeaseChange::Expired);
    tale.put(7 * SECOND, "b", 0, 5);
    tale.sorted()
}
