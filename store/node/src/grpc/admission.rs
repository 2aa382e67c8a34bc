//! Which connections a listener has, and which of them nobody has used yet.
//!
//! A connection is cheap to open and worth nothing until a request comes over it. So there is a time
//! limit for those that were never used, and when there is no room for another one the oldest of them
//! goes: whoever opens thousands and says nothing shuts nobody out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::stop::Stop;

/// The connections of a listener. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    slots: Arc<Semaphore>,
    slots_max: u32,
    unused: Arc<Mutex<Unused>>,
}

#[derive(Debug, Default)]
struct Unused {
    next: u64,
    /// In the order in which they came, with what ends each.
    waiting: BTreeMap<u64, Stop>,
}

/// Room for one connection, as long as this lives.
#[derive(Debug)]
pub(super) struct Guest {
    number: u64,
    is_used: AtomicBool,
    evicted: Stop,
    admission: Admission,
    _slot: OwnedSemaphorePermit,
}

impl Admission {
    /// Room for so many connections.
    pub(super) fn new(connections_max: usize) -> Self {
        let slots_max = u32::try_from(connections_max).unwrap_or(u32::MAX);
        let permits = usize::try_from(slots_max).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(permits)),
            slots_max: u32::try_from(permits).unwrap_or(u32::MAX),
            unused: Arc::default(),
        }
    }

    /// Room for one more, at once if there is any or somebody unused has to go.
    pub(super) async fn enter(&self) -> Guest {
        if self.slots.available_permits() == 0 {
            self.evict_oldest();
        }
        let slot = self.slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        let mut unused = self.unused();
        let (number, evicted) = (unused.next, Stop::default());
        unused.next += 1;
        unused.waiting.insert(number, evicted.clone());
        Guest {
            number,
            is_used: AtomicBool::new(false),
            evicted,
            admission: self.clone(),
            _slot: slot,
        }
    }

    /// Ends the connection that was unused for longest; not every one can be, so it may be none.
    pub(super) fn evict_oldest(&self) {
        if let Some((_, evicted)) = self.unused().waiting.pop_first() {
            evicted.stop();
        }
    }

    /// Waits until all have left.
    pub(super) async fn emptied(&self) {
        let ended = self.slots.acquire_many(self.slots_max).await;
        assert!(ended.is_ok(), "the semaphore is never closed");
    }

    fn unused(&self) -> MutexGuard<'_, Unused> {
        self.unused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// A request has come: nobody ends the connection for another one any more.
    pub(super) fn used(&self) {
        if !self.is_used.swap(true, Ordering::Relaxed) {
            self.admission.unused().waiting.remove(&self.number);
        }
    }

    /// Whether a request has come yet.
    pub(super) fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Relaxed)
    }

    /// Waits until the connection has to make room.
    pub(super) async fn evicted(&self) {
        self.evicted.stopped().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.admission.unused().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_oldest_that_was_never_used_makes_room() {
        let admission = Admission::new(3);
        let used = admission.enter().await;
        let old = admission.enter().await;
        let young = admission.enter().await;
        used.used();
        let mut next = Box::pin(admission.enter());
        assert!((&mut next).now_or_never().is_none());
        assert!(old.evicted().now_or_never().is_some());
        assert!(young.evicted().now_or_never().is_none());
        assert!(used.evicted().now_or_never().is_none());
        drop(old);
        next.await;
    }

    #[tokio::test]
    async fn whoever_is_used_stays_and_others_wait() {
        let admission = Admission::new(1);
        let guest = admission.enter().await;
        guest.used();
        let mut next = Box::pin(admission.enter());
        assert!((&mut next).now_or_never().is_none());
        assert!(guest.is_used() && guest.evicted().now_or_never().is_none());
        drop(guest);
        let last = next.await;
        let mut emptied = Box::pin(admission.emptied());
        assert!((&mut emptied).now_or_never().is_none());
        drop(last);
        emptied.await;
    }
}
