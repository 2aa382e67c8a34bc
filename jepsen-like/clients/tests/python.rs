//! The unmodified Python client `etcd3`, where Python is there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clients::daemon::Cluster;
use clients::foreign::Foreign;
use clients::{daemon_binary, load};

/// Newer versions of what it depends on do not work with it.
const PACKAGES: [&str; 4] = ["etcd3==0.12.0", "protobuf<4", "tenacity<7", "grpcio"];

fn run(program: &Path, arguments: &[&str]) -> Result<Output, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(output);
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{} {}: {words}", program.display(), arguments.join(" ")))
}

/// A Python that has the client, made ready on first use; nothing where the packages cannot be fetched,
/// which is said where it is seen.
fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python");
    let python = folder.join("bin/python");
    if run(&python, &["-c", "import etcd3"]).is_ok() {
        return Some(python);
    }
    let venv = ["-m", "venv", &folder.to_string_lossy()];
    run(Path::new("python3"), &venv).unwrap_or_else(|reason| panic!("python3-venv: {reason}"));
    let install = [&["-m", "pip", "install", "--quiet"][..], &PACKAGES].concat();
    if let Err(reason) = run(&python, &install) {
        // Not by the macro, whose words are kept from whoever reads about a test that passed.
        let line = format!("skipped: Python's etcd3 cannot be fetched: {reason}\n");
        std::io::stderr().write_all(line.as_bytes()).expect("there is somebody to tell");
        return None;
    }
    run(&python, &["-c", "import etcd3"]).unwrap_or_else(|reason| panic!("{reason}"));
    Some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_finds_what_it_knows_of_etcd() {
    let Some(python) = python() else { return };
    let cluster = Cluster::start(&daemon_binary(), 1);
    load::leader::<Foreign>(&cluster).await;
    let [member] = cluster.members.as_slice() else { panic!("one member was asked for") };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/etcd3_client.py");
    let port = member.client_port.to_string();
    let script = script.to_string_lossy();
    let done = tokio::task::spawn_blocking({
        let (python, script) = (python, script.into_owned());
        move || run(&python, &[&script, "127.0.0.1", &port])
    });
    let output = done.await.unwrap().unwrap_or_else(|reason| panic!("{reason}"));
    let steps = String::from_utf8_lossy(&output.stdout).lines().count();
    assert_eq!(steps, 6, "{}", String::from_utf8_lossy(&output.stdout));
}
