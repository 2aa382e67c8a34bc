//! Power lost at every operation of the disk, with any part of what was not synced surviving.

use std::io;

use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::wal::Options;
use openraft_rt::AsyncRuntime;

use super::model::{Action, Model, Request};
use super::world::{Answers, OPTIONS, TestLog, append, entry, open, open_with};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

fn draw(rng: &mut Rng) -> Action {
    match rng.below(16) {
        0..9 => Action::Append {
            count: 1 + rng.below(4),
            payload_bytes: rng.below(300) as usize,
            new_term: rng.below(4) == 0,
        },
        9 | 10 => Action::Truncate { back: rng.below(6) },
        11 => Action::Purge { forward: rng.below(9) },
        12 => Action::InstallWithin { forward: rng.below(9) },
        13 => Action::Vote(rng.next() as u8),
        14 => Action::Commit { back: rng.below(3) },
        _ if rng.below(3) == 0 => Action::InstallBeyond { gap: rng.below(9) },
        _ => Action::Vote(rng.next() as u8),
    }
}

async fn ask(log: TestLog, request: Request, answer: impl FnOnce(io::Result<()>) + Send + 'static) {
    let outcome = match request {
        Request::Append(entries) => {
            log.append(entries, answer);
            return log.room().await;
        }
        Request::Commit(position) => return log.save_committed(Some(position)),
        Request::Truncate(last) => log.truncate_after(last).await,
        Request::Purge(upto) => log.purge(upto).await,
        Request::Install(upto) => log.install(upto).await,
        Request::Vote(vote) => log.save_vote(vote).await,
    };
    answer(outcome.map_err(io::Error::other));
}

/// What may be found: every state the requests led through, and from which one on.
struct Promise {
    states: Vec<Model>,
    acknowledged: usize,
}

impl Promise {
    fn of(model: &Model) -> Self {
        Self { states: vec![model.clone()], acknowledged: 0 }
    }

    /// Asks until the power goes or the program ends, and waits for an answer only now and then.
    async fn ask(&mut self, log: &TestLog, rng: &mut Rng, count: usize) {
        let answers = Answers::default();
        let mut waiting = Vec::new();
        for _ in 0..count {
            let model = self.states.last().expect("never empty");
            let Some(request) = model.request(&draw(rng)) else { continue };
            let steps = model.steps(&request);
            self.states.extend(steps);
            let answer = answers.expect(self.states.len() as u64 - 1);
            waiting.push(TokioRuntime::spawn(ask(log.clone(), request, answer)));
            // The request is queued before the next one is drawn.
            tokio::task::yield_now().await;
            if rng.below(3) == 0 {
                for asked in waiting.drain(..) {
                    asked.await.unwrap();
                }
            }
        }
        for asked in waiting {
            asked.await.unwrap();
        }
        log.stop().await;
        self.acknowledged = answers.last_ok().unwrap_or(0) as usize;
    }

    fn check(&self, found: &Model, story: &str) {
        let allowed = &self.states[self.acknowledged..];
        let state = allowed.iter().find(|state| state.uncommitted() == found.uncommitted());
        assert!(
            state.is_some(),
            "{story}: found {found:#?}, acknowledged was {:#?}",
            self.states[self.acknowledged]
        );
        let marks = self.states.iter().map(|state| state.committed);
        assert!(marks.into_iter().any(|mark| mark == found.committed), "{story}: invented mark");
        let next = found.last().map_or(0, |last| last.index + 1);
        assert!(
            found.committed.is_none_or(|mark| mark.index < next),
            "{story}: mark beyond the end"
        );
    }
}

