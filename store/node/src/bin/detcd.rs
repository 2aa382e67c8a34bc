#![expect(clippy::disallowed_methods, reason = "the daemon lives in the real world")]
//! The daemon.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use detcd_node::config::{AuthToken, ClusterState, Config, parse_duration};
use detcd_node::daemon;
use detcd_node::node::{Ending, Environment};
use detcd_node::observer::NoObserver;
use detcd_node::runtime::tokio::{DirectoryDisk, TcpNetwork};
use detcd_node::version;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

/// A strongly consistent key-value store with etcd's v3 API.
#[derive(Parser, Debug)]
#[command(name = "detcd", disable_version_flag = true)]
struct Flags {
    /// Name of this member, unique in the cluster.
    #[arg(long, default_value = "default")]
    name: String,
    /// Directory of the member's data; ${name}.etcd when not given.
    #[arg(long, default_value = "")]
    data_dir: String,
    /// URLs to serve clients on.
    #[arg(long, value_delimiter = ',', default_value = "http://localhost:2379")]
    listen_client_urls: Vec<String>,
    /// URLs that clients are told to use.
    #[arg(long, value_delimiter = ',', default_value = "http://localhost:2379")]
    advertise_client_urls: Vec<String>,
    /// URLs to serve peers on.
    #[arg(long, value_delimiter = ',', default_value = "http://localhost:2380")]
    listen_peer_urls: Vec<String>,
    /// URLs that peers are told to use.
    #[arg(long, value_delimiter = ',', default_value = "http://localhost:2380")]
    initial_advertise_peer_urls: Vec<String>,
    /// The members of the cluster: name=url,name=url; this member alone when not given.
    #[arg(long, default_value = "")]
    initial_cluster: String,
    /// Whether the cluster is new.
    #[arg(long, value_enum, default_value_t = StateFlag::New)]
    initial_cluster_state: StateFlag,
    /// Token of the cluster; part of all ids.
    #[arg(long, default_value = "etcd-cluster")]
    initial_cluster_token: String,
    /// Time between two heartbeats, in milliseconds.
    #[arg(long, default_value_t = 100)]
    heartbeat_interval: u64,
    /// Time without a heartbeat before an election, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    election_timeout: u64,
    /// Applied entries between two snapshots.
    #[arg(long, default_value_t = 10_000)]
    snapshot_count: u64,
    /// Entries kept in the log for slow followers.
    #[arg(long, default_value_t = 5_000)]
    snapshot_catchup_entries: u64,
    /// Most operations in a transaction.
    #[arg(long, default_value_t = 128)]
    max_txn_ops: usize,
    /// Largest request in bytes.
    #[arg(long, default_value_t = 1_572_864)]
    max_request_bytes: usize,
    /// Most streams on one client connection.
    #[arg(long, default_value_t = u32::MAX)]
    max_concurrent_streams: u32,
    /// Distance that a client's pings have to keep; 0 for five minutes, as in gRPC.
    #[arg(long, default_value = "5s", value_parser = parse_duration)]
    grpc_keepalive_min_time: Duration,
    /// Silence before a client is pinged; 0 for never.
    #[arg(long, default_value = "2h", value_parser = parse_duration)]
    grpc_keepalive_interval: Duration,
    /// Silence after a ping before the client's connection is given up.
    #[arg(long, default_value = "20s", value_parser = parse_duration)]
    grpc_keepalive_timeout: Duration,
    /// Largest size of the database in bytes; 0 for 2 GiB, negative for no limit.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    quota_backend_bytes: i64,
    /// How users prove who they are once their password was right.
    #[arg(long, default_value = "simple")]
    auth_token: String,
    /// Time in seconds that a simple token is good for after its last use.
    #[arg(long, default_value_t = 300)]
    auth_token_ttl: u32,
    /// What hashing a password costs, as a power of two.
    #[arg(long, default_value_t = 10)]
    bcrypt_cost: u32,
    /// Accepted for compatibility; there is no profile to serve yet.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set, require_equals = true)]
    enable_pprof: bool,
    /// Least severe messages that are logged.
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,
    /// Format of log lines.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
    /// Print version and exit.
    #[arg(long)]
    version: bool,
}

/// Longest time that a stop may take before the process ends all the same.
const STOP_LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StateFlag {
    New,
    Existing,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Json,
    Console,
}

impl Flags {
    fn data_dir(&self) -> String {
        if self.data_dir.is_empty() { format!("{}.etcd", self.name) } else { self.data_dir.clone() }
    }

