//! What keeps a machine's rows in tests: everything goes through its stored bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{
    Applied, Change, Chunk, Command, KeyValue, Machine, MetaKey, Range, RangeOutcome, RangeReader,
    Rejection, Requester, Restorer, Revision, Row, RowHeader, Rows,
};

/// Rows and metadata as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Store {
    rows: BTreeMap<[u8; 16], Bytes>,
    meta: BTreeMap<Vec<u8>, Bytes>,
}

/// Rows, but only those that were named beforehand.
struct Named<'a> {
    store: &'a Store,
    names: BTreeSet<Revision>,
}

impl Rows for Named<'_> {
    fn row(&self, revision: Revision) -> Option<Row> {
        assert!(self.names.contains(&revision), "{revision:?} was not named as needed");
        self.store.row(revision)
    }
}

impl Store {
    pub(crate) fn keep(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put { revision, row } => {
                    let replaced = self.rows.insert(revision.to_bytes(), row.encode().into());
                    assert_eq!(replaced, None, "two rows at {revision:?}");
                }
                Change::Remove { revision } => {
                    let removed = self.rows.remove(&revision.to_bytes());
                    assert!(removed.is_some(), "no row to remove at {revision:?}");
                }
                Change::SetMeta { key, value } => {
                    self.meta.insert(key.encode(), value.clone());
                }
                Change::RemoveMeta { key } => {
                    let removed = self.meta.remove(&key.encode());
                    assert!(removed.is_some(), "no value to remove at {key:?}");
                }
            }
        }
    }

    pub(crate) fn row(&self, revision: Revision) -> Option<Row> {
        let bytes = self.rows.get(&revision.to_bytes())?;
        Some(Row::decode(bytes).expect("stored rows can be decoded"))
    }

    pub(crate) fn value(&self, revision: Revision) -> Arc<KeyValue> {
        match self.row(revision) {
            Some(Row::Value(kv)) => kv,
            other => panic!("no value at {revision:?}: {other:?}"),
        }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (Revision, Row)> {
        self.rows.iter().map(|(revision, bytes)| {
            (Revision::from_bytes(*revision), Row::decode(bytes).expect("as it was encoded"))
        })
    }

    /// Applies the command with the rows that the machine names, and keeps what it changes.
    #[allow(dead_code, reason = "scripts say who asks")]
    pub(crate) fn apply(&mut self, machine: &mut Machine, command: &Command) -> Applied {
        self.apply_by(machine, &Requester::Anonymous, command)
    }

    /// The same, for whoever asks.
    pub(crate) fn apply_by(
        &mut self,
        machine: &mut Machine,
        by: &Requester,
        command: &Command,
    ) -> Applied {
        let names = machine.rows_needed(command);
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        let rows = Named { store: self, names: names.into_iter().collect() };
        let applied = machine.apply(by, command, &rows);
        self.keep(&applied.changes);
        applied
    }

    /// The machine that was kept.
    pub(crate) fn restore(&self) -> Machine {
        let meta = self
            .meta
            .iter()
            .map(|(key, value)| (MetaKey::decode(key).expect("as it was encoded"), value.clone()));
        let mut restorer = Restorer::new(meta).expect("kept metadata can be restored");
        for (revision, bytes) in &self.rows {
            let header = RowHeader::decode(bytes).expect("as it was encoded");
            restorer.row(Revision::from_bytes(*revision), &header).expect("kept rows continue");
        }
        restorer.finish().expect("what was kept can be restored")
    }

    /// Does one step of a reader. Returns whether it is done.
    pub(crate) fn advance(
        &self,
        machine: &Machine,
        reader: &mut RangeReader,
        keys_max: usize,
    ) -> Result<bool, Rejection> {
        match reader.next(machine, keys_max)? {
            Chunk::Rows(revisions) => {
                assert!(revisions.len() <= keys_max, "{} rows of {keys_max}", revisions.len());
                reader.accept(revisions.into_iter().map(|at| self.value(at)).collect());
                Ok(false)
            }
            Chunk::Again => Ok(false),
            Chunk::Done => Ok(true),
        }
    }

    /// Reads a whole range in steps of `keys_max`.
    pub(crate) fn read(
        &self,
        machine: &Machine,
        range: &Range,
        keys_max: usize,
    ) -> Result<RangeOutcome, Rejection> {
        let mut reader = RangeReader::new(machine, range)?;
        while !self.advance(machine, &mut reader, keys_max)? {}
        Ok(reader.finish())
    }
}
