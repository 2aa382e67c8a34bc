//! Server processes: started for a measurement, ended with it, and asked for their CPU time.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ticks in `/proc/<pid>/stat` per second: `USER_HZ`, 100 on every architecture of Linux that matters.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time that processes have taken since they started, in user and kernel mode together.
pub fn cpu_time(pids: &[u32]) -> io::Result<Duration> {
    pids.iter().try_fold(Duration::ZERO, |sum, pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let ticks = ticks_of(&stat).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat has another form"))
        })?;
        Ok(sum + Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    })
}

/// The most memory that this process has had at a time, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// `utime` and `stime`, the 14th and 15th field. The second is the program's name in parentheses, in
/// which anything can stand, so counting begins behind the last of them.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let utime: u64 = fields.next()?.parse().ok()?;
    let stime: u64 = fields.next()?.parse().ok()?;
    Some(utime + stime)
}

/// How to run a server: detcd and etcd take the same flags.
#[derive(Debug, Clone)]
pub struct Program {
    /// What it is called in the output.
    pub name: &'static str,
    /// The executable file.
    pub path: PathBuf,
}

/// A running cluster of one program on this machine; ended and removed when dropped.
#[derive(Debug)]
pub struct Servers {
    children: Vec<Child>,
    client_ports: Vec<u16>,
    folder: PathBuf,
}

impl Servers {
    /// Starts `members` members with empty data directories below `folder`.
    pub fn start(program: &Program, members: usize, folder: &Path) -> io::Result<Self> {
        let folder = folder.join(format!("{}-{}", program.name, std::process::id()));
        fs::create_dir_all(&folder)?;
        let ports = free_ports(members * 2)?;
        let (client_ports, peer_ports) = ports.split_at(members);
        let initial_cluster: Vec<String> = peer_ports
            .iter()
            .enumerate()
            .map(|(at, port)| format!("m{at}={}", url(*port)))
            .collect();
        let mut servers =
            Self { children: Vec::new(), client_ports: client_ports.to_vec(), folder };
        for (at, (client, peer)) in client_ports.iter().zip(peer_ports).enumerate() {
            let flags = flags(at, &servers.folder, *client, *peer, &initial_cluster.join(","));
            let log = File::create(servers.folder.join(format!("m{at}.log")))?;
            let child = Command::new(&program.path)
                .args(flags)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()?;
            servers.children.push(child);
        }
        Ok(servers)
    }

    /// Where clients reach the members, as `host:port`.
    pub fn endpoints(&self) -> Vec<String> {
        self.client_ports.iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// The members' process ids.
    pub fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended by itself; there is nobody to tell.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn flags(at: usize, folder: &Path, client: u16, peer: u16, initial_cluster: &str) -> Vec<String> {
    let data_dir = folder.join(format!("m{at}"));
    vec![
        format!("--name=m{at}"),
        format!("--data-dir={}", data_dir.display()),
        format!("--listen-client-urls={}", url(client)),
        format!("--advertise-client-urls={}", url(client)),
        format!("--listen-peer-urls={}", url(peer)),
        format!("--initial-advertise-peer-urls={}", url(peer)),
        format!("--initial-cluster={initial_cluster}"),
        "--log-level=warn".to_owned(),
    ]
}

/// Ports that nobody listens on at the moment; all are held until the last is found, so they differ.
fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let stat = "42 (a ) 7 (b) S 1 42 42 0 -1 4194560 100 0 0 0 12 30 0 0 20 0 5 0 9 9 9";
        assert_eq!(ticks_of(stat), Some(42));
        assert_eq!(ticks_of("42 (a) S 1"), None);
    }

    #[test]
    fn cpu_time_of_nobody_is_zero_and_of_a_stranger_an_error() {
        assert_eq!(cpu_time(&[]).unwrap(), Duration::ZERO);
        assert!(cpu_time(&[u32::MAX]).is_err());
    }
}
