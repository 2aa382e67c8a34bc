//! Requests, drawn at random within what clients know.

use jepsen_like::history::{
    Blob, CompactRequest, Compare, CompareResult, CompareTarget, DeleteRangeRequest, KeyValue,
    OpId, PutRequest, RangeRequest, Request, RequestOp, SortOrder, SortTarget, TxnRequest,
};

use super::Knowledge;
use crate::dice::Dice;
use crate::plan::Mix;

/// Deep enough to find mistakes in nesting.
const TXN_DEPTH_MAX: usize = 2;

/// Makes one request.
pub(super) struct Generator<'a> {
    pub(super) dice: Dice,
    /// The operation that the request will be: values are made of it, so that each is written once.
    pub(super) op: OpId,
    pub(super) keys: usize,
    pub(super) knowledge: &'a Knowledge,
    values: u64,
}

impl<'a> Generator<'a> {
    pub(super) fn new(dice: Dice, op: OpId, keys: usize, knowledge: &'a Knowledge) -> Self {
        Self { dice, op, keys, knowledge, values: 0 }
    }

    /// A request as likely as the mix says.
    pub(super) fn request(mut self, mix: &Mix) -> Request {
        let weights = mix.weights().map(|(_, weight)| weight);
        match mix.weights()[self.dice.weighted(&weights)].0 {
            "put" => Request::Put(self.put()),
            "delete" => Request::DeleteRange(self.delete_range()),
            "txn" => Request::Txn(self.txn(TXN_DEPTH_MAX)),
            "cas" => Request::Txn(self.compare_and_swap()),
            "compact" => Request::Compact(self.compact()),
            _ => Request::Range(self.range()),
        }
    }

    fn key(&mut self) -> Blob {
        key(self.dice.index(self.keys))
    }

    /// First key and end of a range: one key, a few keys, a prefix, or all from a key on.
    fn span(&mut self) -> (Blob, Blob) {
        let first = self.dice.index(self.keys);
        let end = match self.dice.weighted(&[50, 25, 15, 10]) {
            0 => Blob::default(),
            1 => {
                let more = self.dice.index(self.keys);
                key(first + 1 + more)
            }
            2 => return (Blob::from("k"), Blob::from("l")),
            _ => Blob::from(vec![0]),
        };
        (key(first), end)
    }

    fn value(&mut self) -> Blob {
        self.values += 1;
        let value = match self.values {
            1 => format!("{}", self.op),
            several => format!("{}.{several}", self.op),
        };
        Blob::from(value.as_str())
    }

    fn put(&mut self) -> PutRequest {
        let key = self.key();
        let ignore_value = self.dice.percent(2);
        let value = if ignore_value { Blob::default() } else { self.value() };
        let prev_kv = self.dice.percent(30);
        PutRequest { key, value, prev_kv, ignore_value, ..PutRequest::default() }
    }

    fn delete_range(&mut self) -> DeleteRangeRequest {
        let (key, range_end) =
            if self.dice.percent(70) { (self.key(), Blob::default()) } else { self.span() };
        DeleteRangeRequest { key, range_end, prev_kv: self.dice.percent(40) }
    }

    fn range(&mut self) -> RangeRequest {
        let (key, range_end) = self.span();
        let mut range = RangeRequest {
            key,
            range_end,
            serializable: self.dice.percent(25),
            ..RangeRequest::default()
        };
        if self.dice.percent(25) {
            range.revision = self.revision();
        }
        // Most reads are plain, or comparisons of whole answers would be rare.
        if self.dice.percent(40) {
            self.add_options(&mut range);
        }
        range
    }

