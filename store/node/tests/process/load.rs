//! Writers and a watcher that go on while members are killed, and what must be true in the end.
//!
//! Shared with `jepsen-like/clients`, like `daemon.rs`: it knows a client only as [`Client`].

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::daemon::{Cluster, Member, PATIENCE, eventually, pause};

const WRITERS: usize = 6;
/// Writes of each writer while members are killed.
const WRITES: usize = 100;
/// And while they are stopped in turn, which interrupts nobody for long.
const WRITES_IN_TURN: usize = 300;
/// Acknowledged writes after which members are killed, and after which they are started again.
const KILL_AFTER: usize = 150;
const RESTART_AFTER: usize = 350;

const PREFIX: &str = "/load/";
const FIRST: &str = "/load/first";
const LAST: &str = "/load/last";

/// A key's value as it was written at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it was written.
    pub revision: i64,
}

/// What a member says about itself.
#[derive(Debug, Clone, Copy)]
pub struct Status {
    /// Its id.
    pub member: u64,
    /// The id of the leader that it knows.
    pub leader: u64,
}

/// A client of one member. What fails is told in words only: for a test, any failure is the same.
pub trait Client: Sized + Send + 'static {
    /// An open watch.
    type Watch: Send;

    /// Connects to a member.
    fn connect(address: &str) -> impl Future<Output = Result<Self, String>> + Send;
    /// Writes, and returns the revision.
    fn put(&mut self, key: &str, value: &str) -> impl Future<Output = Result<i64, String>> + Send;
    /// Reads a key as it was at a revision; 0 reads the newest.
    fn get(
        &mut self,
        key: &str,
        revision: i64,
    ) -> impl Future<Output = Result<Option<Row>, String>> + Send;
    /// Asks for the member's status.
    fn status(&mut self) -> impl Future<Output = Result<Status, String>> + Send;
    /// Watches a prefix from a revision on.
    fn watch(
        &mut self,
        prefix: &str,
        from: i64,
    ) -> impl Future<Output = Result<Self::Watch, String>> + Send;
    /// Waits for further changes.
    fn changes(watch: &mut Self::Watch) -> impl Future<Output = Result<Vec<Row>, String>> + Send;
}

/// Waits until a member says that it leads, and returns it.
pub async fn leader<C: Client>(cluster: &Cluster) -> &Member {
    eventually("a leader", async || {
        for member in &cluster.members {
            let status = async { C::connect(&member.address()).await?.status().await };
            if status.await.is_ok_and(|status| status.leader == status.member) {
                return Some(member);
            }
        }
        None
    })
    .await
}

/// Kills the leader while clients write through every member, and starts it again before they end.
pub async fn leader_is_killed<C: Client>(cluster: &Cluster) {
    let leader = leader::<C>(cluster).await;
    let load = Load::start::<C>(cluster, leader, WRITES).await;
    load.reaches(KILL_AFTER).await;
    leader.kill();
    load.reaches(RESTART_AFTER).await;
    leader.start();
    load.ends_well::<C>(cluster).await;
}

/// Kills all members while clients write, twice, and starts them again at once.
pub async fn all_are_killed<C: Client>(cluster: &Cluster) {
    let load = Load::start::<C>(cluster, &cluster.members[0], WRITES).await;
    for acknowledged in [KILL_AFTER, RESTART_AFTER] {
        load.reaches(acknowledged).await;
        cluster.members.iter().for_each(Member::kill);
        cluster.members.iter().for_each(Member::start);
    }
    load.ends_well::<C>(cluster).await;
}

/// Stops the members one after the other while clients write, as an upgrade does.
pub async fn members_are_restarted_in_turn<C: Client>(cluster: &Cluster) {
    let first = leader::<C>(cluster).await;
    let load = Load::start::<C>(cluster, first, WRITES_IN_TURN).await;
    for (member, acknowledged) in cluster.members.iter().zip((100..).step_by(100)) {
        load.reaches(acknowledged).await;
        member.terminate();
        assert_eq!(member.ended().await.code(), Some(143), "{}", member.log());
        member.start();
    }
    load.ends_well::<C>(cluster).await;
}

/// When writes were acknowledged.
#[derive(Debug, Default)]
struct Progress {
    times: Mutex<Vec<Instant>>,
}

impl Progress {
    fn acknowledged(&self) {
        self.times.lock().expect("nobody panics here").push(Instant::now());
    }

    fn count(&self) -> usize {
        self.times.lock().expect("nobody panics here").len()
    }

    /// For whoever looks (`--nocapture`): nothing is demanded of time.
    fn tell(&self) {
        let times = self.times.lock().expect("nobody panics here");
        let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
        let all = times.first().zip(times.last()).map(|(first, last)| *last - *first);
        eprintln!(
            "{} writes in {:.2?}, longest pause {:.2?}",
            times.len(),
            all.unwrap_or(Duration::ZERO),
            longest.unwrap_or(Duration::ZERO)
        );
    }
}

