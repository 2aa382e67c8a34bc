//! Space that is given back while everybody goes on (G73).

use std::pin::pin;

use detcd_machine::{Change, Revision};
use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::storage::{Error, Storage};

use super::model::{Model, Step, history_with_compaction, large_history, stage, steps_to};
use super::world::{Member, open};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

/// A member that has applied `steps`, all of them durable.
async fn member_with(disk: &TestDisk, steps: &[Step]) -> Member {
    let member = open(disk).await.unwrap();
    stage(&member.storage, steps);
    member.storage.flush().await.unwrap();
    member
}

/// Removes all rows but the newest few, durably.
async fn remove_most(storage: &Storage<TokioRuntime>, model: &mut Model) {
    let keep = model.rows.len() / 20;
    let old: Vec<Revision> = model.rows.keys().rev().skip(keep).copied().collect();
    let changes = old.iter().map(|revision| Change::Remove { revision: *revision });
    storage.stage(storage.durable().unwrap(), changes.collect());
    storage.flush().await.unwrap();
    old.iter().for_each(|revision| drop(model.rows.remove(revision)));
}

/// Defragments while the rest of a history is staged and flushed, a step at a time; how many steps went
/// in meanwhile.
async fn defragment_beside(
    storage: &Storage<TokioRuntime>,
    steps: &[Step],
) -> (Result<(), Error>, usize) {
    let mut defragmenting = pin!(storage.defragment());
    for (number, step) in steps.iter().enumerate() {
        stage(storage, std::slice::from_ref(step));
        tokio::select! {
            biased;
            done = &mut defragmenting => return (done, number + 1),
            flushed = storage.flush() => {
                if flushed.is_err() {
                    return (defragmenting.await, number + 1);
                }
            }
        }
    }
    (defragmenting.await, steps.len())
}

#[test]
fn unused_space_is_given_back() {
    run(async {
        let history = large_history(&mut Rng(50), 800);
        let disk = TestDisk::new();
        let member = member_with(&disk, &history).await;
        let mut model = history[799].after.clone();
        remove_most(&member.storage, &mut model).await;
        let (before, used) = member.storage.size();
        member.storage.defragment().await.unwrap();
        let (after, still_used) = member.storage.size();
        assert_eq!(still_used, used);
        assert!(after * 5 < before, "{before} bytes became {after}");
        // The engine makes no file of less than a megabyte.
        assert!(after < 2 * used + 1_100_000, "{after} bytes for {used}");
        assert_eq!(disk.bytes("state.redb").len() as u64, after);
        assert_eq!(disk.names(), ["state.redb"]);
        assert_eq!(Model::of(&member.storage).await, model);
        // What had been received stays known, and so does all else.
        member.storage.stop().await;
        let member = open(&disk).await.unwrap();
        assert_eq!(member.recovered.mark.as_ref(), Some(&history[799].mark));
        assert_eq!(Model::of(&member.storage).await, model);
    });
}

#[test]
fn nothing_to_defragment_is_no_error() {
    run(async {
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        member.storage.defragment().await.unwrap();
        assert_eq!(disk.names(), ["state.redb"]);
        member.storage.stop().await;
        assert!(matches!(member.storage.defragment().await, Err(Error::Stopped)));
    });
}

#[test]
fn what_is_written_and_removed_meanwhile_is_in_the_copy() {
    run(async {
        for seed in 0..6 {
            let mut history = large_history(&mut Rng(seed), 500);
            super::model::compact(&mut history, &mut Rng(seed), 300);
            let begun = history.len() - 200;
            let disk = TestDisk::new();
            let member = member_with(&disk, &history[..begun]).await;
            let (result, staged) = defragment_beside(&member.storage, &history[begun..]).await;
            result.unwrap();
            assert!(staged > 3, "only {staged} steps went in meanwhile");
            stage(&member.storage, &history[begun + staged..]);
            member.storage.flush().await.unwrap();
            let last = history.last().unwrap();
            assert_eq!(Model::of(&member.storage).await, last.after);
            for (revision, row) in &last.after.rows {
                assert_eq!(member.storage.read(*revision).unwrap().as_ref(), Some(row));
            }
            member.storage.stop().await;
            let member = open(&disk).await.unwrap();
            assert_eq!(member.recovered.mark.as_ref(), Some(&last.mark));
            assert_eq!(Model::of(&member.storage).await, last.after);
        }
    });
}

#[test]
fn several_at_once_and_readers_of_the_old_file_do_no_harm() {
    run(async {
        let history = history_with_compaction(&mut Rng(52), 40);
        let disk = TestDisk::new();
        let member = member_with(&disk, &history[..30]).await;
        let mut pinned = member.storage.pinned().await.unwrap();
        let all = tokio::join!(
            member.storage.defragment(),
            member.storage.defragment(),
            member.storage.defragment(),
        );
        assert!(matches!(all, (Ok(()), Ok(()), Ok(()))), "{all:?}");
        let rows = pinned.rows(None, usize::MAX, usize::MAX).await.unwrap();
        assert!(rows.into_iter().eq(history[29].after.rows.clone()));
        stage(&member.storage, &history[30..]);
        member.storage.flush().await.unwrap();
        assert_eq!(Model::of(&member.storage).await, history.last().unwrap().after);
    });
}

