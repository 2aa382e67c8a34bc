//! What a history tells of each lease: when it was granted, renewed, and when it ended.

use std::collections::BTreeMap;

use crate::checker::strict_serializability::{Committed, Owner};
use crate::history::{
    Event, History, LeaseChange, LeaseId, LeaseLine, LeaseRequest, LeaseResponse, Micros, OpId,
    Operation, Operations, Outcome, Request, Response,
};

/// A grant or a renewal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise {
    pub(super) op: OpId,
    pub(super) call: Micros,
    /// `None` where nobody knows whether it came to anything.
    pub(super) answer: Option<Answer>,
    /// When it was answered, or its client gave up.
    pub(super) end: Option<Micros>,
}

/// What was promised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) ttl: i64,
    /// The revision in its head.
    pub(super) revision: i64,
}

/// How a lease ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) time: Micros,
    /// The store's revision after it.
    pub(super) revision: i64,
    /// Because its time was over, and not because a client wanted it.
    pub(super) expired: bool,
}

/// One lease. An id is granted once in a history; if it is granted again only the first time counts.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// The grant that was answered.
    pub(super) grant: Option<Promise>,
    pub(super) renewals: Vec<Promise>,
    /// When the log granted it.
    pub(super) began: Option<Micros>,
    pub(super) end: Option<End>,
    /// Calls of revocations that may have taken effect.
    revoked: Vec<Micros>,
}

impl Life {
    /// What it was granted for, where that was answered.
    pub(super) fn granted(&self) -> Option<i64> {
        self.grant.and_then(|grant| grant.answer).map(|answer| answer.ttl)
    }

    /// Grants and renewals that were answered as done, with the seconds that they promised.
    pub(super) fn promises(&self) -> impl Iterator<Item = (&Promise, i64)> {
        let all = self.grant.iter().chain(&self.renewals);
        let done = all.filter_map(|promise| Some((promise, promise.answer?.ttl)));
        done.filter(|(_, ttl)| *ttl > 0)
    }
}

/// All leases of a history.
#[derive(Debug, Default)]
pub(super) struct Lives {
    by_id: BTreeMap<LeaseId, Life>,
    /// Whether members told what the log says, so that no end is missed.
    pub(super) are_told: bool,
}

impl Lives {
    pub(super) fn new(
        history: &History,
        operations: &Operations<'_>,
        committed: Option<&Committed<'_>>,
    ) -> Self {
        let are_told = history.events.iter().any(|event| matches!(event, Event::Applied(_)));
        let mut lives = Self { are_told, ..Self::default() };
        for operation in &operations.list {
            if let Request::Lease(request) = operation.request {
                lives.ask(request, operation);
            }
        }
        if lives.are_told {
            let mut lines: Vec<&LeaseLine> = Vec::new();
            lines.extend(history.events.iter().filter_map(|event| match event {
                Event::Lease(line) => Some(line),
                _ => None,
            }));
            lines.sort_by_key(|line| line.index);
            lines.into_iter().for_each(|line| lives.tell(line));
        } else if let Some(committed) = committed {
            lives.guess_ends(committed);
        }
        lives
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn get(&self, id: LeaseId) -> Option<&Life> {
        self.by_id.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LeaseId, &Life)> {
        self.by_id.iter().map(|(id, life)| (*id, life))
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether the lease lived at every moment of a time.
    pub(super) fn lived(&self, id: LeaseId, from: Micros, to: Micros) -> bool {
        let Some(life) = self.get(id).filter(|_| self.are_told) else { return false };
        let began = life.grant.and_then(|grant| grant.end).is_some_and(|end| end < from);
        began && life.end.is_none_or(|end| end.time > to)
    }

    /// Whether the lease had ended before a moment.
    pub(super) fn had_ended(&self, id: LeaseId, by: Micros) -> Option<End> {
        self.get(id)?.end.filter(|end| end.time < by)
    }

    fn ask(&mut self, request: &LeaseRequest, operation: &Operation<'_>) {
        let Operation { op, call, end, .. } = *operation;
        let response = match operation.outcome {
            Outcome::Ok(Response::Lease(response)) => Some(response),
            Outcome::Info(_) => None,
            Outcome::Ok(_) | Outcome::Fail(_) => return,
        };
        match (request, response) {
            (LeaseRequest::Grant { .. }, Some(LeaseResponse::Grant { header, id, ttl })) => {
                let answer = Some(Answer { ttl: *ttl, revision: header.revision });
                let life = self.by_id.entry(*id).or_default();
                life.grant.get_or_insert(Promise { op, call, answer, end });
            }
            (LeaseRequest::Grant { id, .. }, None) if *id != 0 => {
                self.by_id.entry(*id).or_default();
            }
            (LeaseRequest::KeepAlive { id }, answer) => {
                let answer = match answer {
                    Some(LeaseResponse::KeepAlive { header, ttl, .. }) => {
                        Some(Answer { ttl: *ttl, revision: header.revision })
                    }
                    _ => None,
                };
                let life = self.by_id.entry(*id).or_default();
                life.renewals.push(Promise { op, call, answer, end });
            }
            (LeaseRequest::Revoke { id }, response) => {
                let life = self.by_id.entry(*id).or_default();
                life.revoked.push(call);
                if let (Some(LeaseResponse::Revoke { header }), Some(time), false) =
                    (response, end, self.are_told)
                {
                    let end = End { time, revision: header.revision, expired: false };
                    life.end.get_or_insert(end);
                }
            }
            _ => {}
        }
    }

    fn tell(&mut self, line: &LeaseLine) {
        let life = self.by_id.entry(line.lease).or_default();
        let (time, revision) = (line.time, line.revision);
        match line.change {
            LeaseChange::Granted => {
                life.began.get_or_insert(time);
            }
            LeaseChange::Revoked | LeaseChange::Expired if life.began.is_some() => {
                let expired = line.change == LeaseChange::Expired;
                life.end.get_or_insert(End { time, revision, expired });
            }
            LeaseChange::Revoked | LeaseChange::Expired => {}
        }
    }

    /// The end of a lease with keys made a revision, which somebody has seen.
    fn guess_ends(&mut self, committed: &Committed<'_>) {
        for revision in 2..=committed.state.revision() {
            let Some(Owner::Lease(lease)) = committed.owner(revision) else { continue };
            let Some(time) = committed.first_seen(revision) else { continue };
            let life = self.by_id.entry(lease).or_default();
            let expired = !life.revoked.iter().any(|call| *call <= time);
            life.end.get_or_insert(End { time, revision, expired });
        }
    }
}
