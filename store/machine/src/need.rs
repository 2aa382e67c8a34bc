//! Which rows a command will ask for.

use crate::command::{
    Command, Compare, CompareTarget, DeleteRange, Put, Range, SortTarget, Txn, TxnOp,
};
use crate::machine::Machine;
use crate::reader::{Chunk, RangeReader, is_cut_before_sorting};
use crate::row::Revision;
use crate::span::Span;
use crate::write::live_keys;

impl Machine {
    /// The rows that [`apply`](Self::apply) may ask for when it is called with `command` in this
    /// state, in order and without repetitions. Both branches of a transaction count, so it may be
    /// more than are asked for, never fewer. The answer holds until the next command is applied.
    #[must_use]
    pub fn rows_needed(&self, command: &Command) -> Vec<Revision> {
        let mut rows = match command {
            Command::Put(put) => self.rows_of_put(put),
            Command::DeleteRange(delete) => self.rows_of_delete(delete),
            Command::Txn(txn) => {
                let mut rows = Vec::new();
                self.rows_of_txn(txn, self.keys_touched(txn), &mut rows);
                rows
            }
            // A revocation deletes keys without looking at their values.
            Command::Lease(_) => Vec::new(),
            Command::Compact(_)
            | Command::SetMember(_)
            | Command::Auth(_)
            | Command::Alarm(_)
            | Command::Cluster(_) => Vec::new(),
        };
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    fn rows_of_put(&self, put: &Put) -> Vec<Revision> {
        let needs_value = put.prev_kv || put.ignore_value;
        let current = self.index().latest(&put.key).filter(|_| needs_value);
        current.map(|seen| seen.revision).into_iter().collect()
    }

    fn rows_of_delete(&self, delete: &DeleteRange) -> Vec<Revision> {
        if !delete.prev_kv {
            return Vec::new();
        }
        self.rows_within(&Span::new(&delete.key, &delete.range_end))
    }

    fn rows_of_compare(&self, compare: &Compare) -> Vec<Revision> {
        match compare.target {
            CompareTarget::Value(_) => {
                self.rows_within(&Span::new(&compare.key, &compare.range_end))
            }
            CompareTarget::Version(_)
            | CompareTarget::CreateRevision(_)
            | CompareTarget::ModRevision(_)
            | CompareTarget::Lease(_) => Vec::new(),
        }
    }

    fn rows_within(&self, span: &Span) -> Vec<Revision> {
        live_keys(self.index(), span).into_iter().map(|(_, seen)| seen.revision).collect()
    }

    fn rows_of_txn(&self, txn: &Txn, touched: i64, rows: &mut Vec<Revision>) {
        for compare in &txn.compare {
            rows.extend(self.rows_of_compare(compare));
        }
        for op in txn.success.iter().chain(&txn.failure) {
            match op {
                TxnOp::Range(range) => rows.extend(self.rows_of_range(range, touched)),
                TxnOp::Put(put) => rows.extend(self.rows_of_put(put)),
                TxnOp::DeleteRange(delete) => rows.extend(self.rows_of_delete(delete)),
                TxnOp::Txn(nested) => self.rows_of_txn(nested, touched, rows),
            }
        }
    }

    /// The rows of a range before which up to `touched` keys may be put or deleted. Each of those
    /// can make room for at most one key behind the limit, whatever the order and the filters.
    fn rows_of_range(&self, range: &Range, touched: i64) -> Vec<Revision> {
        let mut range = range.clone();
        // Of an older revision only its row tells the lease, and the transaction may make it older.
        range.keys_only &= range.revision <= 0;
        if range.limit > 0 {
            range.limit = range.limit.saturating_add(touched);
            if is_cut_before_sorting(&range) {
                // A key put before may sort behind any of the first keys: all of them are named.
                range.limit = range.limit.saturating_add(1);
                range.keys_only &= range.sort_target != SortTarget::Value;
                range.sort_target = SortTarget::Key;
            }
        }
        let Ok(mut reader) = RangeReader::new(self, &range) else { return Vec::new() };
        match reader.step(self.index(), usize::MAX) {
            Chunk::Rows(revisions) => revisions,
            Chunk::Again | Chunk::Done => Vec::new(),
        }
    }

    /// How many keys that live now the transaction may put or delete, and how many it may create.
    fn keys_touched(&self, txn: &Txn) -> i64 {
        let touched = |op: &TxnOp| match op {
            TxnOp::Range(_) => 0,
            TxnOp::Put(_) => 1,
            TxnOp::DeleteRange(delete) => {
                let span = Span::new(&delete.key, &delete.range_end);
                i64::try_from(self.index().count(&span)).expect("a count fits")
            }
            TxnOp::Txn(nested) => self.keys_touched(nested),
        };
        txn.success.iter().chain(&txn.failure).map(touched).sum()
    }
}
