//! Restoring from what was kept, and from what cannot have been kept.

mod support;

use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{
    Change, Command, Compare, CompareResult, CompareTarget, KeyValue, Machine, MetaKey, Outcome,
    Put, RestoreError, Restorer, Revision, Row, RowHeader, Txn,
};

use self::support::Store;

fn at(main: i64) -> Revision {
    Revision { main, sub: 0 }
}

fn meta(revision: i64) -> Vec<(MetaKey, Bytes)> {
    vec![(MetaKey::Revision, Bytes::copy_from_slice(&revision.to_le_bytes()))]
}

fn value(mod_revision: i64, create_revision: i64, version: i64) -> Row {
    Row::Value(Arc::new(KeyValue {
        key: "k".into(),
        value: "v".into(),
        create_revision,
        mod_revision,
        version,
        lease: 0,
    }))
}

fn tombstone() -> Row {
    Row::Tombstone { key: "k".into() }
}

/// Restores a store at revision 9 with these rows.
fn restore(rows: &[(Revision, Row)]) -> Result<Machine, RestoreError> {
    let mut restorer = Restorer::new(meta(9))?;
    for (revision, row) in rows {
        restorer.row(*revision, &RowHeader::of(row))?;
    }
    restorer.finish()
}

#[test]
fn nothing_kept_is_an_empty_store() {
    let machine = Restorer::new([]).unwrap().finish().unwrap();
    assert_eq!((machine.revision(), machine.compact_revision()), (1, -1));
    assert_eq!(machine.digest(), Machine::new().digest());
}

#[test]
fn what_compaction_leaves_of_a_history_is_taken() {
    assert!(restore(&[(at(4), value(4, 2, 3)), (at(5), value(5, 2, 4))]).is_ok());
    assert!(restore(&[(at(4), tombstone()), (at(5), value(5, 5, 1))]).is_ok());
    assert!(restore(&[(at(4), value(4, 2, 3)), (at(5), tombstone())]).is_ok());
}

#[test]
fn rows_that_do_not_continue_a_history_are_refused() {
    let broken: &[&[(Revision, Row)]] = &[
        &[(at(4), value(3, 2, 2))],
        &[(at(4), value(4, 3, 1))],
        &[(at(4), value(4, 5, 2))],
        &[(at(4), value(4, 4, 0))],
        &[(at(4), value(4, 2, i64::MAX))],
        &[(at(4), value(4, 4, 1)), (at(5), value(5, 4, 3))],
        &[(at(4), value(4, 4, 1)), (at(5), value(5, 5, 1))],
        &[(at(4), tombstone()), (at(5), tombstone())],
        &[(at(4), tombstone()), (at(5), value(5, 2, 3))],
        &[(at(4), Row::Tombstone { key: Bytes::new() })],
    ];
    for rows in broken {
        let result = restore(rows).map(|machine| machine.revision());
        assert!(matches!(result, Err(RestoreError::History { .. })), "{rows:?}: {result:?}");
    }
}

#[test]
fn rows_out_of_order_or_ahead_of_the_revision_are_refused() {
    let error = |rows: &[(Revision, Row)]| restore(rows).map(|machine| machine.revision());
    let twice = [(at(4), value(4, 4, 1)), (at(4), value(4, 4, 2))];
    assert_eq!(error(&twice), Err(RestoreError::Order { previous: at(4), row: at(4) }));
    let early = [(at(1), value(1, 1, 1))];
    assert!(matches!(error(&early), Err(RestoreError::Order { .. })));
    let ahead = [(at(10), value(10, 10, 1))];
    assert_eq!(error(&ahead), Err(RestoreError::Ahead { row: at(10), revision: 9 }));
}

