//! Time, tasks and entropy of the simulated runtime.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use detcd_node::runtime::Runtime;
use openraft_rt::{AsyncRuntime, Instant};
use sim::network::NetworkOptions;
use sim::{SimInstant, SimRuntime, Trace, World, run};

type R = SimRuntime;

const SECOND: Duration = Duration::from_secs(1);

fn world() -> World {
    World::new(Trace::default(), NetworkOptions::default())
}

#[test]
fn openrafts_own_suite_accepts_the_runtime() {
    openraft_rt::testing::Suite::<R>::test_all();
}

#[test]
fn a_panic_anywhere_names_the_seed() {
    let caught = panic::catch_unwind(|| {
        run(4711, || async {
            R::spawn(async { panic!("out of cheese") });
            R::sleep(SECOND).await;
        });
    });
    let message = caught.expect_err("it panics").downcast::<String>().expect("with a text");
    assert_eq!(*message, "seed 4711: out of cheese");
}

#[test]
fn the_future_of_a_timeout_wins_a_tie() {
    run(1, || async {
        let at = SimInstant::now() + SECOND;
        let done = R::timeout_at(at, R::sleep_until(at)).await;
        assert!(done.is_ok());
        assert!(R::timeout(SECOND, R::sleep(2 * SECOND)).await.is_err());
    });
}

#[test]
fn a_sleep_follows_the_waker_of_its_latest_poll() {
    run(1, || async {
        let mut sleep = Box::pin(R::sleep(SECOND));
        // Polled once by a task that goes away, and then by this one.
        assert!(R::timeout(SECOND / 2, sleep.as_mut()).await.is_err());
        let moved = R::spawn(async move {
            sleep.await;
            SimInstant::now()
        });
        let woken = moved.await.expect("it is not cancelled");
        assert!(SimInstant::now() >= woken);
    });
}

#[test]
fn sleeps_and_instants_follow_the_clock_of_their_machine() {
    run(3, || async {
        let world = world();
        let mut woken = Vec::new();
        for (name, ip, ppm) in
            [("slow", "10.0.0.1", -200_000), ("true", "10.0.0.2", 0), ("fast", "10.0.0.3", 250_000)]
        {
            let host = world.host(name, ip);
            host.set_clock_drift(ppm);
            let world = world.clone();
            let start = world.true_time();
            let task = host.spawn(async move {
                let begin = SimInstant::now();
                R::sleep(10 * SECOND).await;
                assert!(begin.elapsed() >= 10 * SECOND);
                assert!(begin.elapsed() < 10 * SECOND + Duration::from_millis(1));
                world.true_time() - start
            });
            woken.push(task.await.expect("it is not cancelled").as_millis());
        }
        assert_eq!(woken, [12_500, 10_000, 8_000]);
    });
}

#[test]
fn a_clock_that_is_slowed_down_does_not_wake_a_sleep_early() {
    run(3, || async {
        let world = world();
        let host = world.host("n1", "10.0.0.1");
        let task = host.spawn(async {
            let begin = SimInstant::now();
            R::sleep(2 * SECOND).await;
            assert!(begin.elapsed() >= 2 * SECOND);
        });
        R::sleep(SECOND).await;
        host.set_clock_drift(-500_000);
        task.await.expect("it is not cancelled");
        assert_eq!(world.true_time().as_millis(), 3_000);
    });
}

#[test]
fn the_wall_clock_steps_and_the_monotonic_one_does_not() {
    run(3, || async {
        let host = world().host("n1", "10.0.0.1");
        let read = || host.spawn(async { (SimInstant::now(), R::wall_clock()) });
        let (before, wall_before) = read().await.expect("it is not cancelled");
        host.step_wall_clock(-3_600_000_000_000);
        let (after, wall_after) = read().await.expect("it is not cancelled");
        assert!(after > before);
        assert!(wall_after < wall_before - 3_599 * SECOND);
    });
}

#[test]
fn the_entropy_of_a_machine_depends_on_seed_and_name_alone() {
    let entropy = |seed, hosts: &'static [(&str, &str)]| {
        run(seed, move || async move {
            let world = world();
            let mut last = Vec::new();
            for (name, ip) in hosts {
                let host = world.host(name, ip);
                let task = host.spawn(async { [R::random_u64(), R::random_u64()] });
                last = task.await.expect("it is not cancelled").to_vec();
            }
            last
        })
    };
    let alone = entropy(5, &[("n2", "10.0.0.2")]);
    assert_eq!(alone, entropy(5, &[("n1", "10.0.0.1"), ("n2", "10.0.0.2")]));
    assert_ne!(alone, entropy(6, &[("n2", "10.0.0.2")]));
    assert_ne!(alone, entropy(5, &[("n1", "10.0.0.1")]));
    assert_ne!(alone[0], alone[1]);
}

#[test]
fn blocking_work_is_done_although_nobody_waits_for_it() {
    for seed in 0..10 {
        run(seed, || async {
            let done = Arc::new(AtomicU32::new(0));
            for _ in 0..10 {
                let done = Arc::clone(&done);
                let work = move || done.fetch_add(1, Ordering::Relaxed);
                // Dropped after the first poll, or done by then.
                _ = R::timeout(Duration::ZERO, R::blocking(work)).await;
            }
            R::sleep(SECOND).await;
            assert_eq!(done.load(Ordering::Relaxed), 10);
        });
    }
}

#[test]
fn nothing_of_a_run_outlives_it() {
    /// Never ends, and is woken by something that only it holds.
    async fn wait(held: Arc<()>) {
        let (_keep, mut never) = tokio::sync::mpsc::channel::<()>(1);
        never.recv().await;
        drop(held);
    }
    let left = run(1, || async {
        let held = Arc::new(());
        let host = world().host("n1", "10.0.0.1");
        drop(host.spawn(wait(Arc::clone(&held))));
        drop(R::spawn(wait(Arc::clone(&held))));
        R::sleep(SECOND).await;
        Arc::downgrade(&held)
    });
    assert_eq!(left.strong_count(), 0);
}

#[test]
fn two_worlds_on_one_thread_are_refused() {
    let nested = panic::catch_unwind(|| {
        run(1, || async { <R as AsyncRuntime>::run(async {}) });
    });
    assert!(nested.is_err());
}
