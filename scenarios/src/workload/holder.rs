//! Clients that have leases: they attach keys, keep leases alive, give them up or forget them.

use std::time::Duration;

use jepsen_like::history::{
    Blob, LeaseId, LeaseRequest, LeaseResponse, PutRequest, Request, Response,
};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, Stream, Streams};

use super::generate::key;
use super::{Endpoints, Session, StopSign};
use crate::dice::Dice;

const PATIENCE_MS: [u64; 3] = [500, 1_500, 4_000];
/// Leases that one client has at a time.
const LEASES_MAX: usize = 4;
/// Seconds. Short enough to end within a run, and long enough to outlive an election.
const TTL: std::ops::RangeInclusive<u64> = 1..=6;

/// A client that has leases.
#[derive(Debug)]
pub struct Holder {
    /// Its connections.
    pub session: Session,
    /// Its number, which keys its choices.
    pub number: usize,
    /// Whom it asks.
    pub members: Endpoints,
    /// How many keys there are.
    pub keys: usize,
    /// Mean pause between two requests.
    pub pace: Duration,
}

impl Holder {
    /// Works until told to stop.
    pub async fn run(mut self, streams: Streams, stop: StopSign) {
        let mut leases: Vec<LeaseId> = Vec::new();
        for count in 0_u64.. {
            let name = format!("holder {} request {count}", self.number);
            let mut dice = Dice::new(streams.source(Stream::Workload, &name));
            SimRuntime::sleep(dice.around(self.pace)).await;
            if stop.is_raised() {
                return;
            }
            self.request(&mut leases, &mut dice).await;
        }
    }

    async fn request(&mut self, leases: &mut Vec<LeaseId>, dice: &mut Dice) {
        let member = self.members.pick(dice);
        let patience = Duration::from_millis(*dice.pick(&PATIENCE_MS));
        let op = self.session.recorder().new_op();
        let Some(lease) = self.lease(leases, dice) else {
            return self.grant(op, member, leases, dice).await;
        };
        let request = match dice.weighted(&[30, 34, 12, 4, 8, 6, 6]) {
            0 => self.put(op, lease, dice),
            1 => Request::Lease(LeaseRequest::KeepAlive { id: lease }),
            2 => Request::Lease(LeaseRequest::TimeToLive { id: lease, keys: dice.percent(60) }),
            3 => Request::Lease(LeaseRequest::List),
            4 => {
                leases.retain(|held| *held != lease);
                Request::Lease(LeaseRequest::Revoke { id: lease })
            }
            5 => {
                // Nobody keeps it alive any more.
                leases.retain(|held| *held != lease);
                Request::Lease(LeaseRequest::TimeToLive { id: lease, keys: false })
            }
            _ => return self.grant(op, member, leases, dice).await,
        };
        let response = self.session.call_as(op, member, request, patience).await;
        if let Some(Response::Lease(LeaseResponse::KeepAlive { id, ttl: 0, .. })) = response {
            leases.retain(|held| *held != id);
        }
    }

    /// Mostly one of its own leases, sometimes one of somebody else's.
    fn lease(&self, leases: &[LeaseId], dice: &mut Dice) -> Option<LeaseId> {
        if dice.percent(15) {
            let known = self.session.recorder().knowledge(|known| known.leases.clone());
            if !known.is_empty() {
                return Some(*dice.pick(&known));
            }
        }
        (!leases.is_empty()).then(|| *dice.pick(leases))
    }

    async fn grant(&mut self, op: u64, member: usize, leases: &mut Vec<LeaseId>, dice: &mut Dice) {
        let ttl = i64::try_from(dice.between(TTL)).unwrap_or(1);
        let id = if dice.percent(50) { own_id(op) } else { 0 };
        let request = Request::Lease(LeaseRequest::Grant { id, ttl });
        let patience = Duration::from_secs(2);
        let response = self.session.call_as(op, member, request, patience).await;
        if let Some(Response::Lease(LeaseResponse::Grant { id, .. })) = response {
            leases.push(id);
        } else if id != 0 && dice.percent(50) {
            // It may have been granted all the same.
            leases.push(id);
        }
        if leases.len() > LEASES_MAX {
            leases.remove(0);
        }
    }

    /// Keys are those of all clients, so that keys change their lease, and lose it.
    fn put(&self, op: u64, lease: LeaseId, dice: &mut Dice) -> Request {
        let key = key(dice.index(self.keys));
        let value = Blob::from(op.to_string().as_str());
        let prev_kv = dice.percent(30);
        Request::Put(PutRequest { key, value, lease, prev_kv, ..PutRequest::default() })
    }
}

/// An id that no other operation asks for.
pub(super) fn own_id(op: u64) -> LeaseId {
    i64::try_from(op).unwrap_or(i64::MAX)
}

/// Grants so many leases as fast as they go, each with a key, and never keeps one alive.
pub async fn grant_many(session: &mut Session, members: &Endpoints, leases: u64, ttl: i64) {
    let (mut member, mut failures) = (members.at(0), 0);
    for _ in 0..leases {
        let op = session.recorder().new_op();
        let patience = Duration::from_secs(2);
        let grant = Request::Lease(LeaseRequest::Grant { id: own_id(op), ttl });
        let granted = session.call_as(op, member, grant, patience).await;
        let Some(Response::Lease(LeaseResponse::Grant { id, .. })) = granted else {
            failures += 1;
            if failures > 3 * members.count() {
                return;
            }
            member = members.after(member);
            SimRuntime::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let op = session.recorder().new_op();
        let key = Blob::from(format!("e{id:06}").as_str());
        let value = Blob::from(op.to_string().as_str());
        let put = PutRequest { key, value, lease: id, ..PutRequest::default() };
        session.call_as(op, member, Request::Put(put), patience).await;
    }
}
