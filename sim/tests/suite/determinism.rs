//! The same seed gives the same run: within a process, and in another one.

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs::File;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::io::Read;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use detcd_node::runtime::{Disk, Network, Runtime};
use openraft_rt::{AsyncRuntime, Watch, WatchReceiver, WatchSender};
use sim::network::{Farewell, LinkOptions, NetworkOptions};
use sim::trace::Digest;
use sim::{Host, SimRuntime, Stream, Surroundings, Trace, World, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

type R = SimRuntime;

/// Set for a child process: the seed whose digest it prints.
const CHILD_SEED: &str = "SIM_DETERMINISM_CHILD_SEED";

const MILLISECOND: Duration = Duration::from_millis(1);

/// A member of the toy: stores what it receives, syncs it, answers, and tells a watcher.
async fn serve(around: Surroundings, trace: Trace) {
    let mount = around.disk.clone();
    let log = R::blocking(move || {
        let log = mount.open("log", true)?;
        mount.sync_dir().map(|()| log)
    });
    let log = log.await.expect("nothing is wrong with the disk");
    let (sender, _) = <R as AsyncRuntime>::Watch::channel(0u64);
    for number in 0..3u64 {
        let (mut receiver, trace) = (sender.subscribe(), trace.clone());
        R::spawn(async move {
            while receiver.changed().await.is_ok() {
                let length = *receiver.borrow_and_update();
                let fields = [("watcher", number.into()), ("length", length.into())];
                trace.event("watched", &fields);
            }
        });
    }
    let listener = around.network.listen("0.0.0.0:1").await.expect("the port is free");
    while let Ok((mut stream, _)) = listener.accept().await {
        let (log, sender) = (Arc::clone(&log), sender.clone());
        R::spawn(async move {
            while let Ok(word) = stream.read_u64().await {
                let log = Arc::clone(&log);
                let work = move || {
                    let end = log.len()?;
                    log.write_at(end, &word.to_le_bytes())?;
                    log.sync().map(|()| end)
                };
                let Ok(length) = R::blocking(work).await else { return };
                _ = sender.send(length);
                if stream.write_u64(R::random_u64() ^ word).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// A client of the toy: talks to whoever answers.
async fn talk<S>(host: Host, world: World, hash_order: Arc<Mutex<Vec<u64>>>)
where
    S: BuildHasher + Default,
{
    let mut source = world.streams().source(Stream::Workload, host.name());
    let mut answers = HashMap::with_hasher(S::default());
    for _ in 0..40 {
        let server = format!("10.0.0.{}:1", 1 + source.draw().below(3));
        let word = source.draw().bits();
        let exchange = async {
            let mut stream = host.network().connect(&server).await?;
            stream.write_u64(word).await?;
            stream.read_u64().await
        };
        if let Ok(Ok(answer)) = R::timeout(500 * MILLISECOND, exchange).await {
            answers.insert(word, answer);
        }
        R::sleep(MILLISECOND * 5).await;
    }
    hash_order.lock().expect("nobody panicked").extend(answers.into_values());
}

async fn torment(servers: Vec<Host>, world: World) {
    let mut source = world.streams().source(Stream::Fault, "torment");
    for _ in 0..30 {
        R::sleep(20 * MILLISECOND).await;
        let choice = usize::try_from(source.draw().below(3)).expect("below 3");
        let (victim, other) = (&servers[choice], &servers[(choice + 1) % 3]);
        match source.draw().below(7) {
            0 => victim.disk().power_loss_at(1 + source.draw().below(10)),
            1 => victim.kill(Farewell::Closed),
            2 => world.network().cut(victim.id(), other.id()),
            3 => world.network().heal_all(),
            4 => world.network().clog(victim.id(), other.id(), 10 * MILLISECOND),
            5 => victim.set_clock_drift(i32::try_from(source.draw().below(1000)).expect("small")),
            _ => {
                victim.pause();
                R::sleep(30 * MILLISECOND).await;
                victim.resume();
            }
        }
        R::sleep(20 * MILLISECOND).await;
        for server in servers.iter().filter(|server| !server.is_running()) {
            server.restart();
        }
    }
}

/// Everything at once, with `extra` as a part of the client's life.
fn simulate(seed: u64, trace: &Trace, extra: fn() -> Duration) -> Digest {
    simulate_with::<RandomState>(seed, trace, extra)
}

/// That, with hash maps that have their order from `S`.
fn simulate_with<S>(seed: u64, trace: &Trace, extra: fn() -> Duration) -> Digest
where
    S: BuildHasher + Default + Send + 'static,
{
    let trace = trace.clone();
    run(seed, move || async move {
        let link = LinkOptions { loss_per_million: 10_000, ..LinkOptions::default() };
        let options = NetworkOptions { link, ..NetworkOptions::default() };
        let world = World::new(trace.clone(), options);
        let servers: Vec<Host> = (1..=3)
            .map(|number| {
                let host = world.host(&format!("n{number}"), &format!("10.0.0.{number}"));
                let trace = trace.clone();
                host.start(move |around| serve(around, trace.clone()));
                host
            })
            .collect();
        let hash_order = Arc::new(Mutex::new(Vec::new()));
        let clients = (1..=4).map(|number| {
            let host = world.host(&format!("c{number}"), &format!("10.0.1.{number}"));
            host.spawn(talk::<S>(host.clone(), world.clone(), Arc::clone(&hash_order)))
        });
        let clients: Vec<_> = clients.collect();
        R::sleep(50 * MILLISECOND + extra()).await;
        torment(servers, world).await;
        for client in clients {
            client.await.expect("clients are not killed");
        }
        for answer in hash_order.lock().expect("nobody panicked").iter() {
            trace.event("answer", &[("bits", (*answer).into())]);
        }
        trace.digest()
    })
}

fn nothing() -> Duration {
    Duration::ZERO
}

/// Bytes that no seed decides: the file is not one of the simulation's.
fn outside() -> u32 {
    let mut bytes = [0; 4];
    let mut urandom = File::open("/dev/urandom").expect("it is a Unix");
    urandom.read_exact(&mut bytes).expect("it never ends");
    u32::from_le_bytes(bytes)
}

/// The kind of bug that the comparison is there for.
fn ambient_randomness() -> Duration {
    Duration::from_nanos(u64::from(outside()))
}

/// The other kind: a hash map whose order is another one in every run, as that of a map that took its keys from the
/// system behind the simulator's back.
struct AmbientOrder(u32);

impl Default for AmbientOrder {
    fn default() -> Self {
        Self(outside())
    }
}

impl BuildHasher for AmbientOrder {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u32(self.0);
        hasher
    }
}

#[test]
fn a_seed_gives_the_same_run_on_any_thread_and_others_do_not() {
    let mut digests = HashSet::new();
    for seed in 0..4 {
        let runs: Vec<_> = std::thread::scope(|scope| {
            let run = || scope.spawn(move || simulate(seed, &Trace::default(), nothing));
            [run(), run(), run()].map(|run| run.join().expect("it does not panic")).to_vec()
        });
        if runs.iter().any(|run| *run != runs[0]) {
            let recorded = [Trace::recorded(), Trace::recorded()];
            for trace in &recorded {
                simulate(seed, trace, nothing);
            }
            let [left, right] = recorded.map(|trace| trace.recording());
            let difference = left.first_difference(&right).map(|found| found.to_string());
            panic!("seed {seed}: {runs:?}: {difference:?}");
        }
        assert!(runs[0].count > 1000, "seed {seed} is too dull: {}", runs[0]);
        digests.insert(runs[0].hash);
    }
    assert_eq!(digests.len(), 4);
}

#[test]
fn a_seed_gives_the_same_run_in_another_process() {
    if let Ok(seed) = env::var(CHILD_SEED) {
        let seed = seed.parse().expect("the parent gives a number");
        println!("digest {}", simulate(seed, &Trace::default(), nothing));
        return;
    }
    let name = "determinism::a_seed_gives_the_same_run_in_another_process";
    let child = Command::new(env::current_exe().expect("a test has a binary"))
        .args(["--exact", name, "--nocapture"])
        .env(CHILD_SEED, "77")
        .output()
        .expect("the test binary runs");
    let output = String::from_utf8(child.stdout).expect("it prints text");
    let here = format!("digest {}", simulate(77, &Trace::default(), nothing));
    assert!(output.contains(&here), "{here}, but the child says: {output}");
}

#[test]
fn ambient_randomness_is_detected_and_located() {
    let traces = [Trace::recorded(), Trace::recorded()];
    let [left, right] = traces.each_ref().map(|trace| simulate(5, trace, ambient_randomness));
    assert_ne!(left, right);
    let [left, right] = traces.map(|trace| trace.recording());
    let difference = left.first_difference(&right).expect("the digests differ");
    // The servers and clients agree until the fault injector comes late.
    assert!(difference.number > 100, "{difference}");
    assert!(difference.left.is_some(), "{difference}");
}

#[test]
fn an_ambient_order_of_a_hash_map_is_detected_and_located() {
    let traces = [Trace::recorded(), Trace::recorded()];
    let [left, right] =
        traces.each_ref().map(|trace| simulate_with::<AmbientOrder>(5, trace, nothing));
    // Nothing else differs: as many events, of which only the order of the last is another.
    assert_eq!(left.count, right.count);
    assert_ne!(left.hash, right.hash);
    let [left, right] = traces.map(|trace| trace.recording());
    let difference = left.first_difference(&right).expect("the digests differ");
    assert!(difference.number > 1000, "{difference}");
    let [left, right] = [&difference.left, &difference.right].map(|event| format!("{event:?}"));
    assert!(left.contains("answer") && right.contains("answer"), "{difference}");
}

#[test]
fn recording_does_not_change_the_run() {
    let plain = simulate(9, &Trace::default(), nothing);
    assert_eq!(plain, simulate(9, &Trace::recorded(), nothing));
}
