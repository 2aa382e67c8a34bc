//! How an answer differs from the one that the model gives, in words.

use std::fmt::{Debug, Display};

use crate::history::{
    DeleteRangeResponse, KeyValue, PutResponse, RangeResponse, Response, ResponseOp, TxnResponse,
};

/// Most key-values spelled out in a message.
const SHOWN_MAX: usize = 4;

/// The first difference between the answer that is right and the one that was given; `None` if
/// equal.
///
/// Member and term are not compared. Answers inside a transaction may carry in their header the
/// revision from before it, the one after it, or none: etcd itself does all three.
pub fn difference(right: &Response, given: &Response) -> Option<String> {
    let (a, b) = (right.header().revision, given.header().revision);
    if a != b {
        return Some(unequal("header revision", &a, &b));
    }
    match (right, given) {
        (Response::Range(right), Response::Range(given)) => range(right, given),
        (Response::Put(right), Response::Put(given)) => put(right, given),
        (Response::DeleteRange(right), Response::DeleteRange(given)) => delete(right, given),
        (Response::Txn(right), Response::Txn(given)) => txn(right, given, a),
        (Response::Compact(_), Response::Compact(_))
        | (Response::Lease(_), Response::Lease(_))
        | (Response::Lock(_), Response::Lock(_)) => None,
        _ => Some("the answer is of another kind than the request".to_owned()),
    }
}

fn unequal(what: &str, right: &impl Display, given: &impl Display) -> String {
    format!("{what} should be {right}, is {given}")
}

fn check<T: PartialEq + Display>(what: &str, right: &T, given: &T) -> Option<String> {
    (right != given).then(|| unequal(what, right, given))
}

fn range(right: &RangeResponse, given: &RangeResponse) -> Option<String> {
    pairs("kvs", &right.kvs, &given.kvs)
        .or_else(|| check("count", &right.count, &given.count))
        .or_else(|| check("more", &right.more, &given.more))
}

fn put(right: &PutResponse, given: &PutResponse) -> Option<String> {
    pairs("prev_kv", right.prev_kv.as_slice(), given.prev_kv.as_slice())
}

fn delete(right: &DeleteRangeResponse, given: &DeleteRangeResponse) -> Option<String> {
    check("deleted", &right.deleted, &given.deleted)
        .or_else(|| pairs("prev_kvs", &right.prev_kvs, &given.prev_kvs))
}

fn txn(right: &TxnResponse, given: &TxnResponse, revision: i64) -> Option<String> {
    if let Some(text) = check("succeeded", &right.succeeded, &given.succeeded) {
        return Some(text);
    }
    let (a, b) = (right.responses.len(), given.responses.len());
    if let Some(text) = check("number of answers", &a, &b) {
        return Some(text);
    }
    let mut both = right.responses.iter().zip(&given.responses).enumerate();
    both.find_map(|(number, (right, given))| {
        let text = inner(right, given, revision)?;
        Some(format!("answer {} of the transaction: {text}", number + 1))
    })
}

fn inner(right: &ResponseOp, given: &ResponseOp, revision: i64) -> Option<String> {
    let (header, text) = match (right, given) {
        (ResponseOp::Range(right), ResponseOp::Range(given)) => (given.header, range(right, given)),
        (ResponseOp::Put(right), ResponseOp::Put(given)) => (given.header, put(right, given)),
        (ResponseOp::DeleteRange(right), ResponseOp::DeleteRange(given)) => {
            (given.header, delete(right, given))
        }
        (ResponseOp::Txn(right), ResponseOp::Txn(given)) => {
            (given.header, txn(right, given, revision))
        }
        _ => return Some("it is of another kind than its request".to_owned()),
    };
    let legal = [0, revision - 1, revision];
    let header = (!legal.contains(&header.revision))
        .then(|| unequal("header revision", &revision, &header.revision));
    text.or(header)
}

fn pairs(what: &str, right: &[KeyValue], given: &[KeyValue]) -> Option<String> {
    if right == given {
        return None;
    }
    let first = right.iter().zip(given).position(|(a, b)| a != b);
    let from = first.unwrap_or_else(|| right.len().min(given.len()));
    Some(unequal(what, &Shown { kvs: right, from }, &Shown { kvs: given, from }))
}

/// Key-values from the first difference on.
struct Shown<'r> {
    kvs: &'r [KeyValue],
    from: usize,
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rest = self.kvs.get(self.from..).unwrap_or(&[]);
        let mut list = f.debug_list();
        if self.from > 0 {
            list.entry(&format_args!("{} equal", self.from));
        }
        for kv in rest.iter().take(SHOWN_MAX) {
            list.entry(&Plain(kv));
        }
        if rest.len() > SHOWN_MAX {
            list.entry(&format_args!("{} more", rest.len() - SHOWN_MAX));
        }
        list.finish()
    }
}

struct Plain<'r>(&'r KeyValue);

impl Debug for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self.0, f)
    }
}
