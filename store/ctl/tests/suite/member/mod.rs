//! A member in this process, on ports of its own, and the tool that talks to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use detcd_ctl::cli::Cli;
use detcd_ctl::command;
use detcd_ctl::failure::Failure;
use detcd_node::config::Config;
use detcd_node::daemon;
use detcd_node::node::{Environment, Node};
use detcd_node::observer::NoObserver;
use detcd_node::runtime::tokio::{DirectoryDisk, TcpNetwork, TokioRuntime};

/// Where something of this process may be; there is nothing yet.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("detcd-ctl-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

/// Starts a member.
pub(crate) async fn start(data_dir: &Path) -> Node<TokioRuntime> {
    let environment = Environment {
        network: Arc::new(TcpNetwork),
        disk: Arc::new(DirectoryDisk::open(&data_dir.join("member")).unwrap()),
        observer: Arc::new(NoObserver),
    };
    let config = Config {
        listen_client_urls: vec!["http://127.0.0.1:0".to_owned()],
        listen_peer_urls: vec!["http://127.0.0.1:0".to_owned()],
        ..Config::default()
    };
    daemon::start(config, environment).await.unwrap()
}

/// Runs detcdctl against an endpoint; `say` gets what it prints.
#[allow(dead_code, reason = "not every test has a member asked")]
pub(crate) async fn ctl(
    endpoint: &str,
    line: &[&str],
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let arguments = ["--endpoints", endpoint].into_iter().chain(line.iter().copied());
    command::run(&Cli::from_arguments(arguments.map(str::to_owned))?, say).await
}
