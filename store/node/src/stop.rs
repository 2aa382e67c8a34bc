//! A signal that something is to end, for any number of tasks.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// The signal. Clones share it; it is given once and stays given.
// A semaphore without permits: waiting for one ends only when it is closed, in the order of waiting.
#[derive(Debug, Clone)]
pub struct Stop {
    closed: Arc<Semaphore>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { closed: Arc::new(Semaphore::new(0)) }
    }
}

impl Stop {
    /// Gives the signal.
    pub fn stop(&self) {
        self.closed.close();
    }

    /// Whether the signal was given.
    pub fn is_stopped(&self) -> bool {
        self.closed.is_closed()
    }

    /// Waits for the signal.
    pub async fn stopped(&self) {
        let closed = self.closed.acquire().await;
        assert!(closed.is_err(), "the semaphore has no permits to give");
    }
}
