//! Panics on machines, caught so that they can be looked at.
//!
//! The executor ends the whole run at the first panic, with all that it was about to show. Whoever asks for the panics
//! of machines gets the first of them instead, and ends the run when it likes. Until then the task that panicked
//! stands still, and whoever awaits it waits: what would come of the panic is not simulated.

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
    /// What was said, as it was told to whoever keeps panics.
    pub message: String,
}

pin_project! {
    /// A task that stands still after a panic, if panics of its machine are kept.
    pub(crate) struct Caught<F> {
        #[pin]
        future: F,
        has_panicked: bool,
    }
}

impl<F> Caught<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future, has_panicked: false }
    }
}

impl<F: Future> Future for Caught<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let caught = self.project();
        if *caught.has_panicked {
            return Poll::Pending;
        }
        catch_unwind(AssertUnwindSafe(|| caught.future.poll(task))).unwrap_or_else(|payload| {
            context::keep_panic(payload);
            *caught.has_panicked = true;
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