#[test]
fn metadata_that_contradicts_itself_is_refused() {
    let number = |value: i64| Bytes::copy_from_slice(&value.to_le_bytes());
    let broken: &[&[(MetaKey, Bytes)]] = &[
        &[(MetaKey::Revision, number(0))],
        &[(MetaKey::Revision, number(i64::MAX))],
        &[(MetaKey::Revision, number(5)), (MetaKey::Compacted, number(6))],
        &[(MetaKey::Compacted, number(-2))],
        &[(MetaKey::Revision, number(5)), (MetaKey::CompactionDone, number(3))],
    ];
    for meta in broken {
        let result = Restorer::new(meta.iter().cloned()).map(|_| ());
        assert!(matches!(result, Err(RestoreError::Number { .. })), "{meta:?}: {result:?}");
    }
    let cut = Restorer::new([(MetaKey::Digest, Bytes::from_static(b"short"))]).map(|_| ());
    assert!(matches!(cut, Err(RestoreError::Meta { key: MetaKey::Digest, .. })), "{cut:?}");
}

/// A store in which `k` has lease 7.
fn leased() -> (Machine, Store) {
    let mut store = Store::default();
    let kv = KeyValue {
        key: "k".into(),
        value: "v".into(),
        create_revision: 2,
        mod_revision: 2,
        version: 1,
        lease: 7,
    };
    let (key, value) = meta(2).remove(0);
    store.keep(&[
        Change::Put { revision: at(2), row: Row::Value(Arc::new(kv)) },
        Change::SetMeta { key, value },
        Change::SetMeta { key: MetaKey::Lease(7), value: Bytes::from_static(&[1; 16]) },
    ]);
    (store.restore(), store)
}

fn lease_of_k(machine: &Machine, store: &Store) -> i64 {
    let range = detcd_machine::Range { key: "k".into(), keys_only: true, ..Default::default() };
    store.read(machine, &range, 1).expect("a readable range").kvs[0].lease
}

#[test]
fn put_detaches_the_lease_unless_it_ignores_it() {
    let (mut machine, mut store) = leased();
    assert_eq!(lease_of_k(&machine, &store), 7);
    let keeping = Put { key: "k".into(), ignore_lease: true, ..Put::default() };
    store.apply(&mut machine, &Command::Put(keeping)).outcome.unwrap();
    assert_eq!(lease_of_k(&machine, &store), 7);
    let keeping_value = Put { key: "k".into(), ignore_value: true, ..Put::default() };
    store.apply(&mut machine, &Command::Put(keeping_value)).outcome.unwrap();
    assert_eq!(lease_of_k(&machine, &store), 0);
    let kept: Vec<_> =
        store.rows().map(|(_, row)| RowHeader::of(&row).value.map(|value| value.lease)).collect();
    assert_eq!(kept, [Some(7), Some(7), Some(0)]);
}

#[test]
fn comparison_sees_the_attached_lease() {
    let (mut machine, mut store) = leased();
    let txn = Txn {
        compare: vec![Compare {
            key: "k".into(),
            range_end: Bytes::new(),
            result: CompareResult::Equal,
            target: CompareTarget::Lease(7),
        }],
        ..Txn::default()
    };
    match store.apply(&mut machine, &Command::Txn(txn)).outcome {
        Ok(Outcome::Txn(txn)) => assert!(txn.succeeded),
        other => panic!("{other:?}"),
    }
}

#[test]
fn key_with_a_lease_that_was_not_kept_is_refused() {
    let row = Row::Value(Arc::new(KeyValue {
        key: "k".into(),
        create_revision: 4,
        mod_revision: 4,
        version: 1,
        lease: 7,
        ..KeyValue::default()
    }));
    let result = restore(&[(at(4), row.clone())]).map(|machine| machine.revision());
    assert_eq!(result, Err(RestoreError::Lease { key: "k".into(), lease: 7 }));
    assert!(restore(&[(at(4), row), (at(5), tombstone())]).is_ok(), "a deleted key has none");
    let cut = Restorer::new([(MetaKey::Lease(7), Bytes::from_static(b"short"))]).map(|_| ());
    assert!(matches!(cut, Err(RestoreError::Meta { key: MetaKey::Lease(7), .. })), "{cut:?}");
}
