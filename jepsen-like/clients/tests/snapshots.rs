//! Snapshot files go from detcd to a real etcd and back (K25, C52, G76): etcd's own tools accept ours, ours
//! accept etcd's, and what was in the store is there afterwards: every key with its revisions, what was
//! compacted, leases, users with their passwords, and roles.

use std::path::Path;
use std::process::Command;

use clients::daemon::{Member, Scratch, eventually};
use clients::daemon_binary;
use clients::etcd::Release;
use clients::etcdctl::Etcdctl;

/// Somebody whose store is asked and filled.
struct Store<'a> {
    etcdctl: &'a Etcdctl,
    endpoint: String,
}

impl Store<'_> {
    /// Waits until it can be read from.
    async fn serves(&self) {
        let what = format!("{} serves", self.endpoint);
        // Who is not allowed to read is answered as well.
        let answers = || {
            let output = self.etcdctl.run("etcdctl get any", &self.endpoint);
            let complained = String::from_utf8_lossy(&output.stderr).into_owned();
            output.status.success() || complained.contains("user name is empty")
        };
        eventually(&what, async || answers().then_some(())).await;
    }

    fn run(&self, line: &str) -> String {
        let output = self.etcdctl.run(line, &self.endpoint);
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text")
    }

    fn complaint(&self, line: &str) -> String {
        let output = self.etcdctl.run(line, &self.endpoint);
        assert!(!output.status.success(), "{line} is refused");
        String::from_utf8(output.stderr).expect("it prints text")
    }

    /// Writes a bit of everything; the lease.
    fn fill(&self) -> String {
        for n in 0..60 {
            self.run(&format!("etcdctl put k{} v{n}", n % 9));
        }
        self.run("etcdctl del k3");
        self.run("etcdctl put k3 again");
        self.run("etcdctl del k4");
        let txn = r#"printf 'version("k0") > "0"\n\nput t1 x\nput t2 y\n\n\n' | etcdctl txn"#;
        assert!(self.run(txn).starts_with("SUCCESS"));
        self.run("etcdctl compact 30");
        let granted = self.run("etcdctl lease grant 6000");
        let lease = granted.split(' ').nth(1).expect("an id").to_owned();
        self.run(&format!("etcdctl put leased/1 x --lease={lease}"));
        self.run(&format!("etcdctl put leased/2 y --lease={lease}"));
        self.run("head -c 300000 /dev/zero | tr '\\0' z | etcdctl put large");
        self.run("etcdctl role add r");
        self.run("etcdctl role grant-permission r readwrite k0 k5");
        self.run("etcdctl role grant-permission r read t --prefix");
        self.run("etcdctl user add u:secret");
        self.run("etcdctl user grant-role u r");
        self.run("etcdctl user add root:top");
        self.run("etcdctl user grant-role root root");
        self.run("etcdctl auth enable");
        lease
    }

    /// What it tells of all that.
    fn tell(&self, lease: &str) -> Vec<(String, String)> {
        let root = "etcdctl --user root:top";
        let lines = [
            // Members and terms are those of another cluster.
            format!(
                "{root} get '' --prefix -w fields | grep -v -e ClusterID -e MemberID -e RaftTerm -e zzz"
            ),
            format!("{root} get large --print-value-only | cksum"),
            format!("{root} get k1 --rev=40"),
            format!("{root} get k3 --rev=61"),
            format!(
                "{root} lease timetolive {lease} --keys | sed 's/remaining([0-9]*s)//' | tr '[] ' '\\n' | sort"
            ),
            format!("{root} lease list"),
            format!("{root} role list"),
            format!("{root} role get r"),
            format!("{root} user list"),
            format!("{root} user get u"),
            format!("{root} alarm list"),
            "etcdctl --user u:secret get k1".to_owned(),
            "etcdctl --user u:secret get t --prefix".to_owned(),
        ];
        let mut told: Vec<_> = lines.map(|line| (line.clone(), self.run(&line))).into();
        for (line, text) in [
            (format!("{root} get k1 --rev=29"), "required revision has been compacted"),
            ("etcdctl --user u:secret get k7".to_owned(), "permission denied"),
            ("etcdctl --user u:wrong get k1".to_owned(), "invalid user ID or password"),
            ("etcdctl get k1".to_owned(), "user name is empty"),
        ] {
            let complaint = self.complaint(&line);
            assert!(complaint.contains(text), "{line}: {complaint}");
            told.push((line, text.to_owned()));
        }
        // The client of 3.4 does not say who asks for this.
        self.run(&format!("{root} auth disable"));
        let line = "etcdctl endpoint hashkv | cut -d, -f2";
        let hash = self.run(line);
        assert!(hash.trim().parse::<u32>().is_ok(), "{line}: {hash}");
        told.push((line.to_owned(), hash));
        self.run("etcdctl auth enable");
        told
    }

    fn save(&self, file: &Path) {
        self.run(&format!("etcdctl --user root:top snapshot save {}", file.display()));
    }

    /// Whether it goes on from there.
    fn goes_on(&self) {
        assert_eq!(self.run("etcdctl --user root:top put after restore"), "OK\n");
        assert_eq!(self.run("etcdctl --user u:secret put k1 more"), "OK\n");
    }
}

