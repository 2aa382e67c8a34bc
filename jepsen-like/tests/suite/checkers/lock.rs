//! Locks and their fencing tokens (G91; mutant L06).

use jepsen_like::checker::{Options, check};
use jepsen_like::history::{
    Applied, Blob, Compare, CompareResult, CompareTarget, Event, Header, History, LeaseChange,
    LeaseId, LeaseLine, LockRequest, LockResponse, Micros, OpId, PutRequest, PutResponse, Request,
    RequestOp, Response, ResponseOp, TxnRequest, TxnResponse, lock_key,
};

/// A history in which members tell what they apply; each step takes a hundred microseconds.
#[derive(Default)]
struct Tale {
    history: History,
    time: Micros,
    op: OpId,
    index: u64,
    revision: i64,
}

fn name() -> Blob {
    Blob::from("l")
}

fn header(revision: i64) -> Header {
    Header { revision, ..Header::default() }
}

impl Tale {
    fn new() -> Self {
        Self { revision: 1, ..Self::default() }
    }

    fn call(&mut self, request: Request) -> OpId {
        self.time += 100;
        self.op += 1;
        let (time, op) = (self.time, self.op);
        self.history.push(Event::Invoke { time, op, client: op, member: 1, request });
        op
    }

    fn answer(&mut self, op: OpId, response: Response) {
        self.time += 100;
        self.history.push(Event::Ok { time: self.time, op, response });
    }

    fn made(&mut self, op: Option<OpId>) {
        self.time += 1;
        self.index += 1;
        self.revision += 1;
        let (time, index, revision) = (self.time, self.index, self.revision);
        let applied = Applied { time, member: 1, index, term: 1, revision, digest: 0, op };
        self.history.push(Event::Applied(applied));
    }

    /// Wants the lock, and writes its key.
    fn wants(&mut self, lease: LeaseId) -> OpId {
        let op = self.call(Request::Lock(LockRequest::Lock { name: name(), lease }));
        self.made(Some(op));
        op
    }

    /// Is told that it owns the lock.
    fn owns(&mut self, op: OpId, lease: LeaseId) {
        self.owned_at(self.revision, op, lease);
    }

    /// Is told that it owned the lock at a revision.
    fn owned_at(&mut self, revision: i64, op: OpId, lease: LeaseId) {
        let (header, key) = (header(revision), lock_key(&name(), lease));
        self.answer(op, Response::Lock(LockResponse::Lock { header, key }));
    }

    fn gives_back(&mut self, lease: LeaseId) {
        let key = lock_key(&name(), lease);
        let op = self.call(Request::Lock(LockRequest::Unlock { key }));
        self.made(Some(op));
        let header = header(self.revision);
        self.answer(op, Response::Lock(LockResponse::Unlock { header }));
    }

    fn expires(&mut self, lease: LeaseId) {
        self.made(None);
        let (time, index, revision) = (self.time, self.index, self.revision);
        let change = LeaseChange::Expired;
        self.history.push(Event::Lease(LeaseLine { time, index, revision, lease, change }));
    }

    /// Writes under the lock, with the key's create revision as its token.
    fn writes(&mut self, lease: LeaseId, token: i64) {
        let value = Blob::from((self.op + 1).to_string().as_str());
        let put = PutRequest { key: "guarded".into(), value, ..PutRequest::default() };
        let op = self.call(Request::Txn(TxnRequest {
            compare: vec![Compare {
                key: lock_key(&name(), lease),
                range_end: Blob::default(),
                result: CompareResult::Equal,
                target: CompareTarget::Create(token),
            }],
            success: vec![RequestOp::Put(put)],
            failure: Vec::new(),
        }));
        self.made(Some(op));
        let header = header(self.revision);
        let put = PutResponse { header, prev_kv: None };
        let responses = vec![ResponseOp::Put(put)];
        self.answer(op, Response::Txn(TxnResponse { header, succeeded: true, responses }));
    }

    fn guarantees(&self) -> Vec<&'static str> {
        let report = check(&self.history, &Options::default());
        report.violations().map(|violation| violation.guarantee).collect()
    }
}

#[test]
fn lock_goes_from_one_owner_to_the_next() {
    let mut tale = Tale::new();
    let first = tale.wants(7);
    tale.owns(first, 7);
    let second = tale.wants(8);
    tale.writes(7, 2);
    tale.gives_back(7);
    tale.owns(second, 8);
    tale.writes(8, 3);
    assert_eq!(tale.guarantees(), [""; 0]);
}

#[test]
fn lock_is_lost_with_the_lease_and_nobody_needs_to_give_it_back() {
    let mut tale = Tale::new();
    let first = tale.wants(7);
    tale.owns(first, 7);
    let second = tale.wants(8);
    tale.expires(7);
    tale.owns(second, 8);
    tale.writes(8, 3);
    assert_eq!(tale.guarantees(), [""; 0]);
}

/// An answer on a slow link: its lock was lost with its lease, and is somebody else's by now.
#[test]
fn an_answer_that_comes_late_tells_of_its_own_revision() {
    let mut tale = Tale::new();
    let first = tale.wants(7);
    let at = tale.revision;
    let second = tale.wants(8);
    tale.expires(7);
    tale.owns(second, 8);
    tale.owned_at(at, first, 7);
    assert_eq!(tale.guarantees(), [""; 0]);
}

#[test]
fn who_comes_later_does_not_own_the_lock_of_somebody_else() {
    let mut tale = Tale::new();
    let first = tale.wants(7);
    tale.owns(first, 7);
    let second = tale.wants(8);
    tale.owns(second, 8);
    let found = tale.guarantees();
    assert!(found.contains(&"ANSWER"), "the key is not the oldest: {found:?}");
    assert!(found.contains(&"EXCLUSIVE"), "two owners: {found:?}");
}

#[test]
fn writes_under_a_lock_do_not_go_back_to_an_earlier_owner() {
    let mut tale = Tale::new();
    let first = tale.wants(7);
    tale.owns(first, 7);
    let second = tale.wants(8);
    tale.gives_back(7);
    tale.owns(second, 8);
    tale.writes(8, 3);
    tale.writes(7, 2);
    let found = tale.guarantees();
    assert!(found.contains(&"FENCED"), "an old token after a new one: {found:?}");
}

#[test]
fn who_gave_up_takes_its_key_away() {
    let mut tale = Tale::new();
    let first = tale.wants(7);
    tale.owns(first, 7);
    let second = tale.wants(8);
    tale.made(Some(second));
    tale.gives_back(7);
    assert_eq!(tale.guarantees(), [""; 0]);
}

/// One thing told wrong for each guarantee.
pub(crate) fn falsified() -> Vec<(&'static str, History)> {
    let mut two_owners = Tale::new();
    let first = two_owners.wants(7);
    two_owners.owns(first, 7);
    let second = two_owners.wants(8);
    two_owners.owns(second, 8);
    let mut old_token = Tale::new();
    let first = old_token.wants(7);
    old_token.owns(first, 7);
    let second = old_token.wants(8);
    old_token.gives_back(7);
    old_token.owns(second, 8);
    old_token.writes(8, 3);
    old_token.writes(7, 2);
    vec![("EXCLUSIVE", two_owners.history), ("FENCED", old_token.history)]
}