/// Clients at work.
struct Load {
    acknowledged: Arc<Progress>,
    writers: Vec<JoinHandle<Vec<Row>>>,
    watcher: JoinHandle<Vec<Row>>,
}

impl Load {
    /// Starts the writers, each at another member, and a watcher at `watched`.
    async fn start<C: Client>(cluster: &Cluster, watched: &Member, writes: usize) -> Self {
        let from = put::<C>(&cluster.addresses(), FIRST).await;
        let mut addresses = cluster.addresses();
        let acknowledged = Arc::new(Progress::default());
        let mut writers = Vec::new();
        for number in 0..WRITERS {
            addresses.rotate_left(1);
            let writing = write::<C>(addresses.clone(), number, writes, acknowledged.clone());
            writers.push(tokio::spawn(writing));
        }
        while addresses[0] != watched.address() {
            addresses.rotate_left(1);
        }
        let watcher = tokio::spawn(watch::<C>(addresses, from));
        Self { acknowledged, writers, watcher }
    }

    /// Waits until so many writes are acknowledged.
    async fn reaches(&self, count: usize) {
        let what = format!("{count} acknowledged writes");
        let seen = || self.acknowledged.count() >= count;
        eventually(&what, async || seen().then_some(())).await;
    }

    /// Lets the clients finish, and compares what was acknowledged with what was seen and what is
    /// there.
    async fn ends_well<C: Client>(self, cluster: &Cluster) {
        let mut acknowledged = Vec::new();
        for writer in self.writers {
            acknowledged.extend(patiently("the end of a writer", writer).await.expect("it writes"));
        }
        self.acknowledged.tell();
        put::<C>(&cluster.addresses(), LAST).await;
        let seen = patiently("the last event", self.watcher).await.expect("all events in order");
        let seen: BTreeMap<i64, Row> = seen.into_iter().map(|row| (row.revision, row)).collect();
        for row in &acknowledged {
            assert_eq!(seen.get(&row.revision), Some(row), "acknowledged, and seen by the watcher");
        }
        for member in &cluster.members {
            let what = format!("{} has every acknowledged write", member.name);
            patiently(&what, reads_back::<C>(member, &acknowledged)).await;
        }
    }
}

async fn patiently<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, doing).await;
    done.unwrap_or_else(|_| panic!("waited for {PATIENCE:?}, in vain: {what}"))
}

/// Writes a mark through whatever member takes it.
async fn put<C: Client>(addresses: &[String], key: &str) -> i64 {
    eventually("a member that takes a write", async || {
        for address in addresses {
            let put = async { C::connect(address).await?.put(key, "mark").await };
            if let Ok(revision) = put.await {
                return Some(revision);
            }
        }
        None
    })
    .await
}

/// Writes until enough is acknowledged. What failed may have happened all the same, so no value is
/// ever written twice.
async fn write<C: Client>(
    addresses: Vec<String>,
    number: usize,
    writes: usize,
    acknowledged: Arc<Progress>,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut attempt = 0;
    for address in addresses.iter().cycle() {
        let Ok(mut client) = C::connect(address).await else {
            pause().await;
            continue;
        };
        loop {
            if rows.len() == writes {
                return rows;
            }
            attempt += 1;
            let key = format!("{PREFIX}{number}/{}", attempt % 7);
            let value = format!("{number}-{attempt}");
            let Ok(revision) = client.put(&key, &value).await else { break };
            rows.push(Row { key, value, revision });
            acknowledged.acknowledged();
        }
        pause().await;
    }
    unreachable!("the addresses are cycled")
}

/// Watches from a revision to the last mark, going on at the next member when a stream breaks.
async fn watch<C: Client>(addresses: Vec<String>, from: i64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for address in addresses.iter().cycle() {
        let next = from + i64::try_from(rows.len()).expect("few");
        let opened = async { C::connect(address).await?.watch(PREFIX, next).await };
        if let Ok(mut stream) = opened.await {
            while let Ok(changes) = C::changes(&mut stream).await {
                for row in changes {
                    let next = from + i64::try_from(rows.len()).expect("few");
                    assert_eq!(row.revision, next, "every revision once and in order: {row:?}");
                    rows.push(row);
                }
                if rows.last().is_some_and(|row| row.key == LAST) {
                    return rows;
                }
            }
        }
        pause().await;
    }
    unreachable!("the addresses are cycled")
}

/// The member has each write at its revision.
async fn reads_back<C: Client>(member: &Member, acknowledged: &[Row]) {
    let mut client = eventually("a member that serves reads", async || {
        let mut client = C::connect(&member.address()).await.ok()?;
        client.get(LAST, 0).await.ok()?.map(|_| client)
    })
    .await;
    for row in acknowledged {
        let found = client.get(&row.key, row.revision).await.expect("a read of the past");
        assert_eq!(found.as_ref(), Some(row), "read back from {}", member.name);
    }
}
