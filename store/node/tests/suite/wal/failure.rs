//! A disk that fails is believed the first time.

use detcd_node::wal::{Error, Options};

use super::model::Model;
use super::world::{Answers, HeldSyncs, OPTIONS, append, at, entry, open, open_with, text};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

#[test]
fn a_sync_that_fails_ends_the_log_for_everybody() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        append(&log, vec![entry(1, 0, 10)]).await.unwrap();
        disk.fail_sync_at(disk.syncs());
        let held = HeldSyncs::of(&disk);
        let answers = Answers::default();
        log.append(vec![entry(1, 1, 10)], answers.expect(1));
        tokio::task::yield_now().await;
        log.append(vec![entry(1, 2, 10)], answers.expect(2));
        drop(held);
        assert!(matches!(log.save_vote(text("me")).await, Err(Error::Failed { .. })));
        let answered = answers.so_far();
        assert_eq!(answered.len(), 2);
        for answer in answered {
            assert!(answer.unwrap_err().contains("the disk is broken"));
        }

        let operations = disk.operations();
        assert!(append(&log, vec![entry(1, 3, 10)]).await.is_err());
        assert!(matches!(log.truncate_after(Some(at(1, 0))).await, Err(Error::Failed { .. })));
        assert!(matches!(log.purge(at(1, 0)).await, Err(Error::Failed { .. })));
        assert!(matches!(log.install(at(2, 9)).await, Err(Error::Failed { .. })));
        assert!(matches!(log.read(0..1, 0).await, Err(Error::Failed { .. })));
        log.room().await;
        log.stop().await;
        assert_eq!(log.durable(), Some(0));
        assert_eq!(disk.operations(), operations, "the disk was tried again");
    });
}

#[test]
fn what_a_failed_sync_left_readable_is_made_durable_before_it_is_reported() {
    run(async {
        let disk = TestDisk::new();
        let options = Options { segment_bytes_max: 1 << 16, batch_bytes_max: 1 << 16, ..OPTIONS };
        let (log, _) = open_with(&disk, options).await.unwrap();
        append(&log, vec![entry(1, 0, 10)]).await.unwrap();
        disk.fail_sync_at(disk.syncs());
        append(&log, vec![entry(1, 1, 700), entry(1, 2, 700)]).await.unwrap_err();

        // The process starts again, the machine does not: all pages read well and none is dirty.
        let (log, recovered) = open(&disk).await.unwrap();
        let reported = Model::of(&log, &recovered).await;
        assert_eq!(recovered.last, Some(at(1, 2)));
        for seed in 0..20 {
            let disk = disk.lose_power(&mut Rng(seed));
            let (log, recovered) = open(&disk).await.unwrap();
            assert_eq!(Model::of(&log, &recovered).await, reported);
        }
    });
}

#[test]
fn a_stopped_log_takes_nothing_and_has_written_everything() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        let answers = Answers::default();
        log.append(vec![entry(1, 0, 10)], answers.expect(0));
        log.save_committed(Some(at(1, 0)));
        log.stop().await;
        assert_eq!(answers.so_far(), [Ok(0)]);
        assert!(matches!(log.save_vote(text("me")).await, Err(Error::Stopped)));
        log.append(vec![entry(1, 1, 10)], answers.expect(1));
        assert_eq!(answers.so_far()[1], Err("the write-ahead log is stopped".to_owned()));
        log.stop().await;

        let (_, recovered) = open(&disk).await.unwrap();
        assert_eq!((recovered.last, recovered.committed), (Some(at(1, 0)), Some(at(1, 0))));
    });
}
