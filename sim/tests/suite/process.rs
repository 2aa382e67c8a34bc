//! Machines: starting, killing, pausing, and what is left of a process afterwards.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use detcd_node::runtime::{Disk, File, Network, Runtime};
use futures_util::FutureExt;
use openraft_rt::AsyncRuntime;
use sim::disk::Faults;
use sim::network::{Farewell, NetworkOptions};
use sim::{Host, Panic, SimRuntime, Surroundings, Trace, World, run};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);

fn host() -> Host {
    World::new(Trace::default(), NetworkOptions::default()).host("n1", "10.0.0.1")
}

/// Writes to its file when it is dropped.
struct LastWords(Arc<dyn File>);

impl Drop for LastWords {
    fn drop(&mut self) {
        assert!(self.0.write_at(0, b"still here").is_err(), "the dead do not write");
    }
}

#[test]
fn the_destructors_of_a_killed_process_reach_neither_disk_nor_network() {
    for seed in 0..5 {
        run(seed, || async {
            let host = host();
            host.start(|around| async move {
                let file = around.disk.open("f", true).expect("nothing is wrong with the disk");
                let _last_words = LastWords(file);
                // A second start would fail if the port were still taken.
                let listener = around.network.listen("n1:1").await.expect("the port is free");
                loop {
                    _ = listener.accept().await;
                }
            });
            for farewell in [Farewell::Closed, Farewell::Silent] {
                R::sleep(SECOND).await;
                host.kill(farewell);
                // At once: the old tasks are still there.
                host.restart();
            }
            R::sleep(SECOND).await;
            assert!(host.is_running());
            assert!(host.disk().current_bytes("f").expect("it was created").is_empty());
        });
    }
}

/// A run in which blocking work on a machine panics twice, and then goes on.
fn panicking(is_kept: bool) -> std::thread::Result<(Option<Panic>, usize)> {
    catch_unwind(move || {
        run(3, move || async move {
            let world = World::new(Trace::default(), NetworkOptions::default());
            if is_kept {
                world.keep_panics(|| None);
            }
            let host = world.host("n1", "10.0.0.1");
            let disk = host.disk().mount();
            let write = async move |number: u64| {
                let file = disk.open("f", true).expect("nothing is wrong with the disk");
                R::blocking(move || file.write_at(number, b"x").and_then(|()| file.sync())).await
            };
            let words = |number: u64| if number == 0 { "the first" } else { "another" };
            for number in 0..8 {
                // What was written before makes the work wait for its time, in a task of its own.
                let (write, words) = (write.clone(), words(number));
                drop(host.spawn(async move {
                    write(number).await.expect("nothing is wrong with the disk");
                    R::blocking(move || panic!("{words}")).await
                }));
                R::sleep(SECOND).await;
            }
            let goes_on = host.spawn(async { R::blocking(|| 7).await }).await;
            (world.first_panic().now_or_never(), goes_on.expect("nobody ended it"))
        })
    })
}

#[test]
fn a_panic_on_a_machine_ends_the_run_or_is_kept() {
    let (kept, answer) = panicking(true).expect("the run goes on");
    let Panic { machine, at, message } = kept.expect("there was one");
    assert_eq!((machine.as_str(), message.as_str(), answer), ("n1", "the first", 7));
    assert!(at < SECOND, "{at:?}");
    let told = panicking(false).expect_err("the run ends");
    assert_eq!(told.downcast_ref::<String>().expect("it is told"), "seed 3: the first");
}

#[test]
fn a_panic_of_the_world_itself_ends_the_run_although_those_of_machines_are_kept() {
    let told = catch_unwind(|| {
        run(3, || async {
            let world = World::new(Trace::default(), NetworkOptions::default());
            world.keep_panics(|| None);
            drop(R::spawn(async { panic!("the world is broken") }));
            R::sleep(SECOND).await;
        });
    });
    let told = told.expect_err("the run ends");
    assert_eq!(told.downcast_ref::<String>().expect("it is told"), "seed 3: the world is broken");
}

#[test]
fn a_paused_process_stands_still_and_goes_on() {
    run(1, || async {
        let (host, ticks) = (host(), Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&ticks);
        host.start(move |_| {
            let count = Arc::clone(&count);
            async move {
                loop {
                    R::sleep(SECOND / 10).await;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        R::sleep(SECOND).await;
        host.pause();
        let before = ticks.load(Ordering::Relaxed);
        R::sleep(60 * SECOND).await;
        assert_eq!(ticks.load(Ordering::Relaxed), before);
        host.resume();
        R::sleep(SECOND).await;
        let after = ticks.load(Ordering::Relaxed);
        assert!((before + 9..before + 12).contains(&after), "{before} {after}");
        // Paused and killed, it does not come back as a ghost.
        host.pause();
        host.kill(Farewell::Closed);
        host.restart();
        R::sleep(SECOND).await;
        assert!(ticks.load(Ordering::Relaxed) < after + 12);
    });
}

#[test]
fn a_process_ends_with_all_its_tasks_when_its_program_returns() {
    run(1, || async {
        let (host, alive) = (host(), Arc::new(AtomicU32::new(0)));
        let count = Arc::clone(&alive);
        host.start(move |_| {
            let count = Arc::clone(&count);
            async move {
                R::spawn(async move {
                    R::sleep(2 * SECOND).await;
                    count.fetch_add(1, Ordering::Relaxed);
                });
                R::sleep(SECOND).await;
            }
        });
        R::sleep(SECOND / 2).await;
        assert!(host.is_running());
        R::sleep(5 * SECOND).await;
        assert!(!host.is_running());
        assert_eq!(alive.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn blocking_work_of_a_killed_process_is_not_done_later() {
    for seed in 0..20 {
        run(seed, || async {
            let host = host();
            host.disk().set_faults(|faults| faults.sync_stalls = SECOND);
            host.start(|around: Surroundings| async move {
                loop {
                    let mount = around.disk.clone();
                    let synced = R::blocking(move || mount.sync_dir()).await;
                    synced.expect("the disk is that of this process");
                }
            });
            R::sleep(10 * SECOND).await;
            host.kill(Farewell::Closed);
            let syncs = host.disk().counters().syncs;
            R::sleep(10 * SECOND).await;
            assert_eq!(host.disk().counters().syncs, syncs);
        });
    }
}

#[test]
fn a_disk_that_stalled_before_its_machine_was_started_again_holds_nothing_up() {
    for seed in 0..20 {
        run(seed, move || async move {
            let host = host();
            let served = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&served);
            host.start(move |around: Surroundings| {
                let count = Arc::clone(&count);
                async move {
                    for _ in 0..3 {
                        let mount = around.disk.clone();
                        // Several syncs in one piece, each of which would stall by itself.
                        let work = move || (0..5).try_for_each(|_| mount.sync_dir());
                        R::blocking(work).await.expect("the disk is that of this process");
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    std::future::pending().await
                }
            });
            R::sleep(SECOND).await;
            assert_eq!(served.swap(0, Ordering::Relaxed), 3, "seed {seed}");
            host.disk().set_faults_for(20 * SECOND, |faults| {
                faults.sync_stalls = 20 * SECOND;
                faults.slowdown = 5;
            });
            host.power_loss();
            host.restart();
            R::sleep(21 * SECOND).await;
            assert!(served.swap(0, Ordering::Relaxed) > 0, "seed {seed}: the stall is over");
            host.disk().set_faults(|faults| *faults = Faults::default());
            host.power_loss();
            host.restart();
            R::sleep(SECOND).await;
            assert_eq!(served.load(Ordering::Relaxed), 3, "seed {seed}");
        });
    }
}
