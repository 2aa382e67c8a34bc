//! Panics that end a task, and not the run.
//!
//! The executor ends the whole run at the first panic, with all that it was about to show. Whoever asks for the
//! panics of machines gets to see them, while the world goes on without the task.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::context;

/// A task of a machine panicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// The name of the machine.
    pub machine: String,
    /// When, in true simulated time since the start of the run.
    pub at: Duration,
    /// What was said.
    pub message: String,
}

pin_project! {
    /// A task that never ends after a panic, if panics of its machine are kept.
    pub(crate) struct Kept<F> {
        #[pin]
        task: F,
        has_panicked: bool,
    }
}

impl<F> Kept<F> {
    pub(crate) fn new(task: F) -> Self {
        Self { task, has_panicked: false }
    }
}

impl<F: Future> Future for Kept<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waker: &mut Context<'_>) -> Poll<Self::Output> {
        let kept = self.project();
        if *kept.has_panicked {
            return Poll::Pending;
        }
        catch_unwind(AssertUnwindSafe(|| kept.task.poll(waker))).unwrap_or_else(|payload| {
            context::keep_panic(payload);
            *kept.has_panicked = true;
            Poll::Pending
        })
    }
}

/// What a panic said.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&'static str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}