    fn add_options(&mut self, range: &mut RangeRequest) {
        if self.dice.percent(40) {
            range.limit = self.number(1, 4);
        }
        if self.dice.percent(40) {
            range.sort_order =
                *self.dice.pick(&[SortOrder::None, SortOrder::Ascend, SortOrder::Descend]);
            range.sort_target = *self.dice.pick(&[
                SortTarget::Key,
                SortTarget::Version,
                SortTarget::Create,
                SortTarget::Mod,
                SortTarget::Value,
            ]);
        }
        range.keys_only = self.dice.percent(20);
        range.count_only = self.dice.percent(15);
        if self.dice.percent(25) {
            let bound = self.revision();
            match self.dice.below(4) {
                0 => range.min_mod_revision = bound,
                1 => range.max_mod_revision = bound,
                2 => range.min_create_revision = bound,
                _ => range.max_create_revision = bound,
            }
        }
    }

    /// Some revision: mostly a recent one that can be read, sometimes one that cannot.
    fn revision(&mut self) -> i64 {
        let newest = self.knowledge.revision.max(1);
        let compacted = self.knowledge.compacted;
        match self.dice.weighted(&[70, 20, 5, 5]) {
            0 => (newest - self.number(0, 30)).max(1),
            1 => compacted.max(1) + self.number(0, u64::try_from(newest - compacted).unwrap_or(0)),
            2 => newest + self.number(1, 50),
            _ => (compacted - 1).max(1),
        }
    }

    fn number(&mut self, least: u64, most: u64) -> i64 {
        i64::try_from(self.dice.between(least..=most)).expect("small numbers are asked for")
    }

    fn compact(&mut self) -> CompactRequest {
        let newest = self.knowledge.revision;
        let revision = match self.dice.weighted(&[80, 10, 10]) {
            0 => newest - self.number(0, 60),
            1 => self.knowledge.compacted - 1,
            _ => newest,
        };
        CompactRequest { revision: revision.max(1), physical: self.dice.percent(30) }
    }

    /// Writes a key only if it is as it was last seen.
    fn compare_and_swap(&mut self) -> TxnRequest {
        let key = self.key();
        let known = self.knowledge.keys.get(&key).cloned();
        let compare = vec![Compare {
            key: key.clone(),
            range_end: Blob::default(),
            result: CompareResult::Equal,
            target: CompareTarget::Mod(known.map_or(0, |kv| kv.mod_revision)),
        }];
        let value = self.value();
        let success =
            vec![RequestOp::Put(PutRequest { key: key.clone(), value, ..PutRequest::default() })];
        let failure = vec![RequestOp::Range(RangeRequest { key, ..RangeRequest::default() })];
        TxnRequest { compare, success, failure }
    }

    fn txn(&mut self, depth: usize) -> TxnRequest {
        let comparisons = self.dice.weighted(&[25, 45, 30]);
        let compare = (0..comparisons).map(|_| self.compare()).collect();
        // Both branches may write the same keys, one branch may not.
        let success = self.branch(depth);
        let failure = self.branch(depth);
        TxnRequest { compare, success, failure }
    }

    fn branch(&mut self, depth: usize) -> Vec<RequestOp> {
        let count = self.dice.weighted(&[15, 30, 30, 25]);
        let mut free: Vec<usize> = (0..self.keys).collect();
        // Sometimes the rule is broken, and the store has to notice.
        let reckless = self.dice.percent(4);
        (0..count).filter_map(|_| self.branch_op(depth, &mut free, reckless)).collect()
    }

    fn branch_op(
        &mut self,
        depth: usize,
        free: &mut Vec<usize>,
        reckless: bool,
    ) -> Option<RequestOp> {
        let nested = if depth > 0 { 12 } else { 0 };
        Some(match self.dice.weighted(&[45, 20, 23, nested]) {
            0 => {
                let mut put = self.put();
                if !reckless {
                    put.key = self.take(free)?;
                }
                RequestOp::Put(put)
            }
            1 if reckless => RequestOp::DeleteRange(self.delete_range()),
            1 => RequestOp::DeleteRange(DeleteRangeRequest {
                key: self.take(free)?,
                range_end: Blob::default(),
                prev_kv: self.dice.percent(40),
            }),
            2 => {
                let mut range = self.range();
                range.serializable = false;
                RequestOp::Range(range)
            }
            _ => {
                // What is nested may not write what this branch writes: it gets half of what is left.
                let mut theirs = free.split_off(free.len() / 2);
                let (comparisons, count) = (self.dice.index(2), self.dice.weighted(&[20, 50, 30]));
                let compare = (0..comparisons).map(|_| self.compare()).collect();
                let mut failure_free = theirs.clone();
                let success = (0..count)
                    .filter_map(|_| self.branch_op(depth - 1, &mut theirs, reckless))
                    .collect();
                let failure = (0..count)
                    .filter_map(|_| self.branch_op(depth - 1, &mut failure_free, reckless))
                    .collect();
                RequestOp::Txn(TxnRequest { compare, success, failure })
            }
        })
    }

