//! States on their way from one member to another.

use bytes::Bytes;
use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::storage::{Error, Mark, SnapshotError, SnapshotReader, Storage};

use super::model::{Model, Step, history, stage, steps_to};
use super::world::{Member, OPTIONS, open, open_beside, spawn_flush};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

async fn chunks(reader: &mut SnapshotReader<TokioRuntime>, bytes_max: usize) -> Vec<Bytes> {
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk(bytes_max).await.unwrap() {
        assert!(chunk.len() <= bytes_max);
        chunks.push(chunk);
    }
    chunks
}

async fn install(storage: &Storage<TokioRuntime>, chunks: Vec<Bytes>) -> Result<Mark, Error> {
    let mut writer = storage.install().await?;
    for chunk in chunks {
        writer.write(chunk).await?;
    }
    writer.finish().await
}

/// A member that has applied `steps`, all of them durable.
async fn member_with(disk: &TestDisk, steps: &[Step]) -> Member {
    let member = open(disk).await.unwrap();
    stage(&member.storage, steps);
    member.storage.flush().await.unwrap();
    member
}

/// The chunks of a snapshot after `steps`.
async fn snapshot_of(steps: &[Step], bytes_max: usize) -> Vec<Bytes> {
    let member = member_with(&TestDisk::new(), steps).await;
    let mut reader = member.storage.snapshot().await.unwrap();
    assert_eq!(reader.mark(), &steps.last().unwrap().mark);
    chunks(&mut reader, bytes_max).await
}

#[test]
fn an_installed_snapshot_equals_its_source() {
    run(async {
        let history = history(&mut Rng(30), 50);
        for bytes_max in [1, 100, 4_096, usize::MAX] {
            let steps = if bytes_max == 1 { &history[..3] } else { &history[..40] };
            let chunks = snapshot_of(steps, bytes_max).await;
            let disk = TestDisk::new();
            let member = member_with(&disk, &history[..2]).await;
            let mark = install(&member.storage, chunks).await.unwrap();
            let source = steps.last().unwrap();
            assert_eq!(mark, source.mark);
            assert_eq!(member.storage.durable().as_ref(), Some(&mark));
            assert_eq!(Model::of(&member.storage).await, source.after);
            // The next entries go on top, and a restart finds them.
            stage(&member.storage, &history[40..]);
            member.storage.flush().await.unwrap();
            member.storage.stop().await;
            assert_eq!(disk.names(), ["state.redb"]);
            let member = open(&disk).await.unwrap();
            assert_eq!(member.recovered.mark.as_ref(), Some(&history[49].mark));
            if steps.len() == 40 {
                assert_eq!(Model::of(&member.storage).await, history[49].after);
            }
        }
    });
}

#[test]
fn a_snapshot_does_not_change_while_staging_goes_on() {
    run(async {
        let history = history(&mut Rng(31), 60);
        let source = member_with(&TestDisk::new(), &history[..30]).await;
        // A snapshot covers what is staged and not yet durable.
        stage(&source.storage, &history[30..32]);
        let mut reader = source.storage.snapshot().await.unwrap();
        assert_eq!(reader.mark(), &history[31].mark);
        let mut chunks = Vec::new();
        let mut rest = history[32..].chunks(3);
        while let Some(chunk) = reader.next_chunk(2_000).await.unwrap() {
            chunks.push(chunk);
            if let Some(steps) = rest.next() {
                stage(&source.storage, steps);
                source.storage.flush().await.unwrap();
            }
        }
        let member = open(&TestDisk::new()).await.unwrap();
        assert_eq!(install(&member.storage, chunks).await.unwrap(), history[31].mark);
        assert_eq!(Model::of(&member.storage).await, history[31].after);
    });
}

#[test]
fn readers_of_the_old_state_finish_after_it_was_replaced() {
    run(async {
        let history = history(&mut Rng(32), 40);
        let member = member_with(&TestDisk::new(), &history[..20]).await;
        let mut old = member.storage.snapshot().await.unwrap();
        // Staged and never durable: the snapshot covers it.
        stage(&member.storage, &history[20..22]);
        let new = snapshot_of(&history, 5_000).await;
        install(&member.storage, new).await.unwrap();
        let revision = *history[21].after.rows.keys().next().unwrap();
        let expected = history[39].after.rows.get(&revision).cloned();
        assert_eq!(member.storage.read(revision).unwrap(), expected);
        let chunks = chunks(&mut old, 3_000).await;
        drop(old);
        let copy = open(&TestDisk::new()).await.unwrap();
        assert_eq!(install(&copy.storage, chunks).await.unwrap(), history[19].mark);
        assert_eq!(Model::of(&copy.storage).await, history[19].after);
        assert_eq!(Model::of(&member.storage).await, history[39].after);
    });
}

