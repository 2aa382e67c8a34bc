//! What is done with snapshot files: told as by etcdutl 3.6, and restored to what they hold.

#![expect(clippy::disallowed_methods, reason = "the tool under test works on real files")]

use std::path::Path;

use detcd_ctl::offline::{self, cli::Cli};
use detcd_node::daemon;

use crate::member::{directory, start};

/// Saved by a real etcd 3.6.14.
const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bolt/tests/etcd-3.6.14.db");

async fn run(arguments: &[&str]) -> Result<String, String> {
    let cli = Cli::from_arguments(arguments.iter().map(|argument| (*argument).to_owned()));
    match offline::run(&cli.unwrap()).await {
        Ok(text) => Ok(String::from_utf8(text).unwrap()),
        Err(failure) => Err(failure.text.unwrap_or_default()),
    }
}

async fn restore(file: &str, to: &Path, more: &[&str]) -> Result<String, String> {
    let mut arguments = vec!["snapshot", "restore", file, "--data-dir", to.to_str().unwrap()];
    arguments.extend(more);
    run(&arguments).await
}

/// C53 and C54.
#[tokio::test]
async fn a_snapshot_of_etcd_is_told_as_by_etcd() {
    let status = async |format| run(&["snapshot", "status", SNAPSHOT, "-w", format]).await.unwrap();
    assert_eq!(status("simple").await, "2dd4a426, 207, 93, 262 kB, 3.6.0\n");
    assert_eq!(
        status("json").await,
        "{\"hash\":768910374,\"revision\":207,\"totalKey\":93,\"totalSize\":262144,\
         \"version\":\"3.6.0\"}\n"
    );
    assert_eq!(run(&["hashkv", SNAPSHOT]).await.unwrap(), "95253320, 207, 100\n");
    let missing = run(&["snapshot", "status", "nope.db"]).await.unwrap_err();
    assert_eq!(missing, "stat nope.db: no such file or directory");
}

/// C52 and K25: every row, user and role; the hash is the one that etcd had.
#[tokio::test]
async fn a_member_starts_from_a_snapshot_of_etcd() {
    let to = directory("whole");
    restore(SNAPSHOT, &to, &[]).await.unwrap();
    let again = restore(SNAPSHOT, &to, &[]).await.unwrap_err();
    assert_eq!(again, format!("data-dir {to:?} not empty or could not be read"));
    let member = start(&to).await;
    member.replica().read_barrier().await.unwrap();
    let answer = member.replica().hash_at(0).await.unwrap();
    assert_eq!((answer.hash.hash, answer.hash.span.compact_revision), (95_253_320, 100));
    member.replica().state().with_machine(|machine| {
        assert_eq!(machine.auth().users()["u"].roles, ["r"]);
        assert_eq!(machine.auth().roles()["r"].permissions.len(), 1);
        assert!(!machine.auth().is_enabled());
        let lease = machine.leases().get(0x694d_a1fb_4dd0_50cf).unwrap();
        let keys: Vec<_> = lease.keys().collect();
        assert_eq!((lease.ttl, keys), (86_400, vec![&"/leased/a".into(), &"/leased/b".into()]));
    });
    daemon::stop(member).await;
    std::fs::remove_dir_all(&to).unwrap();
}

#[tokio::test]
async fn revisions_can_be_left_out() {
    let to = directory("bumped");
    let refused = restore(SNAPSHOT, &to, &["--bump-revision", "1000"]).await.unwrap_err();
    assert_eq!(refused, "--mark-compacted required if --revision-bump > 0");
    restore(SNAPSHOT, &to, &["--bump-revision", "1000", "--mark-compacted"]).await.unwrap();
    let member = start(&to).await;
    member.replica().read_barrier().await.unwrap();
    member.replica().state().with_machine(|machine| {
        assert_eq!((machine.revision(), machine.compact_revision()), (1207, 1207));
    });
    daemon::stop(member).await;
    std::fs::remove_dir_all(&to).unwrap();
}

#[tokio::test]
async fn damaged_files_are_refused_and_nothing_is_written() {
    let folder = directory("damaged");
    std::fs::create_dir_all(&folder).unwrap();
    let (file, to) = (folder.join("file.db"), folder.join("to"));
    let whole = std::fs::read(SNAPSHOT).unwrap();
    let damaged = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (bytes, flags, text) in [
        (whole[..100_000].to_vec(), &[][..], "snapshot missing hash but --skip-hash-check=false"),
        (whole[..100_000].to_vec(), &["--skip-hash-check"], "lies behind the end of the file"),
        (damaged(4096 * 20), &[], "expected sha256 ["),
        (damaged(6 * 4096 + 8), &["--skip-hash-check"], "page "),
        (vec![7; 4096], &["--skip-hash-check"], "invalid database"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let refused = restore(file.to_str().unwrap(), &to, flags).await.unwrap_err();
        assert!(refused.contains(text), "{refused}");
        assert!(!to.exists());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
