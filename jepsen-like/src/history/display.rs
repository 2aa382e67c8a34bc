//! Requests in the words of a person who tells what happened.

use std::fmt::{Display, Formatter, Result};

use super::{
    Blob, DeleteRangeRequest, KeyValue, LeaseRequest, LockRequest, PutRequest, RangeRequest,
    Request, RequestOp, TxnRequest,
};

/// Keys from `key` to `range_end`, in etcd's convention.
fn span(f: &mut Formatter<'_>, key: &Blob, range_end: &Blob) -> Result {
    match range_end.as_bytes() {
        [] => write!(f, "{key}"),
        [0] => write!(f, "{key}.."),
        _ => write!(f, "{key}..{range_end}"),
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Range(request) => request.fmt(f),
            Self::Put(request) => request.fmt(f),
            Self::DeleteRange(request) => request.fmt(f),
            Self::Txn(request) => request.fmt(f),
            Self::Compact(request) => write!(f, "compact({})", request.revision),
            Self::Lease(request) => request.fmt(f),
            Self::Lock(request) => request.fmt(f),
        }
    }
}

impl Display for RequestOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Range(request) => request.fmt(f),
            Self::Put(request) => request.fmt(f),
            Self::DeleteRange(request) => request.fmt(f),
            Self::Txn(request) => request.fmt(f),
        }
    }
}

impl Display for RangeRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(if self.serializable { "local get(" } else { "get(" })?;
        span(f, &self.key, &self.range_end)?;
        if self.revision > 0 {
            write!(f, " at revision {}", self.revision)?;
        }
        f.write_str(")")
    }
}

impl Display for PutRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "put({}={}", self.key, self.value)?;
        if self.lease != 0 {
            write!(f, " with lease {}", self.lease)?;
        }
        f.write_str(")")
    }
}

impl Display for DeleteRangeRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("delete(")?;
        span(f, &self.key, &self.range_end)?;
        f.write_str(")")
    }
}

impl Display for LeaseRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Grant { id, ttl } => write!(f, "grant({id} for {ttl} s)"),
            Self::Revoke { id } => write!(f, "revoke({id})"),
            Self::KeepAlive { id } => write!(f, "keep-alive({id})"),
            Self::TimeToLive { id, .. } => write!(f, "time-to-live({id})"),
            Self::List => f.write_str("leases()"),
        }
    }
}

impl Display for LockRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Lock { name, lease } => write!(f, "lock({name} with lease {lease})"),
            Self::Unlock { key } => write!(f, "unlock({key})"),
        }
    }
}

impl Display for TxnRequest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "txn(if {} compares then ", self.compare.len())?;
        list(f, &self.success)?;
        f.write_str(" else ")?;
        list(f, &self.failure)?;
        f.write_str(")")
    }
}

fn list(f: &mut Formatter<'_>, operations: &[RequestOp]) -> Result {
    f.write_str("[")?;
    for (position, operation) in operations.iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        write!(f, "{comma}{operation}")?;
    }
    f.write_str("]")
}

impl Display for KeyValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { key, value, create_revision, mod_revision, version, lease } = self;
        write!(
            f,
            "{key}={value} (mod {mod_revision}, create {create_revision}, version {version}"
        )?;
        if *lease != 0 {
            write!(f, ", lease {lease}")?;
        }
        f.write_str(")")
    }
}
