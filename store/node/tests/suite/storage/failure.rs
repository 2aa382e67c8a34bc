//! Broken disks, and files that are not ours.

use std::sync::Arc;

use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::storage::{Error, Identity, Storage};
use openraft_rt::{AsyncRuntime, Watch};

use super::model::{Model, history, stage};
use super::world::{IDENTITY, OPTIONS, open, open_beside};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

#[test]
fn a_failed_sync_is_fatal_and_not_retried() {
    run(async {
        let history = history(&mut Rng(20), 20);
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        stage(&member.storage, &history[..10]);
        member.storage.flush().await.unwrap();
        disk.fail_sync_at(disk.syncs());
        stage(&member.storage, &history[10..]);
        assert!(matches!(member.storage.flush().await, Err(Error::Failed(_))));
        let Error::Failed(reason) = member.storage.failed().await else { panic!() };
        assert!(reason.contains("state.redb"), "{reason}");
        assert!(reason.contains("the disk is broken"), "{reason}");
        let syncs = disk.syncs();
        assert!(matches!(member.storage.flush().await, Err(Error::Failed(_))));
        assert!(matches!(member.storage.fetch(vec![]).await, Err(Error::Failed(_))));
        assert!(matches!(member.storage.snapshot().await, Err(Error::Failed(_))));
        assert!(matches!(member.storage.install().await, Err(Error::Failed(_))));
        member.storage.room().await;
        member.storage.stop().await;
        assert_eq!(disk.syncs(), syncs);
        assert_eq!(member.storage.durable().as_ref(), Some(&history[9].mark));
        let disk = disk.lose_power(&mut Rng(20));
        let member = open(&disk).await.unwrap();
        assert_eq!(member.recovered.mark.as_ref(), Some(&history[9].mark));
        assert_eq!(Model::of(&member.storage).await, history[9].after);
    });
}

#[test]
fn a_log_that_goes_away_fails_a_waiting_flush() {
    run(async {
        let history = history(&mut Rng(21), 3);
        let member = open_beside(&TestDisk::new(), OPTIONS, None).await.unwrap();
        stage(&member.storage, &history);
        drop(member.log);
        assert!(matches!(member.storage.flush().await, Err(Error::Failed(_))));
    });
}

#[test]
fn an_empty_state_has_nothing_to_flush() {
    run(async {
        let member = open(&TestDisk::new()).await.unwrap();
        assert!(matches!(member.storage.flush().await, Err(Error::Empty)));
        assert!(matches!(member.storage.snapshot().await, Err(Error::Empty)));
        member.storage.stop().await;
        assert!(matches!(member.storage.flush().await, Err(Error::Stopped)));
        member.storage.stop().await;
    });
}

/// Opens as somebody, for the error.
async fn open_as(disk: &TestDisk, identity: Identity) -> Error {
    let (_log, log_durable) = <TokioRuntime as AsyncRuntime>::Watch::channel(None);
    let disk = Arc::new(disk.clone());
    match Storage::<TokioRuntime>::open(disk, identity, OPTIONS, log_durable).await {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

#[test]
fn the_state_of_another_member_or_cluster_is_refused_and_left_alone() {
    run(async {
        let history = history(&mut Rng(22), 5);
        let disk = TestDisk::new();
        let member = open(&disk).await.unwrap();
        stage(&member.storage, &history);
        member.storage.flush().await.unwrap();
        member.storage.stop().await;
        let error = open_as(&disk, Identity { member_id: 9, ..IDENTITY }).await;
        assert_eq!(error.to_string(), "state.redb: belongs to member 11, this is member 9");
        let error = open_as(&disk, Identity { cluster_id: 9, ..IDENTITY }).await;
        assert_eq!(error.to_string(), "state.redb: belongs to cluster c1, not to cluster 9");
        let member = open(&disk).await.unwrap();
        assert_eq!(Model::of(&member.storage).await, history[4].after);
    });
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    for bytes in [&b""[..], b"hello", &[0; 4096], &[7; 9000]] {
        let disk = TestDisk::new();
        disk.put("state.redb", bytes);
        let error = run(open_as(&disk, IDENTITY));
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert!(error.to_string().starts_with("state.redb: "), "{error}");
        assert_eq!(disk.bytes("state.redb"), bytes);
    }
}

#[test]
fn only_unfinished_states_of_ours_are_removed() {
    run(async {
        let disk = TestDisk::new();
        for name in ["state.redb.new-3", "state.redb.new-", "state.redb.new-x", "other"] {
            disk.put(name, b"bytes");
        }
        let member = open(&disk).await.unwrap();
        assert_eq!(member.recovered.removed, ["state.redb.new-3"]);
        assert_eq!(disk.names(), ["other", "state.redb", "state.redb.new-", "state.redb.new-x"]);
    });
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let history = history(&mut Rng(23), 40);
    let disk = TestDisk::new();
    run(async {
        let member = open(&disk).await.unwrap();
        stage(&member.storage, &history);
        member.storage.flush().await.unwrap();
        member.storage.stop().await;
    });
    let bytes = disk.bytes("state.redb");
    let mut noticed = 0;
    let mut rng = Rng(23);
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        damaged[rng.below(bytes.len() as u64) as usize] ^= 1 << rng.below(8);
        let disk = TestDisk::new();
        disk.put("state.redb", &damaged);
        run(async {
            let Ok(member) = open(&disk).await else {
                noticed += 1;
                return;
            };
            match member.storage.replay(Model::default()).await {
                Ok(model) => assert_eq!(model, history[39].after),
                Err(_) => noticed += 1,
            }
            // Closing would write, and may find the damage in the engine's own tables by an abort.
            std::mem::forget(member.storage);
        });
    }
    assert!(noticed > 0);
}
