//! The disk: what survives, what fails, and what it costs.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use detcd_node::runtime::{Disk, File, Runtime};
use openraft_rt::{AsyncRuntime, Instant};
use sim::disk::{Counters, SimDisk, Times};
use sim::network::NetworkOptions;
use sim::{SimInstant, SimRuntime, Streams, Trace, World, run};

type R = SimRuntime;

fn disk(seed: u64) -> SimDisk {
    SimDisk::new("d", Streams::new(seed), Trace::default())
}

fn read(file: &Arc<dyn File>) -> Vec<u8> {
    let mut bytes = vec![0; file.len().expect("nothing is wrong with the disk") as usize];
    file.read_at(0, &mut bytes).expect("nothing is wrong with the disk");
    bytes
}

/// A durable file of three sectors of ones.
fn prepared(disk: &SimDisk) -> Arc<dyn File> {
    let mount = disk.mount();
    let file = mount.open("f", true).expect("nothing is wrong with the disk");
    file.write_at(0, &[1; 1536]).expect("nothing is wrong with the disk");
    file.sync().expect("nothing is wrong with the disk");
    mount.sync_dir().expect("nothing is wrong with the disk");
    file
}

#[test]
fn what_was_synced_survives_and_the_rest_may() {
    let mut survived = [0; 8];
    for seed in 0..200 {
        let disk = disk(seed);
        let file = prepared(&disk);
        file.write_at(0, &[2; 1536]).unwrap();
        assert_eq!(disk.durable_bytes("f").unwrap(), [1; 1536]);
        assert_eq!(disk.pending_sectors("f"), 3);
        disk.power_loss();
        let bytes = read(&disk.mount().open("f", false).unwrap());
        let mask = (0..3).fold(0, |mask, sector| {
            let found = &bytes[sector * 512..(sector + 1) * 512];
            assert!(found == [1; 512] || found == [2; 512], "a sector is never torn");
            mask | usize::from(found == [2; 512]) << sector
        });
        survived[mask] += 1;
        assert_eq!(disk.current_bytes("f"), disk.durable_bytes("f"));
    }
    assert!(survived.iter().all(|count| *count > 0), "every subset happens: {survived:?}");
}

#[test]
fn a_kill_loses_nothing_and_makes_old_handles_fail() {
    let disk = disk(1);
    let file = prepared(&disk);
    let mount = disk.mount();
    file.write_at(0, &[2; 10]).unwrap();
    disk.kill();
    assert!(file.write_at(0, &[3; 10]).is_err());
    assert!(file.sync().is_err());
    assert!(mount.list().is_err());
    assert_eq!(read(&disk.mount().open("f", false).unwrap())[..10], [2; 10]);
    assert_eq!(disk.pending_sectors("f"), 1);
}

#[test]
fn a_removed_file_lives_as_long_as_its_handle() {
    let disk = disk(1);
    let file = prepared(&disk);
    disk.mount().remove("f").unwrap();
    disk.mount().sync_dir().unwrap();
    assert_eq!(read(&file), [1; 1536]);
    assert_eq!(disk.mount().open("f", false).err().map(|e| e.kind()), Some(ErrorKind::NotFound));
    drop(file);
    disk.mount().open("f", true).unwrap();
    assert!(disk.current_bytes("f").unwrap().is_empty());
}

#[test]
fn a_failed_sync_loses_what_was_pending_for_good() {
    let disk = disk(1);
    let file = prepared(&disk);
    disk.set_faults(|faults| faults.sync_fails = Times::Next(1));
    file.write_at(0, &[2; 512]).unwrap();
    assert!(file.sync().is_err());
    assert_eq!(read(&file)[..512], [2; 512]);
    file.sync().unwrap();
    assert_eq!(disk.durable_bytes("f").unwrap(), [1; 1536]);
    disk.power_loss();
    assert_eq!(disk.current_bytes("f").unwrap(), [1; 1536]);
}

#[test]
fn faults_hit_the_files_they_are_meant_for() {
    let disk = disk(1);
    let file = prepared(&disk);
    let other = disk.mount().open("other", true).unwrap();
    disk.set_faults(|faults| {
        faults.only = "f".to_owned();
        faults.read_fails = Times::Next(1);
        faults.write_fails = Times::Always;
        faults.sync_lies = Times::Always;
    });
    other.write_at(0, &[1]).unwrap();
    other.read_at(0, &mut [0]).unwrap();
    assert!(file.read_at(0, &mut [0]).is_err());
    file.read_at(0, &mut [0]).unwrap();
    assert!(file.write_at(0, &[5]).is_err());
    assert!(file.set_len(0).is_err());
    disk.set_faults(|faults| faults.write_fails = Times::Never);
    file.write_at(0, &[5]).unwrap();
    file.sync().unwrap();
    assert_eq!(disk.pending_sectors("f"), 1);
}

