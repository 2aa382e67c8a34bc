//! Random programs against the model, with clean restarts.

use detcd_node::wal::Options;
use proptest::prelude::*;

use super::model::{Action, Model, Request, actions};
use super::world::{OPTIONS, TestLog, append, open_with, read_all, segments};
use crate::disk::TestDisk;
use crate::task::run;

async fn ask(log: &TestLog, request: Request) {
    match request {
        Request::Append(entries) => append(log, entries).await.unwrap(),
        Request::Truncate(last) => log.truncate_after(last).await.unwrap(),
        Request::Purge(upto) => log.purge(upto).await.unwrap(),
        Request::Install(upto) => log.install(upto).await.unwrap(),
        Request::Vote(vote) => log.save_vote(vote).await.unwrap(),
        Request::Commit(position) => log.save_committed(Some(position)),
    }
}

/// Lives of a log; it is stopped and opened again between two of them.
async fn live(lives: &[Vec<Action>], options: Options) {
    let disk = TestDisk::new();
    let mut model = Model::default();
    for actions in lives {
        let (log, recovered) = open_with(&disk, options).await.unwrap();
        assert_eq!(recovered.torn_tail_bytes, 0);
        assert_eq!(Model::of(&log, &recovered).await, model);
        for action in actions {
            let Some(request) = model.request(action) else { continue };
            model = model.steps(&request).pop().expect("every request leads somewhere");
            ask(&log, request).await;
            assert_eq!((log.last(), log.purged()), (model.last(), model.purged));
            assert_eq!(log.durable(), model.last().map(|last| last.index));
            assert!(read_all(&log).await.iter().eq(model.entries.values()));
        }
        log.stop().await;
        if model.entries.is_empty() && model.purged.is_some() {
            assert_eq!(segments(&disk).len(), 1, "segments without entries are still there");
        }
    }
    let (log, recovered) = open_with(&disk, options).await.unwrap();
    assert_eq!(Model::of(&log, &recovered).await, model);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn a_log_is_what_was_asked_of_it_before_and_after_restarts(
        lives in proptest::collection::vec(proptest::collection::vec(actions(), 0..25), 1..4),
        cache_bytes_max in prop_oneof![Just(0), Just(300), Just(1 << 20)],
        segment_bytes_max in prop_oneof![Just(0), Just(1024), Just(1 << 20)],
    ) {
        run(live(&lives, Options { cache_bytes_max, segment_bytes_max, ..OPTIONS }));
    }
}
