//! What a real etcd 3.6.14 told of itself when a snapshot of it was saved, a member tells that was
//! restored from the file (C52, K25): every key with its revisions and lease, the hash over all of them,
//! leases, users and roles.

use std::path::PathBuf;

use detcd_ctl::offline;
use detcd_node::daemon;
use detcd_node::node::Node;
use detcd_node::runtime::tokio::TokioRuntime;
use serde_json::{Value, from_str};

use crate::member;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bolt/tests/etcd-3.6.14.db");
const TOLD: &str = include_str!("../../../bolt/tests/etcd-3.6.14.json");
/// How the golden file shortens the one value that is too long for it.
const SHORTENED: &str = "(133336 base64 characters)";

/// A member that was restored from the file, and where it lives.
struct Restored {
    member: Node<TokioRuntime>,
    data_dir: PathBuf,
}

impl Restored {
    async fn start() -> Self {
        let data_dir = member::directory("golden");
        let to = data_dir.to_str().unwrap();
        let arguments = ["snapshot", "restore", FILE, "--data-dir", to].map(str::to_owned);
        let cli = offline::cli::Cli::from_arguments(arguments).unwrap();
        offline::run(&cli).await.unwrap();
        Self { member: member::start(&data_dir).await, data_dir }
    }

    /// What detcdctl prints.
    async fn ctl(&self, line: &[&str]) -> String {
        let endpoint = self.member.client_addresses()[0].clone();
        let mut printed = Vec::new();
        let mut say = |text: &[u8]| printed.extend_from_slice(text);
        member::ctl(&endpoint, line, &mut say).await.unwrap();
        String::from_utf8(printed).unwrap()
    }

    async fn json(&self, line: &[&str]) -> Value {
        let line: Vec<&str> = line.iter().copied().chain(["-w", "json"]).collect();
        from_str(&self.ctl(&line).await).unwrap()
    }

    async fn end(self) {
        daemon::stop(self.member).await;
        std::fs::remove_dir_all(&self.data_dir).unwrap();
    }
}

#[tokio::test]
async fn a_restored_member_tells_what_etcd_told() {
    let told: Value = from_str(TOLD).unwrap();
    let restored = Restored::start().await;

    let keys = restored.ctl(&["get", "", "--prefix", "--keys-only"]).await;
    let keys: Vec<&str> = keys.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(keys.len(), 93);
    assert_eq!(Value::from(keys), told["keys"]);

    let dump = restored.json(&["get", "", "--prefix"]).await;
    assert_eq!(dump["count"], told["dump"]["count"]);
    assert_eq!(dump["header"]["revision"], told["dump"]["header"]["revision"]);
    let (found, expected) =
        (dump["kvs"].as_array().unwrap(), told["dump"]["kvs"].as_array().unwrap());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let mut found = found.clone();
        if expected["value"] == SHORTENED {
            // Its content is part of the hash below.
            assert_eq!(found["value"].as_str().unwrap().len(), 133_336);
            found["value"] = SHORTENED.into();
        }
        assert_eq!(&found, expected);
    }

    let hashed = &restored.json(&["endpoint", "hashkv"]).await[0]["HashKV"];
    for field in ["hash", "compact_revision", "hash_revision"] {
        assert_eq!(hashed[field], told["hashkv"][0]["HashKV"][field], "{field}");
    }

    let lease = told["lease"].as_str().unwrap();
    assert_eq!(restored.ctl(&["lease", "list"]).await, format!("found 1 leases\n{lease}\n"));
    let left = restored.ctl(&["lease", "timetolive", lease, "--keys"]).await;
    assert!(left.starts_with(&format!("lease {lease} granted with TTL(86400s), ")), "{left}");
    assert!(left.ends_with(", attached keys([/leased/a /leased/b])\n"), "{left}");

    let line = |text: String| text.trim_end().to_owned();
    assert_eq!(line(restored.ctl(&["user", "list"]).await), "u");
    assert_eq!(line(restored.ctl(&["user", "get", "u"]).await), told["user"]);
    assert_eq!(line(restored.ctl(&["role", "list"]).await), "r");
    assert_eq!(line(restored.ctl(&["role", "get", "r"]).await), told["role"]);
    assert_eq!(restored.ctl(&["alarm", "list"]).await, "");
    restored.end().await;
}
