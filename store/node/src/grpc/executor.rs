//! hyper's executor and timer on a [`Runtime`].

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sync_wrapper::SyncFuture;

use crate::runtime::Runtime;

/// Spawns hyper's tasks on `R`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Executor<R> {
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime, F> hyper::rt::Executor<F> for Executor<R>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(R::spawn(future));
    }
}

/// hyper's sleeps on `R`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timer<R> {
    runtime: PhantomData<fn() -> R>,
}

/// A sleep that hyper accepts: it wants `Sync`, although it only ever polls by `&mut`.
struct Sleep<S> {
    inner: Pin<Box<SyncFuture<S>>>,
}

impl<S: Future<Output = ()>> Future for Sleep<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.inner.as_mut().poll(context)
    }
}

impl<S: Future<Output = ()> + Send + 'static> hyper::rt::Sleep for Sleep<S> {}

impl<R: Runtime> hyper::rt::Timer for Timer<R> {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep { inner: Box::pin(SyncFuture::new(R::sleep(duration))) })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}
