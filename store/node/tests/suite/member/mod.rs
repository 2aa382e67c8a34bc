//! A fresh member, as a channel: the one place of these tests that knows how a member is made.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use detcd_node::config::Config;
use detcd_node::daemon;
use detcd_node::node::{Environment, Node};
use detcd_node::observer::NoObserver;
use detcd_node::runtime::tokio::{DirectoryDisk, TcpNetwork, TokioRuntime};

/// An empty member, alone in its cluster, with etcd's default ids, that leads. It lives as long as this.
pub(crate) struct Member {
    node: Option<Node<TokioRuntime>>,
    directory: PathBuf,
}

static STARTED: AtomicU64 = AtomicU64::new(0);

impl Member {
    /// What it serves its clients.
    pub(crate) fn router(&self) -> Router {
        self.node.as_ref().unwrap().router()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        drop(self.node.take());
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Starts a member on a directory of its own.
pub(crate) async fn start() -> Member {
    start_with(Config::default()).await
}

/// Starts a member with other settings; its addresses are chosen here.
pub(crate) async fn start_with(config: Config) -> Member {
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let name = format!("detcd-test-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    let environment = Environment {
        network: Arc::new(TcpNetwork),
        disk: Arc::new(DirectoryDisk::open(&directory).unwrap()),
        observer: Arc::new(NoObserver),
    };
    let config = Config {
        listen_client_urls: vec!["http://127.0.0.1:0".to_owned()],
        listen_peer_urls: vec!["http://127.0.0.1:0".to_owned()],
        ..config
    };
    let node = daemon::start(config, environment).await.unwrap();
    node.replica().read_barrier().await.unwrap();
    Member { node: Some(node), directory }
}
