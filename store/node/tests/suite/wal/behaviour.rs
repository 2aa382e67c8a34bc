//! What callers may rely on, one statement each.

use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::wal::{Error, Options, Refusal};
use openraft_rt::{AsyncRuntime, WatchReceiver};

use super::world::{
    Answers, HeldSyncs, OPTIONS, append, at, entry, open, open_with, read_all, segments, text,
};
use crate::disk::TestDisk;
use crate::task::run;

fn refusal<T>(outcome: Result<T, Error>) -> Refusal {
    match outcome {
        Err(Error::Refused(refusal)) => refusal,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn what_gathers_during_one_sync_is_written_with_the_next() {
    run(async {
        let disk = TestDisk::new();
        let options = Options { segment_bytes_max: 1 << 20, batch_bytes_max: 1 << 20, ..OPTIONS };
        let (log, _) = open_with(&disk, options).await.unwrap();
        let held = HeldSyncs::of(&disk);
        let syncs = disk.syncs();
        let answers = Answers::default();
        log.append(vec![entry(1, 0, 10)], answers.expect(0));
        tokio::task::yield_now().await;
        for index in 1..100 {
            log.append(vec![entry(1, index, 10)], answers.expect(index));
        }
        assert_eq!(read_all(&log).await.len(), 100, "readers see what is not durable yet");
        assert_eq!((log.last(), log.durable()), (Some(at(1, 99)), None));
        assert_eq!(answers.so_far(), []);
        drop(held);
        log.save_vote(text("me")).await.unwrap();
        assert!(answers.so_far().into_iter().eq((0..100).map(Ok)));
        assert_eq!(disk.syncs() - syncs, 2);
        assert_eq!(log.durable(), Some(99));
    });
}

#[test]
fn a_commit_mark_costs_no_sync_of_its_own() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        append(&log, vec![entry(1, 0, 10), entry(1, 1, 10)]).await.unwrap();
        let operations = disk.operations();
        log.save_committed(Some(at(1, 0)));
        log.save_committed(Some(at(1, 1)));
        log.save_committed(None);
        log.save_committed(Some(at(1, 0)));
        tokio::task::yield_now().await;
        assert_eq!(disk.operations(), operations);
        append(&log, vec![entry(1, 2, 10)]).await.unwrap();
        assert_eq!(open(&disk).await.unwrap().1.committed, Some(at(1, 1)));
    });
}

#[test]
fn entries_that_leave_a_gap_are_refused() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        append(&log, vec![entry(1, 1, 10)]).await.unwrap_err();
        append(&log, vec![entry(2, 0, 10)]).await.unwrap();
        for wrong in [entry(2, 0, 10), entry(2, 2, 10), entry(1, 1, 10)] {
            append(&log, vec![wrong]).await.unwrap_err();
        }
        append(&log, vec![entry(2, 1, 10), entry(2, 3, 10)]).await.unwrap_err();
        assert_eq!(log.last(), Some(at(2, 0)), "a refused append left something behind");
        assert_eq!(refusal(log.purge(at(2, 1)).await), Refusal::Absent { index: 1 });
        log.install(at(2, 5)).await.unwrap();
        append(&log, vec![entry(2, 6, 10)]).await.unwrap();
        assert_eq!(refusal(log.read(5..7, 0).await), Refusal::Purged { index: 5, purged: 5 });
        log.stop().await;
        let (log, recovered) = open(&disk).await.unwrap();
        assert_eq!((recovered.purged, recovered.last), (Some(at(2, 5)), Some(at(2, 6))));
        assert_eq!(read_all(&log).await, [entry(2, 6, 10)]);
    });
}

#[test]
fn a_request_that_names_another_entry_is_refused() {
    run(async {
        let (log, _) = open(&TestDisk::new()).await.unwrap();
        append(&log, (0..4).map(|index| entry(1, index, 10)).collect()).await.unwrap();
        append(&log, vec![entry(3, 4, 10)]).await.unwrap();
        let conflict = Refusal::Conflict { found: at(1, 2), expected: at(2, 2) };
        assert_eq!(refusal(log.purge(at(2, 2)).await), conflict);
        assert_eq!(refusal(log.truncate_after(Some(at(2, 2))).await), conflict);
        log.purge(at(1, 1)).await.unwrap();
        let purged = Refusal::Purged { index: 1, purged: 1 };
        assert_eq!(refusal(log.truncate_after(Some(at(1, 0))).await), purged);
        assert_eq!((log.purged(), log.last()), (Some(at(1, 1)), Some(at(3, 4))));
    });
}

