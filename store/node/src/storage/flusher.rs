//! The task that makes staged changes durable.

use std::sync::Arc;

use openraft_rt::{Instant, WatchReceiver};

use super::error::Error;
use super::guard::blocking;
use super::queue::Flush;
use super::shared::{Receiver, Shared};
use crate::runtime::Runtime;

/// Writes what is due and covered by the log, one commit at a time.
pub(super) struct Flusher<R: Runtime> {
    shared: Arc<Shared<R>>,
    /// The index of the last entry that is durable in the log, if any is.
    log_durable: Receiver<R, Option<u64>>,
}

/// What there is to do.
enum Step<I> {
    /// Write.
    Commit(Flush),
    /// Wait for the log to become durable up to this index.
    AwaitLog(u64),
    /// Wait until then, or until more is staged.
    AwaitTime(I),
    /// Wait until something is staged.
    AwaitWork,
    /// End.
    Exit,
}

impl<R: Runtime> Flusher<R> {
    pub(super) fn new(shared: Arc<Shared<R>>, log_durable: Receiver<R, Option<u64>>) -> Self {
        Self { shared, log_durable }
    }

    /// Runs until the storage stops or fails.
    pub(super) async fn run(mut self) {
        if let Err(error) = self.run_until_error().await {
            self.shared.fail(&error);
        }
    }

    async fn run_until_error(&mut self) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        loop {
            // What is taken from the queue must be written before anybody else touches the database.
            let turn = shared.turn.lock().await;
            let step = self.step();
            if let Step::Commit(flush) = step {
                self.commit(flush).await?;
                continue;
            }
            drop(turn);
            match step {
                Step::Commit(_) | Step::Exit => return Ok(()),
                Step::AwaitWork => shared.wake.notified().await,
                Step::AwaitTime(due_at) => tokio::select! {
                    biased;
                    () = shared.wake.notified() => {}
                    () = R::sleep_until(due_at) => {}
                },
                Step::AwaitLog(wanted) => self.await_log(wanted).await?,
            }
        }
    }

    fn step(&self) -> Step<R::Instant> {
        if self.shared.check().is_err() {
            return Step::Exit;
        }
        let covered = *self.log_durable.borrow_watched();
        let options = &self.shared.options;
        let mut state = self.shared.state();
        let stopping = state.stopping;
        let Some(due_at) = state.queue.due_at() else {
            return if stopping { Step::Exit } else { Step::AwaitWork };
        };
        if !stopping && !state.queue.is_urgent(options) && R::Instant::now() < due_at {
            return Step::AwaitTime(due_at);
        }
        let wanted = state.queue.first_index();
        match (state.queue.take(covered, options.flush_interval), wanted) {
            (Some(flush), _) => Step::Commit(flush),
            (None, Some(wanted)) if !stopping => Step::AwaitLog(wanted),
            (None, _) => Step::Exit,
        }
    }

    async fn await_log(&mut self, wanted: u64) -> Result<(), Error> {
        tokio::select! {
            biased;
            () = self.shared.wake.notified() => Ok(()),
            changed = self.log_durable.changed() => changed.map_err(|_| Error::LogClosed { wanted }),
        }
    }

    async fn commit(&self, flush: Flush) -> Result<(), Error> {
        let Some(database) = self.shared.state().database.clone() else {
            return Err(Error::Stopped);
        };
        let (sequence, mark) = (flush.sequence, flush.mark.clone());
        let (delta, size) = blocking::<R, _>(move || {
            let mark = flush.mark.clone();
            let delta = flush.into_delta();
            let size = database.commit(&delta, &mark)?;
            Ok((delta, size))
        })
        .await?;
        self.shared.settle(sequence, mark, delta, size);
        Ok(())
    }
}