fn tool(binary: &Path, arguments: &[&str]) -> String {
    let output = Command::new(binary).args(arguments).output().expect("it can be started");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_serves_what_a_snapshot_of_detcd_holds() {
    let Some(release) = Release::find() else { return };
    let scratch = Scratch::new();
    let member = Member::new(&daemon_binary(), scratch.path(), "saved");
    member.start();
    let ours = Store { etcdctl: &release.etcdctl, endpoint: member.address() };
    ours.serves().await;
    let lease = ours.fill();
    let (file, restored) = (scratch.path().join("file.db"), scratch.path().join("restored"));
    ours.save(&file);
    let etcdutl = release.etcdutl.as_ref().expect("3.5 and later have it");
    let status = tool(etcdutl, &["snapshot", "status", text(&file), "-w", "fields"]);
    let revision = ours.run("etcdctl --user root:top get any -w fields | grep Revision");
    assert!(status.contains(&revision), "{status}, and not {revision}");
    tool(etcdutl, &["snapshot", "restore", text(&file), "--data-dir", text(&restored)]);

    let server = release.start(&restored);
    let theirs = Store { etcdctl: &release.etcdctl, endpoint: server.endpoint.clone() };
    theirs.serves().await;
    for (theirs, ours) in theirs.tell(&lease).into_iter().zip(ours.tell(&lease)) {
        assert_eq!(theirs, ours);
    }
    theirs.goes_on();
}

#[tokio::test(flavor = "multi_thread")]
async fn detcd_serves_what_a_snapshot_of_etcd_holds() {
    let releases: Vec<Release> =
        [Release::find(), Release::installed()].into_iter().flatten().collect();
    let daemon = daemon_binary();
    for release in releases {
        let scratch = Scratch::new();
        let server = release.start(&scratch.path().join("saved"));
        let theirs = Store { etcdctl: &release.etcdctl, endpoint: server.endpoint.clone() };
        theirs.serves().await;
        let lease = theirs.fill();
        let file = scratch.path().join("file.db");
        theirs.save(&file);

        let member = Member::new(&daemon, scratch.path(), "default");
        let detcdutl = daemon.with_file_name("detcdutl");
        let (data_dir, peer) = (text(&member.data_dir), member.peer_url());
        let cluster = format!("default={peer}");
        let flags = ["--data-dir", data_dir, "--initial-cluster", &cluster];
        let own = ["--initial-advertise-peer-urls", &peer];
        let restore = ["snapshot", "restore", text(&file)];
        tool(&detcdutl, &[&restore[..], &flags, &own].concat());
        member.start();
        let ours = Store { etcdctl: &release.etcdctl, endpoint: member.address() };
        ours.serves().await;
        for (ours, theirs) in ours.tell(&lease).into_iter().zip(theirs.tell(&lease)) {
            assert_eq!(ours, theirs, "{}", release.etcd.display());
        }
        ours.goes_on();
    }
}
