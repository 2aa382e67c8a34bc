//! Real `detcd` processes on loopback, each with a directory and ports of its own.
//!
//! Shared by the tests of this package and by `jepsen-like/clients`, which is another workspace: it
//! knows nothing but the command line and what an operating system does with processes.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long anything may take before a test gives up; how long it should take is another matter.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            pause().await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("waited for {PATIENCE:?}, in vain: {what}"))
}

/// Leaves the processor to others before the next attempt.
pub async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

/// A port that nobody listens on, below those that the system gives to outgoing connections: a
/// member that was killed finds its own port free again.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 11_000;
    const COUNT: u32 = 20_000;
    let start = std::process::id().wrapping_mul(131);
    (0..COUNT)
        .map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            u16::try_from(FIRST + start.wrapping_add(step) % COUNT).expect("below 31000")
        })
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("there is a free port")
}

/// A directory that lasts as long as this.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// An empty directory.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("detcd-process-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A member: what it is started with, and its process while it runs. Ends with its process killed.
#[derive(Debug)]
pub struct Member {
    binary: PathBuf,
    /// `--name`.
    pub name: String,
    /// Port of `--listen-client-urls`.
    pub client_port: u16,
    /// Port of `--listen-peer-urls`.
    pub peer_port: u16,
    /// `--data-dir`.
    pub data_dir: PathBuf,
    /// The flags besides those that follow from the fields above.
    pub flags: Vec<String>,
    process: Mutex<Option<Child>>,
}

impl Member {
    /// A member called `name` with its data below `directory`, alone in its cluster if no flag says
    /// otherwise.
    pub fn new(binary: &Path, directory: &Path, name: &str) -> Self {
        Self {
            binary: binary.to_owned(),
            name: name.to_owned(),
            client_port: free_port(),
            peer_port: free_port(),
            data_dir: directory.join(format!("{name}.etcd")),
            flags: Vec::new(),
            process: Mutex::new(None),
        }
    }

    /// Where clients reach it: `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.client_port)
    }

    /// Where clients reach it: a URL.
    pub fn client_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port)
    }

    /// Where peers reach it: a URL.
    pub fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer_port)
    }

    /// Starts its process; it may take a while until it serves.
    pub fn start(&self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_file());
        let (client, peer) = (self.client_url(), self.peer_url());
        let child = Command::new(&self.binary)
            .args(["--name", &self.name, "--data-dir"])
            .arg(&self.data_dir)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--log-format", "console"])
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.expect("the log file can be opened"))
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", self.binary.display()));
        let before = self.process.lock().expect("nobody panics here").replace(child);
        assert!(before.is_none(), "{} runs already", self.name);
    }

    /// Ends its process as `kill -9` does, and waits until it is gone.
    pub fn kill(&self) {
        let child = self.process.lock().expect("nobody panics here").take();
        let mut child = child.expect("the member runs");
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for");
    }

    /// Asks its process to end (SIGTERM).
    pub fn terminate(&self) {
        let process = self.process.lock().expect("nobody panics here");
        let pid = process.as_ref().expect("the member runs").id();
        // The standard library sends no signal but SIGKILL; every shell does.
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
        assert!(sent.expect("there is a shell").success(), "SIGTERM for {pid} was not sent");
    }

    /// Waits until its process has ended by itself.
    pub async fn ended(&self) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        let status = eventually(&what, async || {
            let mut process = self.process.lock().expect("nobody panics here");
            let child = process.as_mut().expect("the member was started");
            child.try_wait().expect("a child can be asked")
        });
        let status = status.await;
        self.process.lock().expect("nobody panics here").take();
        status
    }

    /// What its processes have logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.data_dir.with_extension("log")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Ok(Some(child)) = self.process.get_mut().map(Option::as_mut) {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(30)..];
            eprintln!("--- {}, last lines ---\n{}", self.name, tail.join("\n"));
        }
    }
}

/// Members that form a cluster.
#[derive(Debug)]
pub struct Cluster {
    /// The members, `infra1` first.
    pub members: Vec<Member>,
    _scratch: Scratch,
}

impl Cluster {
    /// The members of a new cluster, not started, with the flags of the `Procfile`.
    pub fn plan(binary: &Path, size: usize) -> Self {
        let scratch = Scratch::new();
        let member = |number| Member::new(binary, scratch.path(), &format!("infra{number}"));
        let mut members: Vec<Member> = (1..=size).map(member).collect();
        let pairs: Vec<String> =
            members.iter().map(|member| format!("{}={}", member.name, member.peer_url())).collect();
        let all = pairs.join(",");
        for member in &mut members {
            let flags = [
                "--initial-cluster-token",
                "etcd-cluster-1",
                "--initial-cluster",
                &all,
                "--initial-cluster-state",
                "new",
                "--enable-pprof",
            ];
            member.flags = flags.map(str::to_owned).to_vec();
        }
        Self { members, _scratch: scratch }
    }

    /// A new cluster whose members were just started.
    pub fn start(binary: &Path, size: usize) -> Self {
        let cluster = Self::plan(binary, size);
        cluster.members.iter().for_each(Member::start);
        cluster
    }

    /// Where clients reach the members.
    pub fn addresses(&self) -> Vec<String> {
        self.members.iter().map(Member::address).collect()
    }
}
