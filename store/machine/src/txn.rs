//! Transactions: decide, check, then execute.
//!
//! All comparisons, also of nested transactions, are made against the state before the transaction,
//! as etcd does it; so the path through all branches is known before anything happens. Then every
//! operation on the path is checked, and only if none is refused they are executed: a transaction
//! is refused as a whole or done as a whole (etcd #18749).

use std::cmp::Ordering;

use crate::command::{Compare, CompareResult, CompareTarget, Put, Range, Txn, TxnOp};
use crate::index::{Index, Seen};
use crate::machine::Machine;
use crate::outcome::{Outcome, Rejection, TxnOutcome};
use crate::row::Rows;
use crate::span::Span;
use crate::write::{Write, live_keys, read_range, stored_value};

/// A transaction of which it is known what to do.
pub(crate) struct Plan<'a> {
    succeeded: bool,
    steps: Vec<Step<'a>>,
}

enum Step<'a> {
    /// A range, a put or a deletion.
    Op(&'a TxnOp),
    Nested(Plan<'a>),
}

/// Makes the comparisons.
pub(crate) fn decide<'a>(txn: &'a Txn, index: &Index, rows: &dyn Rows) -> Plan<'a> {
    let succeeded = txn.compare.iter().all(|compare| holds(compare, index, rows));
    let ops = if succeeded { &txn.success } else { &txn.failure };
    let steps = ops.iter().map(|op| match op {
        TxnOp::Txn(nested) => Step::Nested(decide(nested, index, rows)),
        TxnOp::Range(_) | TxnOp::Put(_) | TxnOp::DeleteRange(_) => Step::Op(op),
    });
    Plan { succeeded, steps: steps.collect() }
}

/// Finds the first refusal on the path.
pub(crate) fn check(machine: &Machine, plan: &Plan<'_>) -> Result<(), Rejection> {
    check_after(machine, plan, &mut Vec::new())
}

/// Does everything on the path.
pub(crate) fn execute(plan: &Plan<'_>, write: &mut Write<'_>) -> TxnOutcome {
    let responses = plan.steps.iter().map(|step| match step {
        Step::Nested(nested) => Outcome::Txn(execute(nested, write)),
        Step::Op(TxnOp::Range(range)) => Outcome::Range(write.range(range)),
        Step::Op(TxnOp::Put(put)) => Outcome::Put(write.put(put)),
        Step::Op(TxnOp::DeleteRange(delete)) => Outcome::DeleteRange(write.delete_range(delete)),
        Step::Op(TxnOp::Txn(_)) => unreachable!("nested transactions were decided"),
    });
    TxnOutcome { succeeded: plan.succeeded, responses: responses.collect() }
}

/// Does everything on the path of a transaction that only reads.
pub(crate) fn read(plan: &Plan<'_>, index: &Index, rows: &dyn Rows) -> TxnOutcome {
    let responses = plan.steps.iter().map(|step| match step {
        Step::Nested(nested) => Outcome::Txn(read(nested, index, rows)),
        Step::Op(TxnOp::Range(range)) => {
            Outcome::Range(read_range(index, range, |revision| stored_value(rows, revision)))
        }
        Step::Op(op) => unreachable!("not a read: {op:?}"),
    });
    TxnOutcome { succeeded: plan.succeeded, responses: responses.collect() }
}

fn check_after<'a>(
    machine: &Machine,
    plan: &Plan<'a>,
    earlier: &mut Vec<&'a TxnOp>,
) -> Result<(), Rejection> {
    for step in &plan.steps {
        match step {
            Step::Nested(nested) => check_after(machine, nested, earlier)?,
            Step::Op(op) => {
                match op {
                    TxnOp::Range(range) => check_range(machine, range)?,
                    TxnOp::Put(put) => check_put(machine, put, earlier)?,
                    TxnOp::DeleteRange(_) | TxnOp::Txn(_) => {}
                }
                earlier.push(op);
            }
        }
    }
    Ok(())
}

/// Whether the revision can be read (G32). It is that of the store before the transaction which
/// counts, and, as in etcd, a revision below zero is not the current one but an early one.
fn check_range(machine: &Machine, range: &Range) -> Result<(), Rejection> {
    if range.revision == 0 {
        Ok(())
    } else if range.revision < machine.compact_revision() {
        Err(Rejection::Compacted)
    } else {
        machine.readable(range.revision).map(|_| ())
    }
}

fn check_put(machine: &Machine, put: &Put, earlier: &[&TxnOp]) -> Result<(), Rejection> {
    let keeps_something = put.ignore_value || put.ignore_lease;
    if keeps_something && !will_exist(machine, &put.key, earlier) {
        return Err(Rejection::KeyNotFound);
    }
    machine.check_lease(put.lease)
}

/// Whether `key` exists once the `earlier` operations are done.
fn will_exist(machine: &Machine, key: &[u8], earlier: &[&TxnOp]) -> bool {
    let touched = earlier.iter().rev().find_map(|op| match op {
        TxnOp::Put(put) => (put.key == key).then_some(true),
        TxnOp::DeleteRange(delete) => {
            Span::new(&delete.key, &delete.range_end).contains(key).then_some(false)
        }
        TxnOp::Range(_) | TxnOp::Txn(_) => None,
    });
    touched.unwrap_or_else(|| machine.index().latest(key).is_some())
}

/// Whether the comparison holds for every key of its range (G28, G29).
fn holds(compare: &Compare, index: &Index, rows: &dyn Rows) -> bool {
    let found = if compare.range_end.is_empty() {
        Vec::from_iter(index.latest(&compare.key))
    } else {
        let span = Span::new(&compare.key, &compare.range_end);
        live_keys(index, &span).into_iter().map(|(_, seen)| seen).collect()
    };
    if found.is_empty() {
        return holds_for(compare, None, rows);
    }
    found.iter().all(|seen| holds_for(compare, Some(seen), rows))
}

/// A missing key has zeros, but no value: a comparison of values never holds for it.
fn holds_for(compare: &Compare, seen: Option<&Seen>, rows: &dyn Rows) -> bool {
    let number = |field: fn(&Seen) -> i64| seen.map_or(0, field);
    let ordering = match &compare.target {
        CompareTarget::Version(version) => number(|seen| seen.version).cmp(version),
        CompareTarget::CreateRevision(revision) => {
            number(|seen| seen.create_revision).cmp(revision)
        }
        CompareTarget::ModRevision(revision) => number(|seen| seen.revision.main).cmp(revision),
        CompareTarget::Lease(lease) => {
            number(|seen| seen.lease.expect("the newest revision's lease is known")).cmp(lease)
        }
        CompareTarget::Value(value) => match seen {
            Some(seen) => stored_value(rows, seen.revision).value.cmp(value),
            None => return false,
        },
    };
    match compare.result {
        CompareResult::Equal => ordering == Ordering::Equal,
        CompareResult::Greater => ordering == Ordering::Greater,
        CompareResult::Less => ordering == Ordering::Less,
        CompareResult::NotEqual => ordering != Ordering::Equal,
    }
}
