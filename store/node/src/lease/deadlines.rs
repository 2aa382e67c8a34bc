//! The keeper, shared between who applies entries and who acts on deadlines.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use detcd_machine::{LeaseGrant, LeaseOutcome, Outcome};
use openraft_rt::{AsyncRuntime, Instant};
use tokio::sync::Notify;

use super::keeper::Keeper;
use crate::runtime::Runtime;
use crate::state::Answer;

pub(super) type InstantOf<R> = <R as AsyncRuntime>::Instant;

/// A handle to the keeper. Clones share it.
pub struct Deadlines<R: Runtime> {
    inner: Arc<Inner<R>>,
}

struct Inner<R: Runtime> {
    keeper: Mutex<Keeper<InstantOf<R>>>,
    granted: Notify,
}

impl<R: Runtime> Clone for Deadlines<R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<R: Runtime> Deadlines<R> {
    /// Of a member that does not lead yet.
    pub fn new(checkpoint_interval: Duration) -> Self {
        let keeper = Mutex::new(Keeper::new(checkpoint_interval));
        Self { inner: Arc::new(Inner { keeper, granted: Notify::new() }) }
    }

    /// Hears of every applied command, in the order of the log.
    pub fn applied(&self, answer: &Answer) {
        let Ok(Outcome::Lease(outcome)) = &answer.outcome else { return };
        match outcome {
            LeaseOutcome::Granted(LeaseGrant { id, ttl }) => {
                self.keeper().granted(*id, *ttl, InstantOf::<R>::now());
                self.inner.granted.notify_one();
            }
            LeaseOutcome::Revoked { id } => self.keeper().revoked(*id),
            LeaseOutcome::Checkpointed => {}
        }
    }

    pub(super) fn keeper(&self) -> MutexGuard<'_, Keeper<InstantOf<R>>> {
        self.inner.keeper.lock().expect("no panic happens under the lock")
    }

    /// Waits for a grant, or returns at once if there was one since the last call.
    pub(super) async fn grant(&self) {
        self.inner.granted.notified().await;
    }
}