#[test]
fn a_snapshot_that_arrives_meanwhile_wins() {
    run(async {
        let history = large_history(&mut Rng(53), 400);
        let source = member_with(&TestDisk::new(), &history).await;
        for waits in 0..12 {
            let disk = TestDisk::new();
            let member = member_with(&disk, &history[..300]).await;
            let install = async {
                let mut reader = source.storage.snapshot().await.unwrap();
                let mut writer = member.storage.install().await.unwrap();
                while let Some(chunk) = reader.next_chunk(200_000).await.unwrap() {
                    writer.write(chunk).await.unwrap();
                }
                writer.finish().await
            };
            let defragment = async {
                for _ in 0..waits {
                    member
                        .storage
                        .scan(Revision::default(), Revision { main: 9, sub: 0 }, 1, 1)
                        .await
                        .unwrap();
                }
                member.storage.defragment().await
            };
            let (installed, defragmented) = tokio::join!(install, defragment);
            assert_eq!(installed.unwrap(), history[399].mark);
            defragmented.unwrap();
            assert_eq!(Model::of(&member.storage).await, history[399].after);
            member.storage.stop().await;
            let member = open(&disk).await.unwrap();
            assert_eq!(Model::of(&member.storage).await, history[399].after);
            assert_eq!(disk.names(), ["state.redb"]);
        }
    });
}

#[test]
fn power_loss_at_any_step_leaves_a_staged_state_whole() {
    let history = history_with_compaction(&mut Rng(54), 40);
    let begun = history.len() - 12;
    let live = async |disk: &TestDisk, lose_power_at: Option<u64>| {
        let member = member_with(disk, &history[..begun]).await;
        let before = disk.operations();
        if let Some(operation) = lose_power_at {
            disk.lose_power_at(before + operation);
        }
        let (result, _) = defragment_beside(&member.storage, &history[begun..]).await;
        let acknowledged = member.storage.durable().unwrap();
        let operations = disk.operations() - before;
        if result.is_ok() {
            member.storage.stop().await;
        }
        (acknowledged, operations)
    };
    let (_, operations) = run(live(&TestDisk::new(), None));
    assert!(operations > 50, "{operations}");
    for operation in 0..operations {
        let disk = TestDisk::new();
        let (acknowledged, _) = run(live(&disk, Some(operation)));
        let disk = disk.lose_power(&mut Rng(operation));
        run(async {
            let member = open(&disk).await.unwrap();
            let mark = member.recovered.mark.clone().unwrap();
            assert!(mark.position >= acknowledged.position, "{mark:?} is before what was durable");
            let steps = steps_to(&history, Some(&mark), &Model::of(&member.storage).await);
            assert_eq!(disk.names(), ["state.redb"]);
            // And life goes on, also with another attempt.
            stage(&member.storage, &history[steps..]);
            member.storage.defragment().await.unwrap();
            member.storage.flush().await.unwrap_or_default();
            assert_eq!(Model::of(&member.storage).await, history.last().unwrap().after);
        });
    }
}

#[test]
fn a_disk_without_room_keeps_the_old_file_and_can_be_tried_again() {
    let history = large_history(&mut Rng(55), 300);
    let mut refused = 0;
    for room in (0..16_000_000).step_by(800_000) {
        let disk = TestDisk::new();
        run(async {
            let member = member_with(&disk, &history).await;
            disk.leave_room(Some(room));
            match member.storage.defragment().await {
                Ok(()) => {}
                Err(Error::Full { file }) => {
                    assert!(file.starts_with("state.redb.new-"), "{file}");
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
            assert_eq!(disk.names(), ["state.redb"]);
            assert_eq!(Model::of(&member.storage).await, history[299].after);
            disk.leave_room(None);
            let mark = member.storage.flush().await.unwrap();
            assert_eq!(mark, history[299].mark);
            member.storage.defragment().await.unwrap();
            assert_eq!(Model::of(&member.storage).await, history[299].after);
            member.storage.stop().await;
        });
        let member = run(open(&disk)).unwrap();
        assert_eq!(member.recovered.mark.as_ref(), Some(&history[299].mark));
        assert_eq!(member.recovered.removed, [""; 0]);
    }
    assert!((3..20).contains(&refused), "{refused} of 20 were refused");
}

#[test]
fn a_disk_that_fails_ends_the_member_with_its_state_whole() {
    let history = history_with_compaction(&mut Rng(56), 30);
    let mut failed = 0;
    for sync in 0..12 {
        let disk = TestDisk::new();
        run(async {
            let member = member_with(&disk, &history).await;
            disk.fail_sync_at(disk.syncs() + sync);
            if member.storage.defragment().await.is_err() {
                failed += 1;
                assert!(matches!(member.storage.flush().await, Err(Error::Failed(_))));
            }
        });
        let disk = disk.lose_power(&mut Rng(sync));
        run(async {
            let member = open(&disk).await.unwrap();
            assert_eq!(Model::of(&member.storage).await, history.last().unwrap().after);
            assert_eq!(disk.names(), ["state.redb"]);
        });
    }
    assert!(failed > 3, "{failed}");
}

#[test]
fn a_cancelled_attempt_leaves_nothing_that_matters() {
    run(async {
        let history = large_history(&mut Rng(57), 300);
        let disk = TestDisk::new();
        let member = member_with(&disk, &history).await;
        for polls in 0..8 {
            {
                let mut attempt = pin!(member.storage.defragment());
                for _ in 0..polls {
                    let flushed = member.storage.flush();
                    tokio::select! { biased; _ = &mut attempt => {} _ = flushed => {} }
                }
            }
            assert_eq!(Model::of(&member.storage).await, history[299].after);
        }
        member.storage.defragment().await.unwrap();
        assert_eq!(disk.names(), ["state.redb"]);
    });
}
