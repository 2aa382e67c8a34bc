//! Writes that never reached the place for which they were meant: what lies there is whole, and old.
//!
//! No checksum of a value notices that, and the engine does not look at those of its pages.

use super::model::{Model, Step, history, stage, steps_to};
use super::world::{Member, open};
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

const FILE: &str = "state.redb";
const PAGE: usize = 4_096;

/// The file before and after each commit of a history.
fn commits(history: &[Step], steps: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let disk = TestDisk::new();
    run(async {
        let member = open(&disk).await.unwrap();
        let mut commits = Vec::new();
        for steps in history.chunks(steps) {
            let before = disk.bytes(FILE);
            stage(&member.storage, steps);
            member.storage.flush().await.unwrap();
            commits.push((before, disk.bytes(FILE)));
        }
        std::mem::forget(member.storage);
        commits
    })
}

/// The file as it would be without what was written to one of its pages, for each that was written to.
fn without_a_page<'a>(before: &'a [u8], after: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let page = |bytes: &[u8], at: usize| {
        let mut page = bytes.get(at..(at + PAGE).min(bytes.len())).unwrap_or_default().to_vec();
        page.resize(PAGE, 0);
        page
    };
    (0..after.len() / PAGE).map(|number| number * PAGE).filter_map(move |at| {
        let old = page(before, at);
        let mut lost = after.to_vec();
        lost[at..at + PAGE].copy_from_slice(&old);
        (old != page(after, at)).then_some(lost)
    })
}

/// Whether a member that opens this file notices that something is wrong, or has a state that was committed.
async fn is_noticed(file: &[u8], history: &[Step]) -> bool {
    let disk = TestDisk::new();
    disk.put(FILE, file);
    let Ok(member) = open(&disk).await else { return true };
    let found = member.storage.replay(Model::default()).await;
    assert_eq!(
        reads_through(&member).await,
        found.is_ok(),
        "a backup holds what a start would refuse"
    );
    // Closing would write, and may find the damage in the engine's own tables by an abort.
    std::mem::forget(member.storage);
    let Ok(model) = found else { return true };
    steps_to(history, member.recovered.mark.as_ref(), &model);
    false
}

/// Whether everything can be read as for a snapshot file.
async fn reads_through(member: &Member) -> bool {
    let Ok(mut pinned) = member.storage.pinned().await else { return false };
    let mut last = None;
    loop {
        match pinned.rows(last, 16, usize::MAX).await {
            Ok(rows) if rows.is_empty() => return true,
            Ok(rows) => last = rows.last().map(|(revision, _)| *revision),
            Err(_) => return false,
        }
    }
}

#[test]
fn a_page_that_was_not_written_is_noticed_or_harmless() {
    let (mut noticed, mut harmless) = (0, 0);
    for seed in 60..63 {
        let history = history(&mut Rng(seed), 120);
        // Before the first two there is little that could be old.
        for (before, after) in commits(&history, 8).iter().skip(2) {
            for file in without_a_page(before, after) {
                match run(is_noticed(&file, &history)) {
                    true => noticed += 1,
                    false => harmless += 1,
                }
            }
        }
    }
    assert!(noticed > harmless && harmless > 0, "{noticed} were noticed, {harmless} are harmless");
}
