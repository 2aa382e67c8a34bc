//! Files that were cut, flipped, swapped or written by somebody else.

use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::wal::{Damage, Error, Identity, Log, Options, Refusal};
use std::sync::Arc;

use super::model::Model;
use super::world::{
    CHECKPOINT, Frame, HEADER_BYTES, IDENTITY, append, at, disk_of, entry, files, forge,
    forge_behind, frames, open, text,
};
use crate::disk::TestDisk;
use crate::task::run;

type Files = Vec<(String, Vec<u8>)>;

/// A log of three segments, whose last batch has three frames, and the model after every frame.
async fn sample() -> (Files, Vec<Model>) {
    let disk = TestDisk::new();
    let (log, recovered) = open(&disk).await.unwrap();
    let mut states = vec![Model::of(&log, &recovered).await];
    let mut model = states[0].clone();
    for index in 0..5 {
        log.save_vote(text("who and when")).await.unwrap();
        model.vote = Some(text("who and when"));
        states.push(model.clone());
        append(&log, vec![entry(1, index, 110)]).await.unwrap();
        model.entries.insert(index, entry(1, index, 110));
        states.push(model.clone());
    }
    let batch = vec![entry(2, 5, 5), entry(2, 6, 6), entry(2, 7, 7)];
    append(&log, batch.clone()).await.unwrap();
    for entry in batch {
        model.entries.insert(entry.position.index, entry);
        states.push(model.clone());
    }
    log.stop().await;
    let files = files(&disk);
    assert_eq!(files.len(), 3, "the sample has {} segments", files.len());
    (files, states)
}

/// Frames of a log before segment `which`, without checkpoints.
fn frames_before(files: &Files, which: usize) -> usize {
    files[..which].iter().map(|(_, bytes)| frames(bytes).len() - 1).sum()
}

async fn recovered(files: &Files) -> Result<Model, Error> {
    let disk = disk_of(files);
    let (log, recovered) = open(&disk).await?;
    let model = Model::of(&log, &recovered).await;
    log.stop().await;
    Ok(model)
}

fn assert_corrupt(outcome: Result<Model, Error>, name: &str, at: usize) {
    match outcome {
        Err(Error::Corrupt { segment, offset, .. }) => {
            assert_eq!((segment.as_str(), offset), (name, at as u64));
        }
        other => panic!("damage in {name} at {at} gave {other:?}"),
    }
}

#[test]
fn every_prefix_of_a_log_is_recovered_or_refused() {
    run(async {
        let (files, states) = sample().await;
        for which in 0..files.len() {
            let (name, bytes) = &files[which];
            let all = frames(bytes);
            for length in 0..=bytes.len() {
                let mut cut = files[..=which].to_vec();
                cut[which].1.truncate(length);
                let outcome = recovered(&cut).await;
                if length < HEADER_BYTES {
                    assert_corrupt(outcome, name, 0);
                } else if length < all[0].end {
                    assert_corrupt(outcome, name, HEADER_BYTES);
                } else {
                    let whole = all.iter().filter(|frame| frame.end <= length).count() - 1;
                    let expected = &states[frames_before(&files, which) + whole];
                    assert_eq!(&outcome.unwrap(), expected, "{name} cut to {length}");
                }
            }
        }
    });
}

#[test]
fn every_flipped_bit_is_refused_or_in_the_tail() {
    run(async {
        let (files, states) = sample().await;
        for which in 0..files.len() {
            let (name, bytes) = &files[which];
            let all = frames(bytes);
            for byte in 0..bytes.len() {
                for bit in 0..8 {
                    let mut flipped = files.clone();
                    flipped[which].1[byte] ^= 1 << bit;
                    let outcome = recovered(&flipped).await;
                    judge(outcome, &files, &states, (which, byte), &all, name);
                }
            }
        }
    });
}

fn judge(
    outcome: Result<Model, Error>,
    files: &Files,
    states: &[Model],
    (which, byte): (usize, usize),
    all: &[Frame],
    name: &str,
) {
    let complete = states.last().unwrap();
    let last_batch = all.last().unwrap().batch;
    if byte < HEADER_BYTES {
        return assert_corrupt(outcome, name, 0);
    }
    let Some(hit) = all.iter().position(|frame| byte < frame.end) else {
        // Behind the last frame there is nothing to lose.
        return assert_eq!(&outcome.unwrap(), complete, "{name} flipped at {byte}");
    };
    let in_tail = which + 1 == files.len() && all[hit].batch == last_batch && hit > 0;
    if in_tail {
        let expected = &states[frames_before(files, which) + hit - 1];
        assert_eq!(&outcome.unwrap(), expected, "{name} flipped at {byte}");
    } else {
        assert_corrupt(outcome, name, all[hit].offset);
    }
}

#[test]
fn a_frame_in_the_place_of_another_is_refused() {
    run(async {
        let (files, _) = sample().await;
        let (name, bytes) = &files[0];
        let all = frames(bytes);
        // Every second frame is the same vote: same kind, same length, same content.
        let (from, to) = (all[1], all[3]);
        assert_eq!(from.end - from.offset, to.end - to.offset);
        let mut misdirected = files.clone();
        misdirected[0].1[to.offset..to.end].copy_from_slice(&bytes[from.offset..from.end]);
        assert_corrupt(recovered(&misdirected).await, name, to.offset);
    });
}

