//! Opening log and database, and making sure that they belong together.

use super::Begun;
use crate::config::Config;
use crate::node::{Environment, StartError};
use crate::observer::{Observation, Observer};
use crate::raft::log_store::LogStore;
use crate::runtime::Runtime;
use crate::state::State;
use crate::storage::{self, Storage};
use crate::wal;

/// What a member found on its disk.
pub(super) struct Recovered<R: Runtime> {
    pub(super) log: wal::Log<R>,
    pub(super) log_store: LogStore<R>,
    pub(super) storage: Storage<R>,
}

/// See the module.
pub(super) async fn recover<R: Runtime>(
    config: &Config,
    ids: (u64, u64),
    environment: &Environment,
    begun: &mut Begun<R>,
) -> Result<Recovered<R>, StartError> {
    let (cluster_id, member_id) = ids;
    let identity = wal::Identity { cluster_id, member_id };
    let options =
        wal::Options { segment_bytes_max: config.wal_segment_bytes, ..wal::Options::default() };
    let (log, found) = wal::Log::<R>::open(environment.disk.clone(), identity, options).await?;
    begun.log = Some(log.clone());
    let identity = storage::Identity { cluster_id, member_id };
    let options =
        storage::Options { flush_interval: config.flush_interval, ..storage::Options::default() };
    let (storage, state) =
        Storage::<R>::open(environment.disk.clone(), identity, options, log.watch_durable())
            .await?;
    begun.storage = Some(storage.clone());
    let applied = state.mark.as_ref().map_or(0, |mark| mark.position.index);
    if let Some(purged) = found.purged.filter(|purged| purged.index > applied) {
        return Err(StartError::DatabaseLost { purged: purged.index });
    }
    if let Some(mark) =
        state.mark.filter(|mark| log.last().is_none_or(|last| last.index < mark.position.index))
    {
        // No commit covers what the log has not. Only a received snapshot is put into place before the
        // log begins anew behind it, and the member may have lost power between the two.
        if state.received != Some(mark.position.index) || found.vote.is_none() {
            let last = log.last().map_or(0, |last| last.index);
            return Err(StartError::LogLost { last, applied });
        }
        log.install(mark.position).await?;
    }
    let log_store = LogStore::new(log.clone(), &found, environment.observer.clone())?;
    environment.observer.observe(Observation::Started {
        applied,
        last_log: log.last().map_or(0, |last| last.index),
        last_term: log.last().map_or(0, |last| last.term),
        torn_tail_bytes: found.torn_tail_bytes,
        vote: log_store.found_vote(),
        committed: found.committed.map_or(0, |mark| mark.index),
        committed_term: found.committed.map_or(0, |mark| mark.term),
    });
    Ok(Recovered { log, log_store, storage })
}

/// Tells what the member has of the cluster's state before it applies anything more.
pub(super) fn tell_restored<R: Runtime>(state: &State<R>, observer: &dyn Observer) {
    state.with_mark(|machine, mark| {
        let position = mark.position;
        if position.index > 0 {
            observer.observe(Observation::Restored {
                index: position.index,
                term: position.term,
                revision: machine.revision(),
                digest: machine.digest(),
            });
        }
    });
}
