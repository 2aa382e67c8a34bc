//! Group commit: the one task that takes batches from the queue and makes them durable.

use std::io;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Error;
use super::queue::Queued;
use super::state::{Ended, State};
use super::writer::{self, Setting, Writer};
use crate::runtime::Runtime;

/// What the handles and the writing task share.
pub(super) struct Shared<R: Runtime> {
    state: Mutex<State<R>>,
    /// Something was queued, or the log is to stop.
    pub wake: Notify,
    /// A batch is done.
    pub drained: Notify,
}

impl<R: Runtime> Shared<R> {
    pub(super) fn new(state: State<R>) -> Self {
        Self { state: Mutex::new(state), wake: Notify::new(), drained: Notify::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().expect("nobody panics while holding the state")
    }

    /// The state for whoever only ends the log: that can be done to any state.
    fn state_to_end(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the log once everything queued is written.
    pub(super) fn begin_stop(&self) {
        self.state_to_end().ended.get_or_insert(Ended::Stopped);
        self.wake.notify_one();
        self.drained.notify_waiters();
    }

    fn fail(&self, error: &Error, batch: Vec<Queued>) {
        let kind = match error {
            Error::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        tracing::error!(%error, "write-ahead log failed");
        self.end(&Ended::Failed { kind, reason: error.to_string() }, batch);
    }

    /// Ends the log at once, and tells everybody who waits.
    fn end(&self, ended: &Ended, batch: Vec<Queued>) {
        let waiting = self.state_to_end().fail(ended.clone());
        for queued in batch.into_iter().chain(waiting) {
            (queued.done)(Err(ended.io_error()));
        }
        self.drained.notify_waiters();
    }
}

/// Ends the log when the writing task panics, so that nobody waits for it in vain.
struct EndOnPanic<R: Runtime>(Arc<Shared<R>>);

impl<R: Runtime> Drop for EndOnPanic<R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = "the writing task panicked".to_owned();
            self.0.end(&Ended::Failed { kind: io::ErrorKind::Other, reason }, Vec::new());
        }
    }
}

/// Writes until the log is stopped or fails.
pub(super) async fn run<R: Runtime>(shared: Arc<Shared<R>>, mut writer: Writer, setting: Setting) {
    let _guard = EndOnPanic(shared.clone());
    loop {
        let (batch, ended) = {
            let mut state = shared.state();
            (state.next_batch(setting.options.batch_bytes_max), state.ended.is_some())
        };
        let Some(batch) = batch else {
            if ended {
                return;
            }
            shared.wake.notified().await;
            continue;
        };
        let (returned, batch, outcome) = R::blocking(move || {
            let outcome = writer.write(&batch);
            (writer, batch, outcome)
        })
        .await;
        writer = returned;
        let receipt = match outcome {
            Ok(receipt) => receipt,
            Err(error) => return shared.fail(&error, batch.ops),
        };
        shared.state().complete(&batch, receipt);
        for queued in batch.ops {
            (queued.done)(Ok(()));
        }
        shared.drained.notify_waiters();
        if let Err(error) = remove_empty(&shared, &writer, &setting).await {
            return shared.fail(&error, Vec::new());
        }
    }
}

/// Removes segments whose entries are gone. The frames that say so are durable by now.
async fn remove_empty<R: Runtime>(
    shared: &Shared<R>,
    writer: &Writer,
    setting: &Setting,
) -> Result<(), Error> {
    let empty = shared.state().take_empty_segments(writer.segment().sequence);
    if empty.is_empty() {
        return Ok(());
    }
    let disk = setting.disk.clone();
    R::blocking(move || writer::remove(disk.as_ref(), &empty)).await
}