#[test]
fn a_flush_that_waits_is_satisfied_by_a_newer_snapshot() {
    run(async {
        let history = history(&mut Rng(33), 20);
        let new = snapshot_of(&history, 5_000).await;
        let disk = TestDisk::new();
        let member = open_beside(&disk, OPTIONS, None).await.unwrap();
        stage(&member.storage, &history[..10]);
        let flush = spawn_flush(&member.storage);
        tokio::task::yield_now().await;
        install(&member.storage, new).await.unwrap();
        assert_eq!(flush.await.unwrap().unwrap(), history[19].mark);
    });
}

#[test]
fn a_snapshot_older_than_the_state_is_refused() {
    run(async {
        let history = history(&mut Rng(34), 20);
        let old = snapshot_of(&history[..10], 5_000).await;
        let member = member_with(&TestDisk::new(), &history[..12]).await;
        let error = install(&member.storage, old).await.unwrap_err();
        assert!(matches!(error, Error::Snapshot(SnapshotError::Behind { .. })), "{error}");
        stage(&member.storage, &history[12..]);
        member.storage.flush().await.unwrap();
        assert_eq!(Model::of(&member.storage).await, history[19].after);
    });
}

#[test]
fn a_damaged_snapshot_is_refused_and_changes_nothing() {
    run(async {
        let history = history(&mut Rng(35), 25);
        let whole = snapshot_of(&history, usize::MAX).await.concat();
        let disk = TestDisk::new();
        let member = member_with(&disk, &history[..5]).await;
        let mut rng = Rng(35);
        for round in 0..60 {
            let mut bytes = whole.clone();
            match round % 3 {
                0 => bytes.truncate(rng.below(whole.len() as u64) as usize),
                1 => {
                    let at = rng.below(whole.len() as u64) as usize;
                    bytes[at] ^= 1 << rng.below(8);
                }
                _ => bytes.push(4),
            }
            let mut writer = member.storage.install().await.unwrap();
            let error = match writer.write(bytes.into()).await {
                Err(error) => {
                    writer.abort().await.unwrap();
                    error
                }
                Ok(()) => writer.finish().await.unwrap_err(),
            };
            assert!(matches!(error, Error::Snapshot(_)), "{error}");
        }
        assert_eq!(Model::of(&member.storage).await, history[4].after);
        stage(&member.storage, &history[5..]);
        member.storage.flush().await.unwrap();
        member.storage.stop().await;
        let member = open(&disk).await.unwrap();
        assert_eq!(disk.names(), ["state.redb"]);
        assert_eq!(Model::of(&member.storage).await, history[24].after);
    });
}

#[test]
fn an_abandoned_transfer_is_removed_when_the_next_begins() {
    run(async {
        let history = history(&mut Rng(37), 10);
        let chunks = snapshot_of(&history, 2_000).await;
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        let mut abandoned = member.storage.install().await.unwrap();
        abandoned.write(chunks[0].clone()).await.unwrap();
        let beside = member.storage.install().await.unwrap();
        assert_eq!(disk.names(), ["state.redb", "state.redb.new-1", "state.redb.new-2"]);
        drop(abandoned);
        let third = member.storage.install().await.unwrap();
        assert_eq!(disk.names(), ["state.redb", "state.redb.new-2", "state.redb.new-3"]);
        beside.abort().await.unwrap();
        drop(third);
        install(&member.storage, chunks).await.unwrap();
        assert_eq!(disk.names(), ["state.redb"]);
        assert_eq!(Model::of(&member.storage).await, history[9].after);
    });
}

#[test]
fn power_loss_at_any_step_of_an_installation_leaves_either_state_whole() {
    let history = history(&mut Rng(36), 40);
    let chunks = run(snapshot_of(&history, 8_000));
    let live = async |disk: &TestDisk, lose_power_at: Option<u64>| {
        let member = member_with(disk, &history[..15]).await;
        let before = disk.operations();
        if let Some(operation) = lose_power_at {
            disk.lose_power_at(before + operation);
        }
        let installed = install(&member.storage, chunks.clone()).await;
        let operations = disk.operations() - before;
        if installed.is_ok() {
            member.storage.stop().await;
        }
        (installed.is_ok(), operations)
    };
    let (installed, operations) = run(live(&TestDisk::new(), None));
    assert!(installed);
    let (mut old, mut new) = (0, 0);
    for operation in 0..operations {
        let disk = TestDisk::new();
        let (installed, _) = run(live(&disk, Some(operation)));
        let disk = disk.lose_power(&mut Rng(operation));
        run(async {
            let member = open(&disk).await.unwrap();
            let mark = member.recovered.mark.clone().unwrap();
            steps_to(&history, Some(&mark), &Model::of(&member.storage).await);
            assert_eq!(disk.names(), ["state.redb"]);
            if mark == history[39].mark {
                new += 1;
            } else {
                assert_eq!(mark, history[14].mark);
                assert!(!installed, "an installed state was lost");
                old += 1;
            }
        });
    }
    assert!(old > 10, "{old}");
    assert!(new > 3, "{new}");
}
