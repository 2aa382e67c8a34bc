//! A server's process, alone in its cluster, with a directory that ends with it.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Both servers are told the same URL for their peers, which none will ever dial: ids of the member
/// and of the cluster follow from it.
const PEER_URL: &str = "http://localhost:2380";
const CLIENT_URL: &str = "http://localhost:2379";

/// A running server; ended and removed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    command: Command,
    folder: PathBuf,
    /// `host:port`.
    pub address: String,
}

impl Server {
    /// Starts `binary` with an empty directory below `folder`; it may take a while until it serves.
    pub fn start(binary: &Path, folder: &Path, flags: &[String]) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = folder.join(format!("differential-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let [client, peer] = free_ports()?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new(binary);
        command
            .arg(format!("--data-dir={}", folder.join("data").display()))
            .arg(format!("--listen-client-urls=http://127.0.0.1:{client}"))
            .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer}"))
            .arg(format!("--advertise-client-urls={CLIENT_URL}"))
            .arg(format!("--initial-advertise-peer-urls={PEER_URL}"))
            .arg(format!("--initial-cluster=default={PEER_URL}"))
            .arg("--log-level=warn")
            .args(flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command.spawn()?;
        Ok(Self { child, command, folder, address: format!("127.0.0.1:{client}") })
    }

    /// Ends it as an operator does, and starts it again with its data.
    pub fn restart(&mut self) -> io::Result<()> {
        let process = self.child.id().to_string();
        Command::new("kill").arg(process).stdin(Stdio::null()).status()?;
        self.child.wait()?;
        self.child = self.command.spawn()?;
        Ok(())
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Two ports that nobody listens on at the moment.
fn free_ports() -> io::Result<[u16; 2]> {
    let held = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([held[0].local_addr()?.port(), held[1].local_addr()?.port()])
}
