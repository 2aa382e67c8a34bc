//! Clients that want locks, write under them, and are sometimes away for longer than their lease lives;
//! and clients that do the same as candidates and leaders of elections.

use std::time::Duration;

use jepsen_like::history::{
    Blob, Compare, CompareResult, CompareTarget, DeleteRangeRequest, LeaseId, LeaseRequest,
    LeaseResponse, LockRequest, LockResponse, PutRequest, RangeRequest, Request, RequestOp,
    Response, TxnRequest,
};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, Stream, Streams};

use super::holder::own_id;
use super::{Endpoints, Session, StopSign};
use crate::dice::Dice;

const PATIENCE: Duration = Duration::from_secs(2);
/// Different locks, or elections; few make conflicts.
const LOCKS: u64 = 2;

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To own a lock.
    Lock,
    /// To lead; its session must be one that elects.
    Election,
}

/// One of the elections. They stand before the keys of other clients, whose deletions reach from a key to
/// the end.
pub(super) fn election(dice: &mut Dice) -> Blob {
    Blob::from(format!("ballot{}", dice.below(LOCKS)).as_str())
}

/// A client that wants locks.
#[derive(Debug)]
pub struct Locker {
    /// Its connections.
    pub session: Session,
    /// Its number, which keys its choices.
    pub number: usize,
    /// Whom it asks.
    pub members: Endpoints,
    /// Mean pause between two requests.
    pub pace: Duration,
    /// What it wants.
    pub wanted: Wanted,
}

/// A lock that is owned, as far as its owner knows.
struct Owned {
    name: Blob,
    key: Blob,
    lease: LeaseId,
    ttl: i64,
    /// The create revision of the key.
    token: i64,
}

impl Locker {
    /// Works until told to stop.
    pub async fn run(mut self, streams: Streams, stop: StopSign) {
        for count in 0_u64.. {
            let who = match self.wanted {
                Wanted::Lock => "locker",
                Wanted::Election => "elector",
            };
            let name = format!("{who} {} round {count}", self.number);
            let mut dice = Dice::new(streams.source(Stream::Workload, &name));
            SimRuntime::sleep(dice.around(self.pace)).await;
            if stop.is_raised() {
                return;
            }
            if let Some(owned) = self.acquire(&mut dice).await {
                self.write(&owned, &mut dice, &stop).await;
                self.give_back(&owned, &mut dice).await;
            }
        }
    }

    async fn call(&mut self, request: Request, dice: &mut Dice) -> Option<Response> {
        self.call_for(request, PATIENCE, dice).await
    }

    async fn call_for(
        &mut self,
        request: Request,
        patience: Duration,
        dice: &mut Dice,
    ) -> Option<Response> {
        let member = self.members.pick(dice);
        self.session.call(member, request, patience).await
    }

    async fn acquire(&mut self, dice: &mut Dice) -> Option<Owned> {
        let id = own_id(self.session.recorder().new_op());
        let ttl = i64::try_from(dice.between(2..=5)).unwrap_or(2);
        let grant = Request::Lease(LeaseRequest::Grant { id, ttl });
        let granted = self.call(grant, dice).await?;
        let Response::Lease(LeaseResponse::Grant { id: lease, ttl, .. }) = granted else {
            return None;
        };
        let name = match self.wanted {
            Wanted::Lock => Blob::from(format!("job{}", dice.below(LOCKS)).as_str()),
            Wanted::Election => election(dice),
        };
        let patience = dice.millis(500..=6_000);
        let lock = Request::Lock(LockRequest::Lock { name: name.clone(), lease });
        let locked = self.call_for(lock, patience, dice).await?;
        let Response::Lock(LockResponse::Lock { key, .. }) = locked else { return None };
        let get = RangeRequest { key: key.clone(), ..RangeRequest::default() };
        let Response::Range(found) = self.call(Request::Range(get), dice).await? else {
            return None;
        };
        let token = found.kvs.first()?.create_revision;
        Some(Owned { name, key, lease, ttl, token })
    }

    async fn write(&mut self, owned: &Owned, dice: &mut Dice, stop: &StopSign) {
        for _ in 0..dice.below(6) {
            if stop.is_raised() {
                return;
            }
            if dice.percent(10) {
                // As a program that stands still: it still believes that it owns the lock.
                let away = Duration::from_secs(owned.ttl.unsigned_abs()) + dice.millis(100..=2_500);
                SimRuntime::sleep(away).await;
            } else if dice.percent(60) {
                let renew = Request::Lease(LeaseRequest::KeepAlive { id: owned.lease });
                self.call(renew, dice).await;
            }
            let op = self.session.recorder().new_op();
            let request = match self.wanted {
                Wanted::Election if dice.percent(50) => proclamation(owned, op),
                Wanted::Lock | Wanted::Election => guarded_put(owned, op),
            };
            let member = self.members.pick(dice);
            self.session.call_as(op, member, request, PATIENCE).await;
            SimRuntime::sleep(dice.around(self.pace)).await;
        }
    }

    async fn give_back(&mut self, owned: &Owned, dice: &mut Dice) {
        if dice.percent(85) {
            let request = match self.wanted {
                Wanted::Lock => Request::Lock(LockRequest::Unlock { key: owned.key.clone() }),
                Wanted::Election => resignation(owned),
            };
            self.call(request, dice).await;
        }
        if dice.percent(50) {
            self.call(Request::Lease(LeaseRequest::Revoke { id: owned.lease }), dice).await;
        }
    }
}

/// Writes only while the key of the owner is the one that it locked with.
fn guarded_put(owned: &Owned, op: u64) -> Request {
    let key = Blob::from([b"guarded-", owned.name.as_bytes()].concat());
    let value = Blob::from(op.to_string().as_str());
    while_owned(owned, RequestOp::Put(PutRequest { key, value, ..PutRequest::default() }))
}

/// Gives the leader's key another value.
fn proclamation(owned: &Owned, op: u64) -> Request {
    let value = Blob::from(op.to_string().as_str());
    let (key, lease) = (owned.key.clone(), owned.lease);
    while_owned(owned, RequestOp::Put(PutRequest { key, value, lease, ..PutRequest::default() }))
}

/// Deletes the leader's key.
fn resignation(owned: &Owned) -> Request {
    let key = owned.key.clone();
    let delete = DeleteRangeRequest { key, ..DeleteRangeRequest::default() };
    while_owned(owned, RequestOp::DeleteRange(delete))
}

fn while_owned(owned: &Owned, op: RequestOp) -> Request {
    Request::Txn(TxnRequest {
        compare: vec![Compare {
            key: owned.key.clone(),
            range_end: Blob::default(),
            result: CompareResult::Equal,
            target: CompareTarget::Create(owned.token),
        }],
        success: vec![op],
        failure: Vec::new(),
    })
}