    fn config(&self, auth_token: AuthToken) -> Config {
        Config {
            name: self.name.clone(),
            listen_client_urls: self.listen_client_urls.clone(),
            advertise_client_urls: self.advertise_client_urls.clone(),
            listen_peer_urls: self.listen_peer_urls.clone(),
            initial_advertise_peer_urls: self.initial_advertise_peer_urls.clone(),
            initial_cluster: self.initial_cluster.clone(),
            initial_cluster_state: match self.initial_cluster_state {
                StateFlag::New => ClusterState::New,
                StateFlag::Existing => ClusterState::Existing,
            },
            initial_cluster_token: self.initial_cluster_token.clone(),
            heartbeat_interval_ms: self.heartbeat_interval,
            election_timeout_ms: self.election_timeout,
            snapshot_count: self.snapshot_count,
            snapshot_catchup_entries: self.snapshot_catchup_entries,
            max_txn_ops: self.max_txn_ops,
            max_request_bytes: self.max_request_bytes,
            max_concurrent_streams: self.max_concurrent_streams,
            grpc_keepalive_min_time: self.grpc_keepalive_min_time,
            grpc_keepalive_interval: self.grpc_keepalive_interval,
            grpc_keepalive_timeout: self.grpc_keepalive_timeout,
            quota_backend_bytes: self.quota_backend_bytes,
            auth_token,
            auth_token_ttl: Duration::from_secs(self.auth_token_ttl.into()),
            bcrypt_cost: self.bcrypt_cost,
            ..Config::default()
        }
    }
}

/// Flags in etcd's spelling: one dash is as good as two.
fn arguments() -> Vec<OsString> {
    std::env::args_os()
        .map(|argument| {
            let Some(argument) = argument.to_str() else { return argument };
            let single = argument.len() > 2
                && argument.starts_with('-')
                && !argument.starts_with("--")
                && argument[1..].starts_with(|c: char| c.is_ascii_lowercase());
            if single { format!("-{argument}").into() } else { argument.into() }
        })
        .collect()
}

fn log_to_stderr(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // openraft tells at info what concerns its developers.
    let filter = tracing_subscriber::filter::Targets::new()
        .with_default(level)
        .with_target("openraft", level.min(LevelFilter::WARN));
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    let registry = tracing_subscriber::registry().with(filter);
    if format == LogFormat::Json {
        let layer = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr);
        registry.with(layer).init();
    } else {
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(std::io::stderr);
        registry.with(layer).init();
    }
}

#[expect(clippy::print_stdout, reason = "the version is what was asked for")]
fn print_version() {
    println!("etcd Version: {}", version::SERVER);
    println!("Git SHA: {}", version::GIT_SHA);
    println!("Rust Version: {}", version::RUST);
    println!("OS/Arch: {}/{}", std::env::consts::OS, std::env::consts::ARCH);
}

fn main() -> ExitCode {
    let flags = Flags::parse_from(arguments());
    if flags.version {
        print_version();
        return ExitCode::SUCCESS;
    }
    log_to_stderr(flags.log_level, flags.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(run(flags)),
        Err(error) => Err(error.to_string()),
    };
    match ended {
        Ok(code) => code,
        Err(problem) => {
            for line in problem.lines() {
                tracing::error!("{line}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<ExitCode, String> {
    let data_dir = flags.data_dir();
    let mut terminate = handler(SignalKind::terminate())?;
    let mut interrupt = handler(SignalKind::interrupt())?;
    let auth_token = AuthToken::parse(&flags.auth_token, |path| std::fs::read(path))
        .map_err(|error| error.to_string())?;
    let config = flags.config(auth_token);
    config.validate().map_err(|problems| problems.join("\n"))?;
    let directory = Path::new(&data_dir).join("member");
    if !directory.exists() {
        // Who cannot begin leaves no directory behind.
        config.cluster()?;
    }
    let disk = DirectoryDisk::open(&directory)
        .map_err(|error| format!("cannot use the data directory {data_dir}: {error}"))?;
    let environment = Environment {
        network: Arc::new(TcpNetwork),
        disk: Arc::new(disk),
        observer: Arc::new(NoObserver),
    };
    tracing::info!(version = version::SERVER, name = config.name, data_dir, "starting");
    let started = tokio::select! {
        biased;
        _ = terminate.recv() => return Ok(ExitCode::from(128 + 15)),
        _ = interrupt.recv() => return Ok(ExitCode::from(128 + 2)),
        started = daemon::start(config, environment) => started,
    };
    let node = match started {
        Ok(node) => node,
        Err(error) if error.is_removal() => {
            tracing::warn!("{error}; its data directory must be removed");
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(error.to_string()),
    };
    tracing::info!(addresses = ?node.client_addresses(), "serving clients");
    let code = tokio::select! {
        biased;
        _ = terminate.recv() => 128 + 15,
        _ = interrupt.recv() => 128 + 2,
        ending = node.ended() => match ending {
            Ending::Failed(reason) => return Err(format!("the member cannot go on: {reason}")),
            Ending::Removed => {
                tracing::warn!(
                    "the member has been permanently removed from the cluster; its data directory \
                     must be removed"
                );
                0
            }
        },
    };
    tracing::info!("stopping");
    if tokio::time::timeout(STOP_LIMIT, daemon::stop(node)).await.is_err() {
        tracing::warn!("stopping took too long; the log is safe, what is not flushed is replayed");
    }
    Ok(ExitCode::from(code))
}

fn handler(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|error| format!("cannot handle signals: {error}"))
}