#[test]
fn committed_entries_cannot_be_dropped() {
    run(async {
        let (log, _) = open(&TestDisk::new()).await.unwrap();
        append(&log, (0..4).map(|index| entry(1, index, 10)).collect()).await.unwrap();
        log.save_committed(Some(at(1, 2)));
        let committed = Refusal::Committed { index: 2, committed: 2 };
        assert_eq!(refusal(log.truncate_after(Some(at(1, 1))).await), committed);
        let committed = Refusal::Committed { index: 2, committed: 2 };
        assert_eq!(refusal(log.install(at(2, 1)).await), committed);
        log.truncate_after(Some(at(1, 2))).await.unwrap();
        assert_eq!(log.last(), Some(at(1, 2)));
    });
}

#[test]
fn a_snapshot_that_contradicts_the_log_replaces_it() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        append(&log, (0..9).map(|index| entry(1, index, 200)).collect()).await.unwrap();
        log.install(at(2, 4)).await.unwrap();
        assert_eq!((log.purged(), log.last()), (Some(at(2, 4)), Some(at(2, 4))));
        append(&log, vec![entry(2, 5, 1)]).await.unwrap();
        assert_eq!(read_all(&log).await, [entry(2, 5, 1)]);
        log.install(at(1, 3)).await.unwrap();
        assert_eq!(log.purged(), Some(at(2, 4)), "an old snapshot took the log back");
        log.stop().await;
        let (log, _) = open(&disk).await.unwrap();
        assert_eq!(read_all(&log).await, [entry(2, 5, 1)]);
    });
}

#[test]
fn a_replaced_entry_is_not_durable_because_the_old_one_was() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        let watch = log.watch_durable();
        append(&log, (0..9).map(|index| entry(1, index, 10)).collect()).await.unwrap();
        assert_eq!(*watch.borrow_watched(), Some(8));
        let held = HeldSyncs::of(&disk);
        let answers = Answers::default();
        log.append(vec![entry(1, 9, 10)], answers.expect(9));
        tokio::task::yield_now().await;
        let truncating = log.clone();
        let truncate =
            TokioRuntime::spawn(async move { truncating.truncate_after(Some(at(1, 4))).await });
        tokio::task::yield_now().await;
        log.append(vec![entry(2, 5, 10)], answers.expect(5));
        assert_eq!(*watch.borrow_watched(), Some(4));
        assert_eq!(log.last(), Some(at(2, 5)));
        drop(held);
        truncate.await.unwrap().unwrap();
        log.save_vote(text("me")).await.unwrap();
        assert_eq!(*watch.borrow_watched(), Some(5));
        assert_eq!(answers.so_far(), [Ok(9), Ok(5)]);
        log.stop().await;
        let (log, _) = open(&disk).await.unwrap();
        assert_eq!(read_all(&log).await[4..], [entry(1, 4, 10), entry(2, 5, 10)]);
    });
}

#[test]
fn segments_go_when_their_last_entry_is_purged_and_the_vote_stays() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        log.save_vote(text("me")).await.unwrap();
        for index in 0..20 {
            append(&log, vec![entry(1, index, 300)]).await.unwrap();
        }
        let before = segments(&disk).len();
        assert!(before > 9, "only {before} segments");
        log.purge(at(1, 17)).await.unwrap();
        log.stop().await;
        assert!(segments(&disk).len() <= 2, "{:?}", segments(&disk));
        let (log, recovered) = open(&disk).await.unwrap();
        assert_eq!(recovered.vote, Some(text("me")));
        assert_eq!(read_all(&log).await, [entry(1, 18, 300), entry(1, 19, 300)]);
    });
}

#[test]
fn room_is_what_the_queue_has_not_taken() {
    run(async {
        let disk = TestDisk::new();
        let (log, _) = open(&disk).await.unwrap();
        log.room().await;
        let held = HeldSyncs::of(&disk);
        log.append(vec![entry(1, 0, OPTIONS.queue_bytes_max)], drop);
        let waiting = log.clone();
        let room = TokioRuntime::spawn(async move { waiting.room().await });
        tokio::task::yield_now().await;
        assert!(!room.is_finished());
        drop(held);
        room.await.unwrap();
        assert_eq!(log.durable(), Some(0));
    });
}

#[test]
fn what_is_no_part_of_the_log_is_left_alone() {
    run(async {
        let disk = TestDisk::new();
        disk.put("wal-notes.txt", b"mine");
        disk.put("wal-0000000000000007-0000000000000000.log.tmp", b"never finished");
        open(&disk).await.unwrap();
        assert_eq!(disk.names(), ["wal-0000000000000001-0000000000000000.log", "wal-notes.txt"]);
        assert_eq!(disk.bytes("wal-notes.txt"), b"mine");
    });
}