/// One life that ends at `operation`, an opening that may be interrupted as well, and another life
/// that shows that nothing of the first comes back. Says whether the power went at all.
async fn live_and_die(seed: u64, operation: u64) -> bool {
    let mut rng = Rng(seed);
    let disk = TestDisk::new();
    disk.lose_power_at(operation);
    let mut promise = Promise::of(&Model::default());
    if let Ok((log, _)) = open(&disk).await {
        promise.ask(&log, &mut rng, 25).await;
    }
    let died = disk.operations() > operation;

    let mut fate = Rng(seed ^ operation.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut disk = disk.lose_power(&mut fate);
    disk.lose_power_at(fate.below(12));
    drop(open(&disk).await);
    disk = disk.lose_power(&mut fate);
    let story = format!("seed {seed}, power lost at operation {operation}");
    let (log, recovered) = open(&disk).await.unwrap_or_else(|error| panic!("{story}: {error}"));
    let found = Model::of(&log, &recovered).await;
    promise.check(&found, &story);

    // What was reported stays, even if the power goes at once.
    drop(log);
    disk = disk.lose_power(&mut fate);
    let (log, recovered) = open(&disk).await.unwrap_or_else(|error| panic!("{story}: {error}"));
    assert_eq!(Model::of(&log, &recovered).await, found, "{story}: reported and then lost");

    let mut promise = Promise::of(&found);
    promise.ask(&log, &mut fate, 8).await;
    disk = disk.lose_power(&mut fate);
    let (log, recovered) = open(&disk).await.unwrap_or_else(|error| panic!("{story}: {error}"));
    promise.check(&Model::of(&log, &recovered).await, &story);
    died
}

/// One life whose disk refuses everything from `operation` on, and another in which it works again
/// although the power never went. Says whether the disk refused anything.
async fn live_and_restart(seed: u64, operation: u64) -> bool {
    let mut rng = Rng(seed);
    let disk = TestDisk::new();
    disk.lose_power_at(operation);
    let mut promise = Promise::of(&Model::default());
    if let Ok((log, _)) = open(&disk).await {
        promise.ask(&log, &mut rng, 25).await;
    }
    let refused = disk.operations() > operation;
    disk.lose_power_at(u64::MAX);

    let story = format!("seed {seed}, disk refused from operation {operation}");
    let (log, recovered) = open(&disk).await.unwrap_or_else(|error| panic!("{story}: {error}"));
    let found = Model::of(&log, &recovered).await;
    promise.check(&found, &story);

    let mut fate = Rng(seed ^ operation.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut promise = Promise::of(&found);
    let count = fate.below(4) as usize;
    promise.ask(&log, &mut fate, count).await;
    let disk = disk.lose_power(&mut fate);
    let (log, recovered) = open(&disk).await.unwrap_or_else(|error| panic!("{story}: {error}"));
    promise.check(&Model::of(&log, &recovered).await, &story);
    refused
}

#[test]
fn what_is_found_after_a_disk_error_survives_a_later_power_loss() {
    for seed in 0..4 {
        let mut operation = 0;
        while run(live_and_restart(seed, operation)) {
            operation += 1;
        }
        assert!(operation > 50, "seed {seed} did only {operation} operations");
    }
}

#[test]
fn whatever_was_acknowledged_survives_power_loss_at_every_operation() {
    for seed in 0..4 {
        let mut operation = 0;
        while run(live_and_die(seed, operation)) {
            operation += 1;
        }
        assert!(operation > 50, "seed {seed} did only {operation} operations");
    }
}

#[test]
fn an_unfinished_batch_is_cut_and_never_comes_back() {
    let mut cut = 0;
    for seed in 0..200 {
        cut += run(async {
            let disk = TestDisk::new();
            let options =
                Options { segment_bytes_max: 1 << 16, batch_bytes_max: 1 << 16, ..OPTIONS };
            let (log, _) = open_with(&disk, options).await.unwrap();
            append(&log, vec![entry(1, 0, 10)]).await.unwrap();
            // The write passes, the sync does not: three entries lie in at least two sectors.
            disk.lose_power_at(disk.operations() + 1);
            append(&log, vec![entry(1, 1, 200), entry(1, 2, 200), entry(1, 3, 200)])
                .await
                .unwrap_err();
            let disk = disk.lose_power(&mut Rng(seed));
            let (log, recovered) = open(&disk).await.unwrap();
            let last = recovered.last.unwrap().index;
            append(&log, vec![entry(2, last + 1, 0)]).await.unwrap();
            let (_, again) = open(&disk.lose_power(&mut Rng(seed))).await.unwrap();
            assert_eq!(again.last.map(|last| (last.term, last.index)), Some((2, last + 1)));
            assert_eq!(again.torn_tail_bytes, 0);
            u64::from(recovered.torn_tail_bytes > 0)
        });
    }
    assert!(cut > 20, "only {cut} tails were torn");
}
