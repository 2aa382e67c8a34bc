//! A stream that is lent to somebody who may be slow to let it go.
//!
//! openraft takes what it sends to a follower from one place, again for every stream of appends. The transport goes on
//! to ask for the next request until it hears that its stream is over, which may be long after openraft has given
//! the stream up and begun another: what it took then would be sent on a stream whose answers nobody awaits, and
//! not again on the other.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::{Stream, StreamExt};

struct Shared<S> {
    /// Nothing once it is taken back.
    stream: Option<S>,
    waiting: Option<Waker>,
}

/// What is lent: the stream, or its end once it is taken back.
pub(super) struct Lent<S>(Arc<Mutex<Shared<S>>>);

/// Takes the stream back when it is dropped. Nobody asks the stream for anything after that.
pub(super) struct Lender<S>(Arc<Mutex<Shared<S>>>);

/// Lends a stream.
pub(super) fn lend<S>(stream: S) -> (Lent<S>, Lender<S>) {
    let shared = Arc::new(Mutex::new(Shared { stream: Some(stream), waiting: None }));
    (Lent(shared.clone()), Lender(shared))
}

impl<S: Stream + Unpin> Stream for Lent<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut shared = lock(&self.0);
        let Some(stream) = &mut shared.stream else { return Poll::Ready(None) };
        let polled = stream.poll_next_unpin(context);
        shared.waiting = polled.is_pending().then(|| context.waker().clone());
        polled
    }
}

impl<S> Drop for Lender<S> {
    fn drop(&mut self) {
        let (stream, waiting) = {
            let mut shared = lock(&self.0);
            (shared.stream.take(), shared.waiting.take())
        };
        drop(stream);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

fn lock<S>(shared: &Mutex<Shared<S>>) -> MutexGuard<'_, Shared<S>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use futures_util::FutureExt;
    use futures_util::stream::{iter, pending};

    use super::*;

    #[test]
    fn what_is_taken_back_is_asked_for_nothing_more() {
        let (mut lent, lender) = lend(iter([1, 2, 3]));
        assert_eq!(lent.next().now_or_never(), Some(Some(1)));
        drop(lender);
        assert_eq!(lent.next().now_or_never(), Some(None));
    }

    #[test]
    fn who_waits_hears_that_it_is_taken_back() {
        #[derive(Default)]
        struct Bell(AtomicBool);
        impl Wake for Bell {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let (mut lent, lender) = lend(pending::<()>());
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(bell.clone());
        let mut context = Context::from_waker(&waker);
        assert!(lent.poll_next_unpin(&mut context).is_pending());
        assert!(!bell.0.load(Ordering::Relaxed));
        drop(lender);
        assert!(bell.0.load(Ordering::Relaxed));
        assert_eq!(lent.poll_next_unpin(&mut context), Poll::Ready(None));
    }
}
