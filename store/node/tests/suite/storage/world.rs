//! What the tests share: the pieces a storage is opened with.

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