#[test]
fn space_runs_out_and_comes_back() {
    let disk = disk(1);
    let file = prepared(&disk);
    disk.set_faults(|faults| faults.capacity_bytes = Some(2048));
    file.write_at(1536, &[0; 512]).unwrap();
    let full = |result: std::io::Result<()>| result.err().map(|error| error.kind());
    assert_eq!(full(file.write_at(2048, &[0])), Some(ErrorKind::StorageFull));
    assert_eq!(full(file.set_len(4096)), Some(ErrorKind::StorageFull));
    file.write_at(0, &[3; 2048]).unwrap();
    file.set_len(100).unwrap();
    file.write_at(100, &[0; 1000]).unwrap();
}

#[test]
fn sectors_break_bits_flip_and_writes_go_astray() {
    let disk = disk(1);
    let file = prepared(&disk);
    disk.break_sector("f", 1).unwrap();
    assert!(file.read_at(500, &mut [0; 20]).is_err());
    file.read_at(0, &mut [0; 512]).unwrap();
    file.write_at(512, &[1; 512]).unwrap();
    file.read_at(500, &mut [0; 20]).unwrap();
    disk.flip_bit("f", 8 * 3 + 1).unwrap();
    assert_eq!(read(&file)[3], 3);
    disk.flip_bit("f", 8 * 3 + 1).unwrap();
    disk.set_faults(|faults| faults.write_misdirected = Times::Next(1));
    file.write_at(512, &[7; 512]).unwrap();
    let bytes = read(&file);
    assert_eq!(bytes[512..1024], [1; 512]);
    assert!(bytes[..512] == [7; 512] || bytes[1024..] == [7; 512]);
}

#[test]
fn a_write_that_went_astray_is_remembered_with_what_follows_it() {
    let disk = disk(1);
    let file = prepared(&disk);
    let astray = || disk.astray().into_iter().next_back().expect("a write went astray");
    let go_astray = |only: &str| {
        disk.set_faults(|faults| {
            faults.write_misdirected = Times::Next(1);
            only.clone_into(&mut faults.misdirected_only);
        });
    };
    go_astray("other");
    file.write_at(512, &[2; 512]).unwrap();
    assert!(disk.astray().is_empty(), "it is another file that is meant");
    go_astray("f");
    file.write_at(512, &[3; 512]).unwrap();
    file.sync().unwrap();
    assert_eq!(disk.counters().writes_astray, 1);
    let first = astray();
    assert_eq!((first.file.as_deref(), first.meant), (Some("f"), 512));
    assert!(first.landed != 512 && first.is_missing && !first.is_followed, "{first:?}");
    assert_eq!(read(&file)[first.landed as usize..][..512], [3; 512]);

    file.write_at(0, &[4; 8]).unwrap();
    file.sync().unwrap();
    assert!(!astray().is_followed, "that is before it");
    file.write_at(1536, &[5; 8]).unwrap();
    disk.power_loss();
    let file = disk.mount().open("f", false).unwrap();
    file.sync().unwrap();
    assert!(!astray().is_followed, "that was not synced");
    file.write_at(1536, &[5; 8]).unwrap();
    assert!(!astray().is_followed, "nor is this");
    disk.set_faults(|faults| faults.sync_fails = Times::Next(1));
    file.sync().unwrap_err();
    file.sync().unwrap();
    assert!(!astray().is_followed, "a sync that failed has given it up");
    file.write_at(1536, &[5; 8]).unwrap();
    file.sync().unwrap();
    assert!(astray().is_followed);

    let there = read(&file)[512..520].to_vec();
    go_astray("f");
    file.write_at(512, &[&there[..], &[0; 100]].concat()).unwrap();
    assert!(!astray().is_missing, "the same is there, but for zeros at the end");
    go_astray("f");
    file.write_at(1 << 20, &[0; 100]).unwrap();
    assert!(!astray().is_missing, "zeros behind the end are no more than room");
    disk.mount().remove("f").unwrap();
    assert_eq!(astray().file, None);
    disk.lose_everything();
    assert!(disk.astray().is_empty());
}

