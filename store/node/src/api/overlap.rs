//! Whether a transaction would change one key twice (G31).
//!
//! Both branches are looked at whatever the comparisons will say. The two branches of one nested
//! transaction exclude each other and may name the same keys. Deletions may overlap each other, and one
//! without an end counts as empty: etcd takes its end, a single zero byte, for a key here, so that
//! "delete all from here on, then put this" is allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{DeleteRangeRequest, RequestOp};

/// Refuses a list of operations that puts a key twice, or puts and deletes it.
pub(super) fn check(ops: &[RequestOp]) -> Result<(), Error> {
    changes(ops).map(|_| ())
}

/// The keys that a list of operations may put, and those that it may delete.
#[derive(Default)]
struct Changes {
    puts: BTreeSet<Bytes>,
    deletes: Ranges,
}

impl Changes {
    fn put(&mut self, key: &Bytes) -> Result<(), Error> {
        let fresh = !self.deletes.contains(key) && self.puts.insert(key.clone());
        if fresh { Ok(()) } else { Err(Error::DuplicateKey) }
    }
}

/// As etcd does it: deletions of this level first, then nested transactions one after the other, each
/// against what came before it, then puts of this level against everything.
fn changes(ops: &[RequestOp]) -> Result<Changes, Error> {
    let mut all = Changes::default();
    for op in ops {
        if let Some(Op::RequestDeleteRange(request)) = &op.request {
            all.deletes.insert(request);
        }
    }
    for op in ops {
        if let Some(Op::RequestTxn(request)) = &op.request {
            let success = changes(&request.success)?;
            let failure = changes(&request.failure)?;
            for key in success.puts.union(&failure.puts) {
                all.put(key)?;
            }
            all.deletes.extend(success.deletes);
            all.deletes.extend(failure.deletes);
        }
    }
    for op in ops {
        if let Some(Op::RequestPut(request)) = &op.request {
            all.put(&request.key)?;
        }
    }
    Ok(all)
}

/// Disjoint ranges of keys, by their start, with their ends. Kept merged, so that a large transaction
/// costs no more than its length times a logarithm.
#[derive(Default)]
struct Ranges(BTreeMap<Bytes, Bytes>);

impl Ranges {
    fn insert(&mut self, request: &DeleteRangeRequest) {
        let end = match request.range_end.as_ref() {
            // The smallest key after `key`.
            [] => [request.key.as_ref(), &[0]].concat().into(),
            _ => request.range_end.clone(),
        };
        self.add(request.key.clone(), end);
    }

    fn extend(&mut self, other: Self) {
        for (start, end) in other.0 {
            self.add(start, end);
        }
    }

    fn add(&mut self, mut start: Bytes, mut end: Bytes) {
        if end <= start {
            return;
        }
        if let Some((before, before_end)) = self.last_from(&start)
            && *before_end >= start
        {
            end = end.max(before_end.clone());
            start = before.clone();
        }
        while let Some((next, next_end)) =
            self.0.range::<Bytes, _>((Bound::Excluded(&start), Bound::Unbounded)).next()
            && end >= *next
        {
            let next = next.clone();
            end = end.max(next_end.clone());
            self.0.remove(&next);
        }
        self.0.insert(start, end);
    }

    fn contains(&self, key: &Bytes) -> bool {
        self.last_from(key).is_some_and(|(_, end)| key < end)
    }

    /// The last range that starts at or before `key`.
    fn last_from(&self, key: &Bytes) -> Option<(&Bytes, &Bytes)> {
        self.0.range::<Bytes, _>((Bound::Unbounded, Bound::Included(key))).next_back()
    }
}

#[cfg(test)]
mod tests {
    use detcd_api::etcdserverpb::{PutRequest, TxnRequest};
    use proptest::prelude::*;

    use super::*;

    fn b(text: &str) -> Bytes {
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn put(key: &str) -> RequestOp {
        let request = PutRequest { key: b(key), ..Default::default() };
        RequestOp { request: Some(Op::RequestPut(request)) }
    }

    fn delete(key: &str, range_end: &str) -> RequestOp {
        let request =
            DeleteRangeRequest { key: b(key), range_end: b(range_end), ..Default::default() };
        RequestOp { request: Some(Op::RequestDeleteRange(request)) }
    }

    fn txn(success: &[RequestOp], failure: &[RequestOp]) -> RequestOp {
        let request = TxnRequest {
            compare: Vec::new(),
            success: success.to_vec(),
            failure: failure.to_vec(),
        };
        RequestOp { request: Some(Op::RequestTxn(request)) }
    }

    #[test]
    fn a_key_put_twice_is_refused_at_any_depth() {
        for ops in [
            vec![put("k"), put("k")],
            vec![put("k"), txn(&[put("k")], &[])],
            vec![put("k"), txn(&[], &[put("k")])],
            vec![txn(&[put("k")], &[]), txn(&[], &[put("k")])],
        ] {
            assert_eq!(check(&ops), Err(Error::DuplicateKey), "{ops:?}");
        }
    }

    #[test]
    fn a_put_inside_a_deletion_is_refused_in_any_order() {
        for range in [delete("k", ""), delete("a", "z"), delete("k", "k\0")] {
            for ops in [
                vec![put("k"), range.clone()],
                vec![range.clone(), put("k")],
                vec![range.clone(), txn(&[put("k")], &[])],
                vec![txn(&[], std::slice::from_ref(&range)), put("k")],
            ] {
                assert_eq!(check(&ops), Err(Error::DuplicateKey), "{ops:?}");
            }
        }
    }

    #[test]
    fn what_does_not_meet_is_allowed() {
        for ops in [
            vec![txn(&[put("k")], &[put("k")])],
            vec![txn(&[put("k")], &[delete("k", "")])],
            vec![delete("a", "c"), delete("b", "d"), delete("b", "")],
            vec![delete("a", "k"), put("k")],
            vec![delete("z", "a"), put("b")],
            vec![delete("a", "\0"), put("b")],
            vec![delete("k", ""), put("k\0")],
            // The deletion of a later nested transaction is not held against an earlier put: so etcd.
            vec![txn(&[put("k")], &[]), txn(&[delete("k", "")], &[])],
        ] {
            assert_eq!(check(&ops), Ok(()), "{ops:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn merged_ranges_contain_what_their_parts_contain(
            parts in prop::collection::vec(("[a-f]{1,2}", "([a-f]{0,2}|\0)"), 0..8),
            key in "[a-f]{1,3}",
        ) {
            let mut ranges = Ranges::default();
            let mut expected = false;
            for (start, end) in &parts {
                ranges.insert(&DeleteRangeRequest {
                    key: b(start),
                    range_end: b(end),
                    ..Default::default()
                });
                expected |= match end.as_str() {
                    "" => key == *start,
                    _ => key >= *start && key < *end,
                };
            }
            prop_assert_eq!(ranges.contains(&b(&key)), expected);
            let disjoint = ranges.0.iter().zip(ranges.0.keys().skip(1));
            for ((_, end), next) in disjoint {
                prop_assert!(end < next);
            }
        }
    }
}
