//! Those who want to read, in rounds.
//!
//! One round serves all that were waiting when it began: what is found out in a round that had begun before somebody
//! asked tells nothing about then (etcd #20418). So a member has one question under way at a time, however many ask.
//!
//! Must never know: what is found out, and how.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

/// Most readers that wait for a round at once; more are refused.
const READERS_MAX: usize = 100_000;

/// Those who wait for the next round.
pub(crate) struct Readers<T> {
    /// Nothing, once no round will begin any more.
    waiting: Mutex<Option<Vec<oneshot::Sender<T>>>>,
    arrived: Notify,
}

/// Tells everybody that it is over when it is dropped, who waits and who comes later.
pub(crate) struct Closing<T>(Arc<Readers<T>>);

/// Those whom a round serves.
#[must_use = "they wait for an answer"]
pub(crate) struct Round<T>(Vec<oneshot::Sender<T>>);

/// Why somebody was not told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unserved {
    /// Too many are waiting.
    TooMany,
    /// Nobody finds anything out any more.
    Closed,
}

impl<T> Default for Readers<T> {
    fn default() -> Self {
        Self { waiting: Mutex::new(Some(Vec::new())), arrived: Notify::new() }
    }
}

impl<T> Readers<T> {
    fn waiting(&self) -> MutexGuard<'_, Option<Vec<oneshot::Sender<T>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For who begins the rounds, to be kept for as long as any will begin.
    pub(crate) fn closing(self: &Arc<Self>) -> Closing<T> {
        Closing(Arc::clone(self))
    }

    /// What is found out in the next round to begin.
    pub(crate) async fn join(&self) -> Result<T, Unserved> {
        let (reader, answered) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            let waiting = waiting.as_mut().ok_or(Unserved::Closed)?;
            if waiting.len() >= READERS_MAX {
                return Err(Unserved::TooMany);
            }
            waiting.push(reader);
        }
        self.arrived.notify_one();
        answered.await.map_err(|_dropped| Unserved::Closed)
    }

    /// Begins a round once anybody waits for one.
    pub(crate) async fn next_round(&self) -> Round<T> {
        loop {
            // Who comes from now on is told of by a permit, so that the next round does not wait for one more.
            self.arrived.notified().await;
            let round = self.waiting().as_mut().map(std::mem::take).unwrap_or_default();
            if !round.is_empty() {
                return Round(round);
            }
        }
    }
}

impl<T> Drop for Closing<T> {
    fn drop(&mut self) {
        let unserved = self.0.waiting().take();
        drop(unserved);
    }
}

impl<T: Clone> Round<T> {
    /// Tells everybody of the round.
    pub(crate) fn answer(self, answer: &T) {
        for reader in self.0 {
            // Who has given up meanwhile is not missed.
            _ = reader.send(answer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_round_serves_those_who_were_there_when_it_began() {
        let readers = Readers::default();
        let mut before = [Box::pin(readers.join()), Box::pin(readers.join())];
        for reader in &mut before {
            assert_eq!(reader.now_or_never(), None);
        }
        let round = readers.next_round().now_or_never().expect("somebody waits");
        let mut after = Box::pin(readers.join());
        assert_eq!((&mut after).now_or_never(), None);
        round.answer(&1);
        assert_eq!(before.each_mut().map(FutureExt::now_or_never), [Some(Ok(1)); 2]);
        assert_eq!((&mut after).now_or_never(), None);
        readers.next_round().now_or_never().expect("somebody waits").answer(&2);
        assert_eq!((&mut after).now_or_never(), Some(Ok(2)));
        assert!(readers.next_round().now_or_never().is_none());
    }

    #[test]
    fn who_waits_when_no_round_will_begin_any_more_or_comes_later_is_told() {
        let readers = Arc::new(Readers::<u8>::default());
        let closing = readers.closing();
        let mut served = Box::pin(readers.join());
        assert_eq!((&mut served).now_or_never(), None);
        let round = readers.next_round().now_or_never();
        let mut waiting = Box::pin(readers.join());
        assert_eq!((&mut waiting).now_or_never(), None);
        drop((round, closing));
        let closed = Some(Err(Unserved::Closed));
        assert_eq!(((&mut served).now_or_never(), (&mut waiting).now_or_never()), (closed, closed));
        assert_eq!(readers.join().now_or_never(), closed);
    }
}
