//! Measurements by command: `benches load`, `side-by-side`, `watchers`, `simulator`, `judged`, `checker`.

#![expect(clippy::print_stdout, reason = "the numbers are what was asked for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use benches::checker::{self, Shape};
use benches::judged::{self, Judged};
use benches::load::{self, End, Load, Work};
use benches::process::{self, Program};
use benches::side_by_side::{self, Comparison};
use benches::simulator::{self, Simulation};
use benches::watchers::{self, Watchers};
use clap::{Args, Parser, Subcommand};

/// Measures detcd, its simulator and its checkers.
#[derive(Parser, Debug)]
#[command(name = "benches")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Load on servers that run already.
    Load(LoadFlags),
    /// The same loads on detcd and on a real etcd, in turns.
    SideBySide(SideBySideFlags),
    /// How long events take to reach many watchers of a server that runs already.
    Watchers(WatchersFlags),
    /// How fast the simulator runs a cluster.
    Simulator(SimulatorFlags),
    /// How fast runs are with clients, watchers and all checkers.
    Judged(JudgedFlags),
    /// How long the strict serializability checker takes.
    Checker(CheckerFlags),
}

#[derive(Args, Debug)]
struct EndFlags {
    /// Requests per measurement; takes precedence over the seconds.
    #[arg(long)]
    requests: Option<u64>,
    /// Seconds per measurement.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

impl EndFlags {
    fn end(&self) -> End {
        match self.requests {
            Some(requests) => End::Requests(requests),
            None => End::After(Duration::from_secs_f64(self.seconds.clamp(0.0, 86_400.0))),
        }
    }
}

#[derive(Args, Debug)]
struct LoadFlags {
    /// What is asked.
    #[arg(value_enum)]
    work: Work,
    /// Where the servers are: host:port, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "127.0.0.1:2379")]
    endpoints: Vec<String>,
    /// Process ids of the servers, for their CPU time.
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
    /// Clients at the same time.
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// Connections that they share.
    #[arg(long, default_value_t = 10)]
    connections: usize,
    #[command(flatten)]
    end: EndFlags,
    /// Different keys.
    #[arg(long, default_value_t = 1_000)]
    keys: u64,
    /// Length of a key.
    #[arg(long, default_value_t = 8)]
    key_bytes: usize,
    /// Length of a value.
    #[arg(long, default_value_t = 256)]
    value_bytes: usize,
}

#[derive(Args, Debug)]
struct SideBySideFlags {
    /// The detcd executable; a release build.
    #[arg(long, default_value = "target/release/detcd")]
    detcd: PathBuf,
    /// A real etcd's executable; without it only detcd is measured.
    #[arg(long)]
    etcd: Option<PathBuf>,
    /// Members per cluster.
    #[arg(long, default_value_t = 1)]
    members: usize,
    /// Rounds per load and program.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    #[command(flatten)]
    end: EndFlags,
    /// Where the members keep their data while they are measured; the disk matters.
    #[arg(long, default_value = "target/benches")]
    folder: PathBuf,
}

#[derive(Args, Debug)]
struct WatchersFlags {
    /// Where the server is: host:port.
    #[arg(long, default_value = "127.0.0.1:2379")]
    endpoint: String,
    /// Process id of the server, for its CPU time.
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
    /// Streams.
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// Watchers on each stream.
    #[arg(long, default_value_t = 1_000)]
    watchers: usize,
    /// Puts, each an event for every watcher.
    #[arg(long, default_value_t = 100)]
    puts: usize,
}

#[derive(Args, Debug)]
struct SimulatorFlags {
    /// Members of the cluster.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Puts per simulated second; 0 for as fast as they are answered.
    #[arg(long, default_value_t = 20)]
    rate: u64,
    /// Puts.
    #[arg(long, default_value_t = 2_000)]
    puts: u64,
    /// The number that decides the run.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Args, Debug)]
struct JudgedFlags {
    /// Members of the cluster.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Requests per simulated second, about; several take their turns.
    #[arg(long, value_delimiter = ',', default_value = "20,500")]
    rate: Vec<u64>,
    /// Simulated seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The number that decides the run.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Args, Debug)]
struct CheckerFlags {
    /// Sizes of the histories, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "500,1000,100000,1000000")]
    operations: Vec<u64>,
    /// Most operations that are also checked by search.
    #[arg(long, default_value_t = 1_000)]
    search_max: u64,
    /// Clients at the same time.
    #[arg(long, default_value_t = 8)]
    clients: u64,
    /// Different keys.
    #[arg(long, default_value_t = 100)]
    keys: u64,
    /// One operation in so many has an unknown outcome; 0 for none.
    #[arg(long, default_value_t = 100)]
    unknown_one_in: u64,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Load(flags) => in_tokio(load(flags)),
        Command::SideBySide(flags) => in_tokio(side_by_side(flags)),
        Command::Watchers(flags) => in_tokio(watch(flags)),
        Command::Simulator(flags) => {
            let SimulatorFlags { members, rate, puts, seed } = flags;
            println!("{}", simulator::run(Simulation { seed, members, rate, puts }));
            Ok(())
        }
        Command::Judged(JudgedFlags { members, rate, seconds, seed }) => {
            for rate in rate {
                println!("{}", judged::measure(Judged { seed, members, rate, seconds }));
            }
            Ok(())
        }
        Command::Checker(flags) => {
            check(&flags);
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            println!("no measurement: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn in_tokio(work: impl Future<Output = Result<(), load::Error>>) -> Result<(), String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(work)
        .map_err(|error| error.to_string())
}

async fn load(flags: LoadFlags) -> Result<(), load::Error> {
    let load = Load {
        work: flags.work,
        clients: flags.clients,
        connections: flags.connections,
        end: flags.end.end(),
        keys: flags.keys,
        key_bytes: flags.key_bytes,
        value_bytes: flags.value_bytes,
    };
    let measured = load::run(&load, &flags.endpoints, &flags.pids).await?;
    println!("load {load}: {measured}");
    Ok(())
}

async fn watch(flags: WatchersFlags) -> Result<(), load::Error> {
    let WatchersFlags { endpoint, pids, streams, watchers, puts } = flags;
    let shape = Watchers { streams, watchers, puts };
    let measured = watchers::run(shape, &endpoint, &pids).await?;
    println!("watchers {shape}: {measured}");
    Ok(())
}

async fn side_by_side(flags: SideBySideFlags) -> Result<(), load::Error> {
    let mut programs = vec![Program { name: "detcd", path: flags.detcd }];
    programs.extend(flags.etcd.map(|path| Program { name: "etcd", path }));
    let comparison = Comparison {
        programs,
        members: flags.members,
        rounds: flags.rounds,
        loads: side_by_side::default_loads(flags.end.end()),
        folder: flags.folder,
    };
    side_by_side::run(&comparison, |line| print!("{line}")).await
}

fn check(flags: &CheckerFlags) {
    for operations in &flags.operations {
        let CheckerFlags { clients, keys, unknown_one_in, .. } = *flags;
        let shape = Shape { operations: *operations, clients, keys, unknown_one_in };
        println!("{}", checker::run(shape, flags.search_max));
    }
    if let Some(bytes) = process::peak_memory() {
        println!("most memory at a time, histories included: {} MiB", bytes >> 20);
    }
}
