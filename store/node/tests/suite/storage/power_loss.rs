//! What is found after the power was lost at any operation of the disk.

use detcd_node::storage::Mark;

use super::model::{Model, Step, history, history_with_compaction, stage, steps_to};
use super::world::{OPTIONS, open, open_beside, spawn_flush};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

/// What a life of a member is known to have reached.
#[derive(Debug, Default)]
struct Reached {
    /// The highest mark that a flush has acknowledged.
    acknowledged: Option<Mark>,
    /// The highest durable end of the log that was announced.
    log_index: u64,
}

/// Stages the steps, with flushes in between, until the end or the first error.
async fn live(disk: &TestDisk, steps: &[Step], rng: &mut Rng) -> Reached {
    let mut reached = Reached::default();
    let Ok(member) = open_beside(disk, OPTIONS, None).await else { return reached };
    for chunk in steps.chunks(5) {
        stage(&member.storage, chunk);
        reached.log_index = chunk.last().unwrap().mark.position.index;
        // Sometimes in two steps, so that a part of what is staged is committed alone.
        if rng.below(2) == 0 {
            member.log.reach(reached.log_index - 3);
        }
        let flush = spawn_flush(&member.storage);
        tokio::task::yield_now().await;
        member.log.reach(reached.log_index);
        match flush.await.unwrap() {
            Ok(mark) => {
                assert_eq!(mark.position.index, reached.log_index);
                reached.acknowledged = Some(mark);
            }
            Err(_) => return reached,
        }
    }
    member.storage.stop().await;
    reached
}

/// The state after a restart is one that was staged, whole, and not older than what was acknowledged.
async fn check(disk: &TestDisk, history: &[Step], reached: &Reached) {
    let member = open(disk).await.unwrap();
    let mark = member.recovered.mark.clone();
    let steps = steps_to(history, mark.as_ref(), &Model::of(&member.storage).await);
    let index = mark.as_ref().map(|mark| mark.position.index);
    assert!(index <= Some(reached.log_index), "{index:?} is beyond {}", reached.log_index);
    let acknowledged = reached.acknowledged.as_ref().map(|mark| mark.position.index);
    assert!(index >= acknowledged, "{index:?} is before {acknowledged:?}");
    assert_eq!(disk.names(), ["state.redb"]);
    // And life goes on from there.
    stage(&member.storage, &history[steps..]);
    if steps < history.len() {
        member.storage.flush().await.unwrap();
    }
    assert_eq!(Model::of(&member.storage).await, history.last().unwrap().after);
    member.storage.stop().await;
}

#[test]
fn power_loss_at_any_operation_leaves_a_staged_state_whole() {
    let seed = 1;
    let history = history_with_compaction(&mut Rng(seed), 40);
    let disk = TestDisk::new();
    run(live(&disk, &history, &mut Rng(seed)));
    let operations = disk.operations();
    assert!(operations > 200, "{operations} operations are too few to prove anything");
    let mut seen = std::collections::BTreeSet::new();
    for operation in 0..operations {
        let disk = TestDisk::new();
        disk.lose_power_at(operation);
        let mut rng = Rng(seed);
        let reached = run(live(&disk, &history, &mut rng));
        let disk = disk.lose_power(&mut Rng(operation));
        run(check(&disk, &history, &reached));
        seen.insert(reached.acknowledged.map(|mark| mark.position.index));
    }
    assert!(seen.len() > 5, "power was lost at {} different states only", seen.len());
}

#[test]
fn a_commit_never_covers_more_than_the_log() {
    run(async {
        let history = history(&mut Rng(2), 12);
        let disk = TestDisk::new();
        let member = open_beside(&disk, OPTIONS, None).await.unwrap();
        stage(&member.storage, &history);
        let flush = spawn_flush(&member.storage);
        let middle = &history[6].mark;
        member.log.reach(middle.position.index);
        while member.storage.durable().as_ref() != Some(middle) {
            assert_eq!(member.storage.durable(), None);
            tokio::task::yield_now().await;
        }
        assert!(!flush.is_finished());
        assert_eq!(Model::of(&member.storage).await, history[6].after);
        // Another life sees nothing beyond the log either.
        let disk = disk.lose_power(&mut Rng(2));
        let member = open(&disk).await.unwrap();
        assert_eq!(member.recovered.mark.as_ref(), Some(middle));
        assert_eq!(Model::of(&member.storage).await, history[6].after);
        flush.abort();
    });
}

#[test]
fn stopping_writes_what_the_log_covers_and_no_more() {
    run(async {
        let history = history(&mut Rng(3), 12);
        let disk = TestDisk::new();
        let member =
            open_beside(&disk, OPTIONS, Some(history[4].mark.position.index)).await.unwrap();
        assert!(member.recovered.created);
        stage(&member.storage, &history);
        member.storage.stop().await;
        let member = open(&disk).await.unwrap();
        assert!(!member.recovered.created);
        assert_eq!(member.recovered.mark.as_ref(), Some(&history[4].mark));
        assert_eq!(Model::of(&member.storage).await, history[4].after);
    });
}

#[test]
fn a_commit_does_not_cover_the_first_entry_before_the_log_does() {
    // It has index 0: a log that holds nothing is not one that holds it.
    run(async {
        let mark = Mark::default();
        assert_eq!(mark.position.index, 0);
        let member = open_beside(&TestDisk::new(), OPTIONS, None).await.unwrap();
        member.storage.stage(mark.clone(), Vec::new());
        let flush = spawn_flush(&member.storage);
        for _ in 0..100 {
            tokio::task::yield_now().await;
            assert_eq!(member.storage.durable(), None);
        }
        member.log.reach(0);
        assert_eq!(flush.await.unwrap().unwrap(), mark);
    });
}
