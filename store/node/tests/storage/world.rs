//! What the tests share: chance, a runtime, and the pieces a storage is opened with.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::storage::{Error, Identity, Mark, Options, Recovered, Storage};
use openraft_rt::{AsyncRuntime, Watch, WatchSender};

use crate::disk::TestDisk;

pub(crate) const IDENTITY: Identity = Identity { cluster_id: 0xc1, member_id: 0x11 };

/// Flushes only when asked to.
pub(crate) const OPTIONS: Options = Options {
    cache_bytes_max: 20_000,
    redb_cache_bytes: 1 << 20,
    flush_interval: Duration::from_secs(1_000_000),
    flush_changes_max: usize::MAX,
    pending_bytes_max: usize::MAX,
};

/// A small deterministic generator (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Runs `future` on a runtime of its own, and ends all its tasks.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

type Sender = <<TokioRuntime as AsyncRuntime>::Watch as Watch>::Sender<Option<u64>>;

/// An open storage with the log beside it.
pub(crate) struct Member {
    pub(crate) storage: Storage<TokioRuntime>,
    pub(crate) recovered: Recovered,
    pub(crate) log: Log,
}

/// The durable end of a log that is not there.
#[derive(Clone)]
pub(crate) struct Log(Sender);

impl Log {
    /// The log is durable up to and including `index`.
    pub(crate) fn reach(&self, index: u64) {
        // Nobody listens any more once the storage has failed.
        let _ = self.0.send(Some(index));
    }
}

/// Opens the state on `disk` beside a log that is durable up to `log_index`, if at all.
pub(crate) async fn open_beside(
    disk: &TestDisk,
    options: Options,
    log_index: Option<u64>,
) -> Result<Member, Error> {
    let (log, log_durable) = <TokioRuntime as AsyncRuntime>::Watch::channel(log_index);
    let disk = Arc::new(disk.clone());
    let (storage, recovered) = Storage::open(disk, IDENTITY, options, log_durable).await?;
    Ok(Member { storage, recovered, log: Log(log) })
}

/// Opens the state on `disk` beside a log that is durable for ever.
pub(crate) async fn open(disk: &TestDisk) -> Result<Member, Error> {
    open_beside(disk, OPTIONS, Some(u64::MAX)).await
}

/// A flush going on beside the test.
pub(crate) fn spawn_flush(
    storage: &Storage<TokioRuntime>,
) -> <TokioRuntime as AsyncRuntime>::JoinHandle<Result<Mark, Error>> {
    let storage = storage.clone();
    TokioRuntime::spawn(async move { storage.flush().await })
}