#[test]
fn a_write_that_never_happened_is_a_hole() {
    run(async {
        let (files, _) = sample().await;
        let (name, bytes) = files.last().unwrap();
        let lost = frames(bytes)[1];
        let mut holed = files.clone();
        holed.last_mut().unwrap().1[lost.offset..lost.end].fill(0);
        assert_corrupt(recovered(&holed).await, name, lost.offset);
    });
}

#[test]
fn a_missing_segment_is_named() {
    run(async {
        let (files, _) = sample().await;
        let without = |which: usize| {
            let mut files = files.clone();
            files.remove(which);
            files
        };
        let missing = |outcome| match outcome {
            Err(Error::Missing { sequence }) => sequence,
            other => panic!("{other:?}"),
        };
        assert_eq!(missing(recovered(&without(0)).await), 1);
        assert_eq!(missing(recovered(&without(1)).await), 2);
    });
}

#[test]
fn a_segment_under_another_name_is_refused() {
    run(async {
        let (mut files, _) = sample().await;
        let name = "wal-0000000000000001-0000000000000001.log".to_owned();
        files[0].0.clone_from(&name);
        assert!(matches!(
            recovered(&files).await,
            Err(Error::Corrupt { segment, damage: Damage::Name, .. }) if segment == name
        ));
    });
}

#[test]
fn what_is_not_understood_is_left_alone() {
    run(async {
        let (files, _) = sample().await;
        // Something that a willing recovery would remove, too.
        let tmp = "wal-0000000000000009-0000000000000009.log.tmp".to_owned();

        let mut newer = files.clone();
        newer[0].1[8] = 2;
        let crc = crc32c::crc32c(&newer[0].1[..HEADER_BYTES - 4]);
        newer[0].1[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        let mut unknown = files.clone();
        forge(&mut unknown.last_mut().unwrap().1, 99, b"from the future");

        for (mut files, is_newer) in [(newer, true), (unknown, false)] {
            files.push((tmp.clone(), b"half".to_vec()));
            let disk = disk_of(&files);
            match open(&disk).await {
                Err(Error::Version { found: 2, supported: 1, .. }) => assert!(is_newer),
                Err(Error::Kind { kind: 99, .. }) => assert!(!is_newer),
                other => panic!("{other:?}"),
            }
            files.sort();
            assert_eq!(self::files(&disk), files);
        }
    });
}

#[test]
fn a_log_of_another_member_is_left_alone() {
    run(async {
        let (files, _) = sample().await;
        for (cluster_id, member_id) in [(0xc2, IDENTITY.member_id), (IDENTITY.cluster_id, 0x12)] {
            let disk = disk_of(&files);
            let other = Identity { cluster_id, member_id };
            let opened =
                Log::<TokioRuntime>::open(Arc::new(disk.clone()), other, Options::default()).await;
            let error = opened.expect_err("the log of another").to_string();
            let name = &files[0].0;
            assert_eq!(
                error,
                format!(
                    "write-ahead log segment {name} belongs to member 11 of cluster c1, \
                     not to member {member_id:x} of cluster {cluster_id:x}"
                )
            );
            assert_eq!(self::files(&disk), files);
        }
    });
}

#[test]
fn a_gap_that_no_marker_names_is_refused_in_a_file_too() {
    run(async {
        let (mut files, _) = sample().await;
        let (name, bytes) = files.last_mut().unwrap();
        let end = frames(bytes).last().unwrap().end;
        let position: Vec<u8> = [2_u64, 3, 9].into_iter().flat_map(u64::to_le_bytes).collect();
        forge(bytes, 2, &position);
        let name = name.clone();
        match recovered(&files).await {
            Err(Error::Corrupt { segment, offset, damage }) => {
                assert_eq!((segment, offset), (name, end as u64));
                assert_eq!(damage, Damage::Order(Refusal::Gap { expected: 8, found: 9 }));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_frame_that_followed_another_is_no_part_of_the_log() {
    run(async {
        let (files, states) = sample().await;
        for stale in [false, true] {
            let mut files = files.clone();
            let bytes = &mut files.last_mut().unwrap().1;
            let behind = frames(bytes).last().unwrap().crc ^ u32::from(stale);
            forge_behind(bytes, behind, 3, b"another vote");
            let vote = recovered(&files).await.unwrap().vote;
            let kept = states.last().unwrap().vote.clone();
            assert_eq!(vote, if stale { kept } else { Some(text("another vote")) });
        }
    });
}

#[test]
fn a_second_checkpoint_is_refused() {
    run(async {
        let (mut files, _) = sample().await;
        forge(&mut files.last_mut().unwrap().1, CHECKPOINT, &[0, 0, 0, 0]);
        assert!(matches!(
            recovered(&files).await,
            Err(Error::Corrupt { damage: Damage::Content, .. })
        ));
    });
}

#[test]
fn an_entry_that_rots_while_the_log_is_open_is_refused_by_its_reader() {
    run(async {
        let (files, _) = sample().await;
        let disk = disk_of(&files);
        let (log, _) = open(&disk).await.unwrap();
        let rotten = frames(&files[0].1)[2];
        let handle = detcd_node::runtime::Disk::open(&disk, &files[0].0, false).unwrap();
        handle.write_at(rotten.end as u64 - 20, b"rot").unwrap();
        match log.read(0..2, usize::MAX).await {
            Err(Error::Corrupt { segment, offset, damage: Damage::Entry }) => {
                assert_eq!((&segment, offset), (&files[0].0, rotten.offset as u64));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(log.read(7..8, 0).await.unwrap()[0].position, at(2, 7));
    });
}
