//! The writing side: one entry at a time, in the order of the log.

use std::collections::BTreeMap;

use detcd_machine::{Applied, Command, Machine, Requester, Revision, Row, Rows};
use openraft_rt::WatchSender;

use super::{Advanced, MembershipStep, Progress, State, Step};
use crate::runtime::Runtime;
use crate::storage::{Error, Mark};
use crate::wal::Position;

/// The rows that a command was said to need.
pub(super) struct Fetched {
    pub(super) rows: BTreeMap<Revision, Row>,
}

impl Rows for Fetched {
    fn row(&self, revision: Revision) -> Option<Row> {
        self.rows.get(&revision).cloned()
    }
}

impl<R: Runtime> State<R> {
    /// Applies the entry at `position`; `publish` hears of it before anybody who waits for it goes on.
    /// An error is a failed disk: the member must stop.
    pub async fn advance(
        &self,
        position: Position,
        step: Step<'_>,
        publish: impl FnOnce(&Applied),
    ) -> Result<Advanced, Error> {
        self.storage.room().await;
        match step {
            Step::Command(by, command) => {
                self.advance_command(position, (by, command), publish).await
            }
            Step::Blank => Ok(self.advance_mark(position, None)),
            Step::Membership(change) => Ok(self.advance_mark(position, Some(change))),
        }
    }

    async fn advance_command(
        &self,
        position: Position,
        (by, command): (&Requester, &Command),
        publish: impl FnOnce(&Applied),
    ) -> Result<Advanced, Error> {
        // Nobody else writes, so what is needed cannot change before the lock is taken again.
        let needed = self.with_machine(|machine| machine.rows_needed(command));
        let rows =
            if needed.is_empty() { BTreeMap::new() } else { self.storage.fetch(needed).await? };
        let fetched = Fetched { rows };
        let mut core = self.write_core();
        assert!(
            core.mark.position.index < position.index || core.mark.position.index == 0,
            "index {} applied after {}",
            position.index,
            core.mark.position.index
        );
        let mut applied = core.machine.apply(by, command, &fetched);
        core.mark.position = position;
        self.storage.stage(core.mark.clone(), std::mem::take(&mut applied.changes));
        let digest = core.machine.digest();
        let compacting = core.machine.compaction_pending();
        drop(core);
        publish(&applied);
        self.progressed(|progress| {
            progress.index = position.index;
            progress.revision = applied.revision;
        });
        if compacting {
            self.compaction.notify_one();
        }
        Ok(Advanced { position, revision: applied.revision, digest, applied: Some(applied) })
    }

    fn advance_mark(&self, position: Position, change: Option<MembershipStep>) -> Advanced {
        let mut core = self.write_core();
        core.mark.position = position;
        let mut changes = Vec::new();
        if let Some(MembershipStep { membership, removed }) = change {
            core.mark.membership = membership;
            changes = core.machine.remove_members(&removed);
        }
        self.storage.stage(core.mark.clone(), changes);
        let (revision, digest) = (core.machine.revision(), core.machine.digest());
        drop(core);
        self.progressed(|progress| progress.index = position.index);
        Advanced { position, revision, digest, applied: None }
    }

    /// Has `install` put a received snapshot into storage, and takes it over.
    pub async fn replace(
        &self,
        install: impl Future<Output = Result<Mark, Error>>,
    ) -> Result<Advanced, Error> {
        {
            // From here on nothing is staged, and nobody reads rows of the one state for the index of
            // the other.
            let mut core = self.write_core();
            core.replacing = true;
            core.epoch += 1;
        }
        let installed = self.install_and_restore(install).await;
        let mut core = self.write_core();
        core.replacing = false;
        let (machine, mark) = installed?;
        let position = mark.position;
        let (revision, digest) = (machine.revision(), machine.digest());
        let compacted = machine.compact_revision();
        core.machine = machine;
        core.mark = mark;
        drop(core);
        self.progressed(|progress| {
            *progress = Progress { index: position.index, revision, compacted }
        });
        self.compaction.notify_one();
        Ok(Advanced { position, revision, digest, applied: None })
    }

    async fn install_and_restore(
        &self,
        install: impl Future<Output = Result<Mark, Error>>,
    ) -> Result<(Machine, Mark), Error> {
        let mark = install.await?;
        Ok((self.storage.restore().await?, mark))
    }

    pub(super) fn progressed(&self, change: impl FnOnce(&mut Progress)) {
        self.progress_sender().send_if_modified(|progress| {
            let before = *progress;
            change(progress);
            *progress != before
        });
    }
}
