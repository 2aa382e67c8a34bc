//! The physical side of compaction: bounded steps between applies, behind the oldest reader.

use std::time::Duration;

use super::State;
use crate::runtime::Runtime;

/// Keys looked at in one step, while nobody can apply or read.
const STEP_KEYS_MAX: usize = 1000;
/// Time between two steps, so that a large compaction leaves room for everything else.
const STEP_INTERVAL: Duration = Duration::from_millis(10);

impl<R: Runtime> State<R> {
    /// Carries out scheduled compactions, for as long as the member runs and its disk works.
    pub async fn compact(&self) {
        loop {
            loop {
                if let Err(error) = self.settle_hashes().await {
                    tracing::debug!(%error, "compaction ends");
                    return;
                }
                if !self.compact_step() {
                    break;
                }
                R::sleep(STEP_INTERVAL).await;
            }
            self.compaction.notified().await;
        }
    }

    /// One step; whether more is to be done.
    fn compact_step(&self) -> bool {
        let mut core = self.write_core();
        if core.replacing || !core.machine.compaction_pending() {
            return false;
        }
        if core.machine.hash_owed().is_some() {
            // It came after the others were settled, and needs the rows.
            return true;
        }
        let pinned = self.oldest_pin();
        let changes = core.machine.compact_step(STEP_KEYS_MAX, pinned);
        if !changes.is_empty() {
            self.storage.stage(core.mark.clone(), changes);
        }
        let pending = core.machine.compaction_pending();
        let compacted = core.machine.compact_revision();
        drop(core);
        if !pending {
            self.progressed(|progress| progress.compacted = progress.compacted.max(compacted));
        }
        pending
    }

    /// Waits until the rows before `revision` are gone from storage, durably.
    pub async fn compacted(&self, revision: i64) -> std::io::Result<()> {
        self.wait(|progress| progress.compacted >= revision).await?;
        self.storage.flush().await.map_err(std::io::Error::other)?;
        Ok(())
    }
}
