//! A transaction that only reads may be answered without the log: it must see what `apply` would show.

use std::collections::BTreeMap;

use bytes::Bytes;
use detcd_machine::{
    Change, Command, Compare, CompareResult, CompareTarget, Machine, Outcome, Put, Range,
    Rejection, Requester, Revision, Row, Rows, Txn, TxnOp,
};

#[derive(Default)]
struct Stored(BTreeMap<Revision, Row>);

impl Rows for Stored {
    fn row(&self, revision: Revision) -> Option<Row> {
        self.0.get(&revision).cloned()
    }
}

fn put(machine: &mut Machine, rows: &mut Stored, key: &'static str, value: &'static str) {
    let put = Put { key: key.into(), value: value.into(), ..Put::default() };
    for change in machine.apply(&Requester::Anonymous, &Command::Put(put), rows).changes {
        if let Change::Put { revision, row } = change {
            rows.0.insert(revision, row);
        }
    }
}

fn two_keys() -> (Machine, Stored) {
    let (mut machine, mut rows) = (Machine::new(), Stored::default());
    put(&mut machine, &mut rows, "a", "1");
    put(&mut machine, &mut rows, "b", "2");
    (machine, rows)
}

fn read(key: &'static str, revision: i64) -> TxnOp {
    TxnOp::Range(Range {
        key: key.into(),
        range_end: Bytes::from_static(b"\0"),
        revision,
        ..Range::default()
    })
}

#[test]
fn read_only_txn_shows_what_apply_shows_and_changes_nothing() {
    let (mut machine, rows) = two_keys();
    let compare = Compare {
        key: "a".into(),
        range_end: Bytes::new(),
        result: CompareResult::Equal,
        target: CompareTarget::Value("1".into()),
    };
    let nested = Txn { success: vec![read("b", 0)], ..Txn::default() };
    let txn = Txn {
        compare: vec![compare],
        success: vec![read("a", 0), read("a", 2), TxnOp::Txn(nested)],
        failure: Vec::new(),
    };
    assert!(txn.is_read_only());
    let (revision, digest) = (machine.revision(), machine.digest());
    let shown = machine.read_txn(&txn, &rows).expect("nothing to refuse");
    assert!(shown.succeeded);
    assert_eq!((machine.revision(), machine.digest()), (revision, digest));
    let applied = machine.apply(&Requester::Anonymous, &Command::Txn(txn), &rows);
    assert_eq!(applied.outcome, Ok(Outcome::Txn(shown)));
}

#[test]
fn read_only_txn_refuses_a_future_revision() {
    let (machine, rows) = two_keys();
    let txn = Txn { success: vec![read("a", 4)], ..Txn::default() };
    assert_eq!(machine.read_txn(&txn, &rows), Err(Rejection::FutureRevision));
}