    fn take(&mut self, free: &mut Vec<usize>) -> Option<Blob> {
        if free.is_empty() {
            return None;
        }
        let place = self.dice.index(free.len());
        Some(key(free.swap_remove(place)))
    }

    fn compare(&mut self) -> Compare {
        let key = self.key();
        let known = self.knowledge.keys.get(&key).cloned().unwrap_or_default();
        let range_end = if self.dice.percent(20) { Blob::from("l") } else { Blob::default() };
        let result = *self.dice.pick(&[
            CompareResult::Equal,
            CompareResult::Equal,
            CompareResult::Greater,
            CompareResult::Less,
            CompareResult::NotEqual,
        ]);
        Compare { key, range_end, result, target: self.target(&known) }
    }

    fn target(&mut self, known: &KeyValue) -> CompareTarget {
        match self.dice.below(5) {
            0 => CompareTarget::Version(known.version),
            1 => CompareTarget::Create(known.create_revision),
            2 => CompareTarget::Mod(known.mod_revision),
            3 => CompareTarget::Value(known.value.clone()),
            _ => CompareTarget::Lease(0),
        }
    }
}

/// The key of a number; they sort by their numbers.
pub(super) fn key(number: usize) -> Blob {
    Blob::from(format!("k{number:04}").as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sim::{Stream, Streams};

    use super::*;

    fn requests(mix: &Mix, count: u64) -> Vec<Request> {
        let knowledge = Knowledge { revision: 500, compacted: 300, ..Knowledge::default() };
        (1..=count)
            .map(|op| {
                let source = Streams::new(1).source(Stream::Workload, &format!("op {op}"));
                Generator::new(Dice::new(source), op, 8, &knowledge).request(mix)
            })
            .collect()
    }

    fn values(ops: &[RequestOp], out: &mut Vec<Blob>) {
        for op in ops {
            match op {
                RequestOp::Put(put) if !put.ignore_value => out.push(put.value.clone()),
                RequestOp::Txn(txn) => {
                    values(&txn.success, out);
                    values(&txn.failure, out);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_kind_of_a_mix_comes_and_no_other() {
        let kinds: BTreeSet<u8> = requests(&Mix::MIXED, 2_000)
            .iter()
            .map(|request| match request {
                Request::Range(_) => 0,
                Request::Put(_) => 1,
                Request::DeleteRange(_) => 2,
                Request::Txn(_) => 3,
                Request::Compact(_) => 4,
                Request::Lease(_) | Request::Lock(_) => 5,
            })
            .collect();
        assert_eq!(kinds.len(), 5);
        let compactions = requests(&Mix::READS, 2_000);
        assert!(!compactions.iter().any(|request| matches!(request, Request::Compact(_))));
    }

    #[test]
    fn no_value_is_written_twice() {
        let mut written = Vec::new();
        for request in requests(&Mix::MIXED, 2_000) {
            match request {
                Request::Put(put) if !put.ignore_value => written.push(put.value),
                Request::Txn(txn) => {
                    values(&txn.success, &mut written);
                    values(&txn.failure, &mut written);
                }
                _ => {}
            }
        }
        let different: BTreeSet<&Blob> = written.iter().collect();
        assert_eq!(different.len(), written.len());
    }
}
