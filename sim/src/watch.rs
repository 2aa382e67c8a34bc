//! A watch channel that wakes its receivers in the order in which they subscribed.
//!
//! tokio's picks one of several wait lists with a random generator that is seeded from a counter of the
//! process, so that two runs of the same seed wake in different orders.
//!
//! Must never know: the runtime; it is a data structure with wakers.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::task::{Poll, Waker};

use openraft_rt::watch::{RecvError, SendError, Watch, WatchReceiver, WatchSender};
use openraft_rt::{OptionalSend, OptionalSync};

/// The deterministic watch channel.
#[derive(Debug, Clone, Copy)]
pub struct SimWatch;

/// The sending half.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// A receiving half.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
    id: u64,
}

struct Shared<T> {
    value: RwLock<T>,
    state: Mutex<State>,
}

struct State {
    version: u64,
    senders: usize,
    receivers: usize,
    next_id: u64,
    /// By receiver, in the order of subscription.
    wakers: BTreeMap<u64, Waker>,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.state().version += 1;
        self.wake_all();
    }

    fn wake_all(&self) {
        let wakers = std::mem::take(&mut self.state().wakers);
        wakers.into_values().for_each(Waker::wake);
    }

    fn subscribe(self: &Arc<Self>, seen: Option<u64>) -> Receiver<T> {
        let mut state = self.state();
        state.receivers += 1;
        state.next_id += 1;
        let seen = seen.unwrap_or(state.version);
        Receiver { shared: Arc::clone(self), seen, id: state.next_id }
    }
}

impl Watch for SimWatch {
    type Sender<T: OptionalSend + OptionalSync> = Sender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Receiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = RwLockReadGuard<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (Sender<T>, Receiver<T>) {
        let state =
            State { version: 0, senders: 1, receivers: 0, next_id: 0, wakers: BTreeMap::new() };
        let shared = Arc::new(Shared { value: RwLock::new(init), state: Mutex::new(state) });
        let receiver = shared.subscribe(None);
        (Sender { shared }, receiver)
    }
}

impl<T: OptionalSend + OptionalSync> WatchSender<SimWatch, T> for Sender<T> {
    fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.shared.state().receivers == 0 {
            return Err(SendError(value));
        }
        *self.shared.value.write().unwrap_or_else(PoisonError::into_inner) = value;
        self.shared.changed();
        Ok(())
    }

    fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let mut value = self.shared.value.write().unwrap_or_else(PoisonError::into_inner);
        let modified = modify(&mut value);
        drop(value);
        if modified {
            self.shared.changed();
        }
        modified
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.shared.read()
    }

    fn subscribe(&self) -> Receiver<T> {
        self.shared.subscribe(None)
    }
}

impl<T: OptionalSend + OptionalSync> WatchReceiver<SimWatch, T> for Receiver<T> {
    async fn changed(&mut self) -> Result<(), RecvError> {
        poll_fn(|task| {
            let mut state = self.shared.state();
            if state.version != self.seen {
                self.seen = state.version;
                return Poll::Ready(Ok(()));
            }
            if state.senders == 0 {
                return Poll::Ready(Err(RecvError(())));
            }
            let before = state.wakers.insert(self.id, task.waker().clone());
            // Dropping a waker may run foreign code, which must not find the lock held.
            drop(state);
            drop(before);
            Poll::Pending
        })
        .await
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.shared.read()
    }

    fn borrow_and_update(&mut self) -> RwLockReadGuard<'_, T> {
        let value = self.shared.read();
        self.seen = self.shared.state().version;
        value
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.state().senders += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.senders -= 1;
        let closed = state.senders == 0;
        drop(state);
        if closed {
            self.shared.wake_all();
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.subscribe(Some(self.seen))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.receivers -= 1;
        let waker = state.wakers.remove(&self.id);
        drop(state);
        drop(waker);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Receiver").field("seen", &self.seen).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Wake};

    use super::*;

    struct Log {
        name: u32,
        woken: Arc<Mutex<Vec<u32>>>,
    }

    impl Wake for Log {
        fn wake(self: Arc<Self>) {
            self.woken.lock().unwrap().push(self.name);
        }
    }

    fn poll_changed(receiver: &mut Receiver<u32>, waker: &Waker) -> Poll<Result<(), RecvError>> {
        pin!(receiver.changed()).poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn receivers_are_woken_in_the_order_of_subscription() {
        let (sender, first) = SimWatch::channel(0);
        let mut receivers = vec![first.clone(), first.clone(), sender.subscribe(), first];
        let woken = Arc::new(Mutex::new(Vec::new()));
        for name in [2, 0, 3, 1] {
            let waker = Arc::new(Log { name: name as u32, woken: Arc::clone(&woken) }).into();
            assert!(poll_changed(&mut receivers[name], &waker).is_pending());
        }
        sender.send(1).unwrap();
        // The last of them subscribed first.
        assert_eq!(*woken.lock().unwrap(), [3, 0, 1, 2]);
        for receiver in &mut receivers {
            assert_eq!(poll_changed(receiver, Waker::noop()), Poll::Ready(Ok(())));
            assert_eq!(*receiver.borrow_watched(), 1);
            assert!(poll_changed(receiver, Waker::noop()).is_pending());
        }
    }

    #[test]
    fn a_value_that_was_taken_is_not_announced_again() {
        let (sender, mut receiver) = SimWatch::channel(0);
        sender.send(1).unwrap();
        assert_eq!(*receiver.borrow_and_update(), 1);
        assert!(poll_changed(&mut receiver, Waker::noop()).is_pending());
        assert!(!sender.send_if_modified(|_| false));
        assert!(poll_changed(&mut receiver, Waker::noop()).is_pending());
        assert!(sender.send_if_modified(|value| {
            *value = 2;
            true
        }));
        assert!(poll_changed(&mut receiver, Waker::noop()).is_ready());
    }

    #[test]
    fn the_end_of_the_last_sender_is_announced_after_its_last_value() {
        let (sender, mut receiver) = SimWatch::channel(0);
        let other = sender.clone();
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(poll_changed(&mut receiver, Waker::noop()), Poll::Ready(Ok(())));
        assert!(poll_changed(&mut receiver, Waker::noop()).is_pending());
        drop(other);
        assert_eq!(poll_changed(&mut receiver, Waker::noop()), Poll::Ready(Err(RecvError(()))));
    }

    #[test]
    fn sending_to_nobody_is_an_error_that_gives_the_value_back() {
        let (sender, receiver) = SimWatch::channel(0);
        drop(receiver);
        assert_eq!(sender.send(7), Err(SendError(7)));
        assert_eq!(*sender.borrow_watched(), 0);
    }
}
