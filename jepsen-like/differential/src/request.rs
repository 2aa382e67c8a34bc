//! What a program asks.

use std::fmt;

use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{
    AlarmRequest, CompactionRequest, DeleteRangeRequest, HashKvRequest, LeaseGrantRequest,
    LeaseKeepAliveRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest, MemberListRequest,
    MoveLeaderRequest, PutRequest, RangeRequest, RequestOp, TxnRequest,
};

use crate::auth::{Call, Who};
use crate::fields;
use crate::symbol::Symbol;
use crate::watch::Step;

/// One request.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the methods")]
pub enum Request {
    Range(RangeRequest),
    Put(PutRequest),
    DeleteRange(DeleteRangeRequest),
    Txn(TxnRequest),
    Compact(CompactionRequest),
    LeaseGrant(LeaseGrantRequest),
    LeaseRevoke(LeaseRevokeRequest),
    LeaseTimeToLive(LeaseTimeToLiveRequest),
    LeaseKeepAlive(LeaseKeepAliveRequest),
    LeaseLeases,
    Alarm(AlarmRequest),
    HashKv(HashKvRequest),
    MemberList(MemberListRequest),
    MoveLeader(MoveLeaderRequest),
    Status,
    Watch(Vec<Step>),
    Auth(Call),
    /// A request with somebody's token.
    As(Who, Box<Request>),
    /// The server ends and comes back with its data.
    Restart,
}

impl Request {
    /// The request itself, whoever sends it.
    pub fn bare(&self) -> &Self {
        match self {
            Self::As(_, request) => request.bare(),
            _ => self,
        }
    }

    /// All reads in it, at any depth.
    pub fn ranges(&self) -> Vec<&RangeRequest> {
        match self {
            Self::Range(range) => vec![range],
            Self::Txn(txn) => ranges(txn),
            Self::Watch(steps) => steps.iter().flat_map(ranges_of_step).collect(),
            Self::As(_, request) => request.ranges(),
            _ => Vec::new(),
        }
    }
}

fn ranges_of_step(step: &Step) -> Vec<&RangeRequest> {
    match step {
        Step::Write(request) => request.ranges(),
        Step::Create(_) | Step::Cancel(_) => Vec::new(),
    }
}

fn ranges(txn: &TxnRequest) -> Vec<&RangeRequest> {
    let ops = txn.success.iter().chain(&txn.failure);
    ops.flat_map(|op| match &op.request {
        Some(Op::RequestRange(range)) => vec![range],
        Some(Op::RequestTxn(txn)) => ranges(txn),
        _ => Vec::new(),
    })
    .collect()
}

/// Longest value that is shown whole.
const VALUE_SHOWN_MAX: usize = 60;

/// Fields that say something; symbols by their names.
impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::As(who, request) = self {
            return write!(out, "{who:?} {request}");
        }
        let text = format!("{self:?}");
        write!(out, "{}: ", text.split(['(', ' ']).next().unwrap_or_default())?;
        let silent = ["0", "false", "b\"\"", "\"\"", "None"];
        for (path, value) in fields::of(self) {
            let path = path.split_once('.').map_or(path.as_str(), |(_, path)| path);
            if silent.contains(&value.as_str()) && !path.ends_with("request") {
                continue;
            }
            match value.parse().ok().and_then(Symbol::of) {
                Some(symbol) => write!(out, "{path}={symbol:?} ")?,
                None if value.len() > VALUE_SHOWN_MAX => {
                    write!(out, "{path}={value:.VALUE_SHOWN_MAX$}...({} letters) ", value.len())?;
                }
                None => write!(out, "{path}={value} ")?,
            }
        }
        Ok(())
    }
}

/// The same request with less in it, the least first.
pub fn simpler(request: &Request) -> Vec<Request> {
    match request {
        Request::Txn(txn) => simpler_txns(txn).into_iter().map(Request::Txn).collect(),
        Request::Watch(steps) => simpler_steps(steps).into_iter().map(Request::Watch).collect(),
        Request::As(who, request) => {
            let with = |simpler| Request::As(who.clone(), Box::new(simpler));
            simpler(request).into_iter().map(with).collect()
        }
        _ => Vec::new(),
    }
}

fn simpler_steps(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    for at in 0..steps.len() {
        let mut without = steps.to_vec();
        without.remove(at);
        all.push(without);
        let Step::Write(request) = &steps[at] else { continue };
        for simpler in simpler(request) {
            let mut with = steps.to_vec();
            with[at] = Step::Write(Box::new(simpler));
            all.push(with);
        }
    }
    all
}

fn simpler_txns(txn: &TxnRequest) -> Vec<TxnRequest> {
    let mut all = Vec::new();
    for at in 0..txn.compare.len() {
        let mut without = txn.clone();
        without.compare.remove(at);
        all.push(without);
    }
    for ops in simpler_ops(&txn.success) {
        all.push(TxnRequest { success: ops, ..txn.clone() });
    }
    for ops in simpler_ops(&txn.failure) {
        all.push(TxnRequest { failure: ops, ..txn.clone() });
    }
    all
}

fn simpler_ops(ops: &[RequestOp]) -> Vec<Vec<RequestOp>> {
    let mut all = Vec::new();
    for at in 0..ops.len() {
        let mut without = ops.to_vec();
        without.remove(at);
        all.push(without);
        let Some(Op::RequestTxn(inner)) = &ops[at].request else { continue };
        for inner in simpler_txns(inner) {
            let mut with = ops.to_vec();
            with[at].request = Some(Op::RequestTxn(inner));
            all.push(with);
        }
    }
    all
}
