//! What a session has learnt of its server, and puts in the place of symbols.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use detcd_api::etcdserverpb::compare::TargetUnion;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{Compare, RangeRequest, RequestOp, TxnRequest};

use crate::auth::Who;
use crate::request::Request;
use crate::symbol::Symbol;
use crate::watch::Step;

/// What is known of a server.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its revision when it last told one.
    pub revision: i64,
    /// The last compaction that it accepted.
    pub compacted: i64,
    /// All of them, also those that tidied up.
    pub compactions: BTreeSet<i64>,
    /// When the last one was.
    pub compacted_when: Option<Instant>,
    /// Leases that it granted, the last one last.
    pub leases: Vec<i64>,
    /// The last token that each user was given.
    pub tokens: BTreeMap<String, String>,
    /// The token that goes with the request at hand.
    pub speaks: Option<String>,
    /// Whether there may be users.
    pub has_users: bool,
    /// Whether tokens are asked for: where they are not, an old version still refuses those that it does
    /// not know.
    pub wants_tokens: bool,
}

impl Known {
    /// Puts what is known in the place of the symbols of a step on a watch stream.
    pub fn resolve_step(&self, step: &mut Step) {
        match step {
            Step::Create(create) => {
                let symbol = Symbol::of(create.start_revision);
                self.number(&mut create.start_revision);
                let start = &mut create.start_revision;
                match symbol {
                    // Since 3.6 a deletion at the compacted revision itself is kept.
                    Some(Symbol::Current(_)) => *start = (*start).max(self.compacted + 1),
                    // Versions differ in how they refuse what was before the first revision.
                    Some(_) => *start = (*start).max(1),
                    None => {}
                }
            }
            Step::Write(request) => self.resolve(request),
            Step::Cancel(_) => {}
        }
    }

    /// A compaction was accepted.
    pub fn compacted_at(&mut self, revision: i64) {
        self.compacted = revision;
        self.compactions.insert(revision);
        self.compacted_when = Some(Instant::now());
    }

    /// The token that `who` has.
    pub fn token_of(&self, who: &Who) -> Option<String> {
        match who {
            Who::User(name) => self.tokens.get(name).cloned(),
            Who::Token(token) => Some(token.clone()),
        }
    }

    fn number(&self, number: &mut i64) {
        match Symbol::of(*number) {
            Some(Symbol::Current(delta)) => *number = self.revision + delta,
            Some(Symbol::Compacted(delta)) => *number = self.compacted + delta,
            Some(Symbol::Lease(age)) => {
                let age = usize::try_from(age).unwrap_or(0);
                *number = self.leases.iter().rev().nth(age).copied().unwrap_or(77);
            }
            None => {}
        }
    }

    /// Puts what is known in the place of the symbols of a request.
    pub fn resolve(&self, request: &mut Request) {
        match request {
            Request::Range(range) => self.range(range),
            Request::Put(put) => self.number(&mut put.lease),
            Request::Txn(txn) => self.txn(txn),
            Request::Compact(compact) => self.number(&mut compact.revision),
            Request::LeaseGrant(grant) => self.number(&mut grant.id),
            Request::LeaseRevoke(revoke) => self.number(&mut revoke.id),
            Request::LeaseTimeToLive(time) => self.number(&mut time.id),
            Request::LeaseKeepAlive(renewal) => self.number(&mut renewal.id),
            Request::HashKv(hash) => {
                self.number(&mut hash.revision);
                // Of its last compactions only newer versions remember the hash.
                while self.compactions.contains(&hash.revision) {
                    hash.revision -= 1;
                }
            }
            Request::As(_, request) => self.resolve(request),
            Request::DeleteRange(_)
            | Request::Auth(_)
            | Request::Restart
            | Request::LeaseLeases
            | Request::Alarm(_)
            | Request::MemberList(_)
            | Request::MoveLeader(_)
            | Request::Status
            // Resolved step by step: writes between its watchers change what the symbols mean.
            | Request::Watch(_) => {}
        }
    }

    fn range(&self, range: &mut RangeRequest) {
        for number in [
            &mut range.revision,
            &mut range.min_mod_revision,
            &mut range.max_mod_revision,
            &mut range.min_create_revision,
            &mut range.max_create_revision,
        ] {
            self.number(number);
        }
    }

    fn txn(&self, txn: &mut TxnRequest) {
        txn.compare.iter_mut().for_each(|compare| self.compare(compare));
        txn.success.iter_mut().chain(&mut txn.failure).for_each(|op| self.op(op));
    }

    fn compare(&self, compare: &mut Compare) {
        match &mut compare.target_union {
            Some(
                TargetUnion::Version(number)
                | TargetUnion::CreateRevision(number)
                | TargetUnion::ModRevision(number)
                | TargetUnion::Lease(number),
            ) => self.number(number),
            Some(TargetUnion::Value(_)) | None => {}
        }
    }

    fn op(&self, op: &mut RequestOp) {
        match &mut op.request {
            Some(Op::RequestRange(range)) => self.range(range),
            Some(Op::RequestPut(put)) => self.number(&mut put.lease),
            Some(Op::RequestTxn(txn)) => self.txn(txn),
            Some(Op::RequestDeleteRange(_)) | None => {}
        }
    }
}
