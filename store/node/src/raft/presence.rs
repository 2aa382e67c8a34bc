//! When a member last heard from its leader.
//!
//! openraft holds a leader for known until somebody else is one; whoever is cut off must find out by
//! itself that nobody leads it any longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openraft_rt::{AsyncRuntime, Instant};

use crate::runtime::Runtime;

/// See the module. Clones share it.
#[derive(Debug, Clone)]
pub struct Presence<R: Runtime> {
    begin: <R as AsyncRuntime>::Instant,
    heard_ms: Arc<AtomicU64>,
}

impl<R: Runtime> Default for Presence<R> {
    fn default() -> Self {
        Self { begin: Instant::now(), heard_ms: Arc::default() }
    }
}

impl<R: Runtime> Presence<R> {
    /// The leader has said something.
    pub fn heard(&self) {
        self.heard_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// How long it has said nothing; since the start, if it never has.
    pub fn silence(&self) -> Duration {
        let heard = self.heard_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.now_ms().saturating_sub(heard))
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
