//! What is read while changes are staged, being written, and durable.

use std::collections::BTreeMap;

use detcd_machine::{Change, Revision, Row};
use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::storage::{Options, Storage};
use openraft_rt::AsyncRuntime;

use super::model::{Model, Step, history, stage};
use super::world::{OPTIONS, open, open_beside, spawn_flush};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

const END: Revision = Revision { main: i64::MAX, sub: 0 };

/// Every revision that was ever used.
fn revisions(history: &[Step]) -> Vec<Revision> {
    let changes = history.iter().flat_map(|step| &step.changes);
    let puts = changes.filter_map(|change| match change {
        Change::Put { revision, .. } => Some(*revision),
        Change::Remove { .. } | Change::SetMeta { .. } | Change::RemoveMeta { .. } => None,
    });
    puts.collect()
}

/// Scans everything in pages of `rows_max`.
async fn scan_all(
    storage: &Storage<TokioRuntime>,
    rows_max: usize,
    bytes_max: usize,
) -> BTreeMap<Revision, Row> {
    let mut found = BTreeMap::new();
    let mut from = Revision::default();
    loop {
        let page = storage.scan(from, END, rows_max, bytes_max).await.unwrap();
        let Some((last, _)) = page.last() else { return found };
        assert!(page.len() <= rows_max);
        assert!(page.is_sorted_by_key(|(revision, _)| *revision));
        from = Revision { main: last.main, sub: last.sub + 1 };
        found.extend(page);
    }
}

/// Every way to read agrees with the model.
async fn check(storage: &Storage<TokioRuntime>, history: &[Step], model: &Model) {
    let revisions = revisions(history);
    assert_eq!(storage.fetch(revisions.clone()).await.unwrap(), model.rows);
    for (rows_max, bytes_max) in [(1, usize::MAX), (7, usize::MAX), (usize::MAX, 2_000)] {
        assert_eq!(scan_all(storage, rows_max, bytes_max).await, model.rows);
    }
    for revision in revisions {
        let expected = model.rows.get(&revision).cloned();
        assert_eq!(storage.read(revision).unwrap(), expected);
        if let Some(row) = storage.cached(revision) {
            assert_eq!(Some(row), expected);
        }
    }
}

#[test]
fn every_way_to_read_merges_staged_and_durable_rows() {
    run(async {
        let history = history(&mut Rng(10), 60);
        let member = open(&TestDisk::new()).await.unwrap();
        for (number, step) in history.iter().enumerate() {
            stage(&member.storage, std::slice::from_ref(step));
            if number % 10 == 4 {
                member.storage.flush().await.unwrap();
            }
            if number % 4 == 0 {
                check(&member.storage, &history[..=number], &step.after).await;
            }
        }
    });
}

#[test]
fn rows_being_written_stay_readable_and_staging_goes_on() {
    run(async {
        let history = history(&mut Rng(11), 40);
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        stage(&member.storage, &history[..10]);
        member.storage.flush().await.unwrap();
        disk.hold_syncs();
        stage(&member.storage, &history[10..20]);
        let flush = spawn_flush(&member.storage);
        let operations = disk.operations();
        while disk.operations() < operations + 2 {
            assert!(!flush.is_finished());
            tokio::task::yield_now().await;
        }
        for number in 20..40 {
            stage(&member.storage, &history[number..=number]);
            check(&member.storage, &history[..=number], &history[number].after).await;
        }
        assert!(!flush.is_finished());
        assert_eq!(member.storage.durable().as_ref(), Some(&history[9].mark));
        disk.release_syncs();
        assert_eq!(flush.await.unwrap().unwrap(), history[19].mark);
        assert_eq!(Model::of(&member.storage).await, history[19].after);
        check(&member.storage, &history, &history[39].after).await;
    });
}

#[test]
fn rows_in_memory_are_read_without_the_disk() {
    run(async {
        let history = history(&mut Rng(12), 10);
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        stage(&member.storage, &history);
        let operations = disk.operations();
        for (revision, row) in &history[9].after.rows {
            assert_eq!(member.storage.cached(*revision).as_ref(), Some(row));
        }
        let revisions = revisions(&history);
        assert_eq!(member.storage.fetch(revisions).await.unwrap(), history[9].after.rows);
        assert_eq!(disk.operations(), operations);
    });
}

#[test]
fn a_row_read_once_is_cached() {
    run(async {
        let history = history(&mut Rng(13), 10);
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        stage(&member.storage, &history);
        member.storage.flush().await.unwrap();
        member.storage.stop().await;
        let member = open(&disk).await.unwrap();
        let (revision, row) = history[9].after.rows.first_key_value().unwrap();
        assert_eq!(member.storage.cached(*revision), None);
        assert_eq!(member.storage.read(*revision).unwrap().as_ref(), Some(row));
        assert_eq!(member.storage.cached(*revision).as_ref(), Some(row));
    });
}

#[test]
fn room_waits_until_enough_is_durable() {
    run(async {
        let history = history(&mut Rng(14), 40);
        let disk = TestDisk::new();
        let options = Options { pending_bytes_max: 10_000, ..OPTIONS };
        let member = open_beside(&disk, options, None).await.unwrap();
        member.storage.room().await;
        stage(&member.storage, &history);
        let room = TokioRuntime::spawn({
            let storage = member.storage.clone();
            async move { storage.room().await }
        });
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(!room.is_finished());
        // Nobody asks for a flush: being full is reason enough.
        member.log.reach(u64::MAX);
        room.await.unwrap();
        assert_eq!(member.storage.durable().as_ref(), Some(&history[39].mark));
    });
}

#[test]
fn staged_changes_become_durable_by_number_alone() {
    run(async {
        let history = history(&mut Rng(15), 20);
        let options = Options { flush_changes_max: 10, ..OPTIONS };
        let member = open_beside(&TestDisk::new(), options, Some(u64::MAX)).await.unwrap();
        stage(&member.storage, &history);
        while member.storage.durable().as_ref() != Some(&history[19].mark) {
            tokio::task::yield_now().await;
        }
        let (total, in_use) = member.storage.size();
        assert!(in_use > 1_000, "{in_use}");
        assert!(total > in_use, "{total}");
    });
}
