//! `lock` (C38) and `elect` (C39) against a member.

#![expect(clippy::disallowed_methods, reason = "the command that runs under a lock writes a file")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use detcd_ctl::failure::Failure;
use detcd_node::daemon;
use detcd_node::node::Node;
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::AsyncRuntime;
use tokio::task::JoinHandle;

use crate::member;

/// What a command that does not end by itself has printed so far.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<String>>);

impl Printed {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    async fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..6_000 {
            if wanted(&self.text()) {
                return self.text();
            }
            TokioRuntime::sleep(Duration::from_millis(10)).await;
        }
        panic!("it printed {:?}", self.text())
    }
}

struct World {
    node: Node<TokioRuntime>,
    data_dir: std::path::PathBuf,
}

impl World {
    async fn new(name: &str) -> Self {
        let data_dir = member::directory(name);
        Self { node: member::start(&data_dir).await, data_dir }
    }

    fn endpoint(&self) -> String {
        self.node.client_addresses()[0].clone()
    }

    async fn run(&self, line: &[&str]) -> Result<String, Failure> {
        let mut printed = Vec::new();
        let mut say = |text: &[u8]| printed.extend_from_slice(text);
        member::ctl(&self.endpoint(), line, &mut say).await?;
        Ok(String::from_utf8(printed).unwrap())
    }

    /// Runs one until it is aborted.
    fn start(&self, line: &'static [&'static str]) -> (Printed, JoinHandle<()>) {
        let (printed, endpoint) = (Printed::default(), self.endpoint());
        let into = printed.clone();
        let running = tokio::task::spawn(async move {
            let mut say = |text: &[u8]| *into.0.lock().unwrap() += str::from_utf8(text).unwrap();
            member::ctl(&endpoint, line, &mut say).await.unwrap();
        });
        (printed, running)
    }

    async fn end(self) {
        daemon::stop(self.node).await;
        std::fs::remove_dir_all(&self.data_dir).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_under_a_lock_and_its_end_is_that_of_the_tool() {
    let world = World::new("lock").await;
    let file = world.data_dir.join("told");
    let script = format!("echo $ETCD_LOCK_KEY $ETCD_LOCK_REV > {}; exit 3", file.display());
    let failure = world.run(&["lock", "job", "--", "sh", "-c", &script]).await.unwrap_err();
    assert_eq!((failure.text.as_deref(), failure.code), (Some("exit status 3"), 3));
    let told = std::fs::read_to_string(&file).unwrap();
    assert!(told.starts_with("job/") && told.ends_with(" 2\n"), "{told}");
    // It is given back, and the next does not wait.
    assert_eq!(world.run(&["get", "job/", "--prefix"]).await.unwrap(), "");
    assert_eq!(world.run(&["lease", "list"]).await.unwrap(), "found 0 leases\n");
    assert_eq!(world.run(&["lock", "job", "true"]).await.unwrap(), "");
    let missing = world.run(&["lock", "job", "no such program"]).await.unwrap_err();
    assert_eq!(missing.code, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_shown_and_kept_from_others() {
    let world = World::new("kept").await;
    let (first, holding) = world.start(&["lock", "job", "--ttl", "1"]);
    let shown = first.until(|text| text.ends_with("\n\n")).await;
    assert!(shown.starts_with("job/"), "{shown}");
    let (second, waiting) = world.start(&["lock", "job", "--ttl=60"]);
    // Longer than the lease lives by itself: it is renewed.
    TokioRuntime::sleep(Duration::from_secs(4)).await;
    assert_eq!(second.text(), "");
    holding.abort();
    second.until(|text| text.starts_with("job/")).await;
    waiting.abort();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_are_elected_and_told() {
    let world = World::new("elect").await;
    let (first, leading) = world.start(&["elect", "e", "one"]);
    let elected = first.until(|text| text.ends_with("one\n")).await;
    assert!(elected.starts_with("e/"), "{elected}");
    let (listener, listening) = world.start(&["elect", "-l", "e"]);
    listener.until(|text| text == elected).await;
    let (second, campaigning) = world.start(&["elect", "e", "two"]);
    // Who leads goes away without a word, and its lease is ended by hand.
    leading.abort();
    let lease = elected.lines().next().unwrap().strip_prefix("e/").unwrap().to_owned();
    world.run(&["lease", "revoke", &lease]).await.unwrap();
    let next = second.until(|text| text.ends_with("two\n")).await;
    listener.until(|text| text == format!("{elected}{next}")).await;
    for running in [listening, campaigning] {
        running.abort();
    }
    world.end().await;
}

#[tokio::test]
async fn misuse_is_refused_as_etcdctl_refuses_it() {
    for (line, text) in [
        (&["lock"][..], "lock takes a lock name argument and an optional command to execute"),
        (&["elect"], "elect takes one election name argument and an optional proposal argument"),
        (&["elect", "a"], "no proposal argument but -l not set"),
        (&["elect", "-l", "a", "b"], "proposal given but -l is set"),
    ] {
        let refused = member::ctl("127.0.0.1:1", line, &mut |_| ()).await.unwrap_err();
        assert_eq!((refused.text.as_deref(), refused.code), (Some(text), 128));
    }
}