#[test]
fn what_lies_in_one_sector_is_put_over_another_for_good() {
    let disk = disk(1);
    let file = prepared(&disk);
    file.write_at(0, &[[1; 512], [2; 512], [3; 512]].concat()).unwrap();
    file.sync().unwrap();
    file.write_at(1024, &[4; 512]).unwrap();
    disk.misplace_sector("f", 0, 2).unwrap();
    assert_eq!(read(&file), [[1; 512], [2; 512], [1; 512]].concat());
    assert_eq!(disk.durable_bytes("f").unwrap(), read(&file));
    assert!(disk.misplace_sector("g", 0, 1).is_err());
}

#[test]
fn a_new_disk_has_nothing_of_the_old_one() {
    let disk = disk(1);
    prepared(&disk);
    disk.break_sector("f", 0).unwrap();
    disk.set_faults(|faults| {
        faults.read_fails = Times::Next(1);
        faults.write_fails = Times::Next(1);
    });
    disk.lose_everything();
    assert_eq!(read(&prepared(&disk)), [1; 1536]);
}

#[test]
fn power_is_lost_at_the_chosen_operation() {
    for operation in 1..=4 {
        let disk = disk(operation);
        let file = prepared(&disk);
        disk.power_loss_at(operation);
        let done = (1..=4).take_while(|_| file.write_at(0, &[2; 512]).is_ok()).count();
        assert_eq!(done as u64, operation - 1);
        assert_eq!(disk.counters().crashes, 1);
        assert!(disk.mount().open("f", false).is_ok());
    }
}

#[test]
fn counters_count() {
    let disk = disk(1);
    drop(prepared(&disk));
    let expected = Counters {
        operations: 4,
        writes: 1,
        writes_astray: 0,
        bytes_written: 1536,
        syncs: 2,
        crashes: 0,
    };
    assert_eq!(disk.counters(), expected);
}

#[test]
fn input_and_output_takes_time_one_after_the_other() {
    for seed in 0..20 {
        run(seed, || async {
            let world = World::new(Trace::default(), NetworkOptions::default());
            let host = world.host("n1", "10.0.0.1");
            host.disk().set_faults(|faults| faults.sync_stalls = Duration::from_millis(10));
            let mount = host.disk().mount();
            let begin = SimInstant::now();
            let syncs = (0..5).map(|_| {
                let mount = mount.clone();
                host.spawn(R::blocking(move || mount.sync_dir()))
            });
            for sync in syncs.collect::<Vec<_>>() {
                sync.await.unwrap().unwrap();
            }
            assert!(begin.elapsed() >= Duration::from_millis(50), "{:?}", begin.elapsed());
            assert!(begin.elapsed() < Duration::from_millis(60), "{:?}", begin.elapsed());
        });
    }
}

#[test]
fn a_stall_of_some_files_holds_up_nobody_else() {
    for seed in 0..20 {
        run(seed, || async {
            let world = World::new(Trace::default(), NetworkOptions::default());
            let host = world.host("n1", "10.0.0.1");
            let mount = host.disk().mount();
            let [log, table] = ["wal-1", "db"].map(|name| mount.open(name, true).unwrap());
            host.disk().set_faults(|faults| {
                faults.only = "wal".to_owned();
                faults.sync_stalls = Duration::from_secs(1);
            });
            let begin = SimInstant::now();
            let stalled = host.spawn(R::blocking(move || log.sync()));
            host.spawn(R::blocking(move || table.sync())).await.unwrap().unwrap();
            let others = begin.elapsed();
            stalled.await.unwrap().unwrap();
            assert!(others < Duration::from_millis(100), "{others:?}");
            assert!(begin.elapsed() >= Duration::from_secs(1), "{:?}", begin.elapsed());
        });
    }
}

#[test]
fn power_lost_in_an_operation_stops_the_whole_machine() {
    for seed in 0..20 {
        run(seed, || async {
            let world = World::new(Trace::default(), NetworkOptions::default());
            let host = world.host("n1", "10.0.0.1");
            host.start(|around| async move {
                loop {
                    let mount = around.disk.clone();
                    let synced = R::blocking(move || mount.sync_dir()).await;
                    assert!(synced.is_ok(), "nobody is left to see it fail");
                }
            });
            R::sleep(Duration::from_millis(100)).await;
            host.disk().power_loss_at(3);
            R::sleep(Duration::from_millis(100)).await;
            assert!(!host.is_running());
            let syncs = host.disk().counters().syncs;
            R::sleep(Duration::from_millis(100)).await;
            assert_eq!(host.disk().counters().syncs, syncs);
            host.restart();
            R::sleep(Duration::from_millis(100)).await;
            assert!(host.is_running());
            assert!(host.disk().counters().syncs > syncs);
        });
    }
}
