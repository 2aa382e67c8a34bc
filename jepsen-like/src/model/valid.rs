//! Which requests the store refuses whatever its state.

use std::collections::BTreeMap;

use super::Span;
use crate::history::{
    DeleteRangeRequest, PutRequest, RangeRequest, Request, RequestOp, TxnRequest,
};

/// Most operations and comparisons in a transaction, nested ones included, by default.
pub const OPERATIONS_MAX: usize = 128;

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Every key must have at least one byte.
    #[error("key is not provided")]
    EmptyKey,
    /// A value cannot be both given and kept.
    #[error("value is provided and ignored")]
    ValueProvided,
    /// A lease cannot be both given and kept.
    #[error("lease is provided and ignored")]
    LeaseProvided,
    /// Too many operations.
    #[error("too many operations in a transaction")]
    TooManyOperations,
    /// A key may be written only once in a transaction.
    #[error("duplicate key in a transaction")]
    DuplicateKey,
}

/// Refuses what the store must refuse in every state.
pub fn validate(request: &Request) -> Result<(), Invalid> {
    match request {
        Request::Range(range) => validate_range(range),
        Request::Put(put) => validate_put(put),
        Request::DeleteRange(delete) => validate_delete(delete),
        Request::Txn(txn) => {
            validate_txn(txn, OPERATIONS_MAX)?;
            Written::of(&txn.success)?;
            Written::of(&txn.failure).map(drop)
        }
        Request::Compact(_) | Request::Lease(_) | Request::Lock(_) => Ok(()),
    }
}

fn validate_range(range: &RangeRequest) -> Result<(), Invalid> {
    if range.key.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}

fn validate_delete(delete: &DeleteRangeRequest) -> Result<(), Invalid> {
    if delete.key.is_empty() { Err(Invalid::EmptyKey) } else { Ok(()) }
}

fn validate_put(put: &PutRequest) -> Result<(), Invalid> {
    if put.key.is_empty() {
        return Err(Invalid::EmptyKey);
    }
    if put.ignore_value && !put.value.is_empty() {
        return Err(Invalid::ValueProvided);
    }
    if put.ignore_lease && put.lease != 0 {
        return Err(Invalid::LeaseProvided);
    }
    Ok(())
}

fn validate_txn(txn: &TxnRequest, budget: usize) -> Result<(), Invalid> {
    let longest = txn.compare.len().max(txn.success.len()).max(txn.failure.len());
    let rest = budget.checked_sub(longest).ok_or(Invalid::TooManyOperations)?;
    if txn.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(Invalid::EmptyKey);
    }
    for operation in txn.success.iter().chain(&txn.failure) {
        match operation {
            RequestOp::Range(range) => validate_range(range)?,
            RequestOp::Put(put) => validate_put(put)?,
            RequestOp::DeleteRange(delete) => validate_delete(delete)?,
            RequestOp::Txn(inner) => validate_txn(inner, rest)?,
        }
    }
    Ok(())
}

/// What one branch of a transaction may write, whichever branches are taken within it.
#[derive(Default)]
struct Written<'r> {
    /// Key, and the number of the inner transaction that writes it.
    puts: BTreeMap<&'r [u8], usize>,
    deletes: Vec<Span<'r>>,
}

impl<'r> Written<'r> {
    fn of(branch: &'r [RequestOp]) -> Result<Self, Invalid> {
        let mut written = Self::default();
        for operation in branch {
            // etcd does not see that a deletion without an end deletes anything.
            if let RequestOp::DeleteRange(delete) = operation
                && delete.range_end.as_bytes() != [0]
            {
                written.deletes.push(Span::new(&delete.key, &delete.range_end));
            }
        }
        for (number, operation) in branch.iter().enumerate() {
            if let RequestOp::Txn(inner) = operation {
                let (then, otherwise) = (Self::of(&inner.success)?, Self::of(&inner.failure)?);
                // The two branches exclude each other, so they may write the same key.
                then.puts.keys().try_for_each(|key| written.put(key, number))?;
                otherwise.puts.keys().try_for_each(|key| written.put(key, number))?;
                written.deletes.extend(then.deletes.into_iter().chain(otherwise.deletes));
            }
        }
        for (number, operation) in branch.iter().enumerate() {
            if let RequestOp::Put(put) = operation {
                written.put(put.key.as_bytes(), number)?;
            }
        }
        Ok(written)
    }

    fn put(&mut self, key: &'r [u8], number: usize) -> Result<(), Invalid> {
        if self.deletes.iter().any(|span| span.contains(key)) {
            return Err(Invalid::DuplicateKey);
        }
        match self.puts.insert(key, number) {
            Some(other) if other != number => Err(Invalid::DuplicateKey),
            Some(_) | None => Ok(()),
        }
    }
}
