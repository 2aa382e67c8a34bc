//! Whether the other side of a connection is still there.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use h2::{Ping, PingPong};
use openraft_rt::{AsyncRuntime, Instant};

use super::KeepAlive;
use crate::runtime::Runtime;

/// Asks by a ping when nothing was heard for long, and finds out whether that is answered.
pub(super) struct LifeSigns<R: Runtime> {
    options: KeepAlive,
    heard_at: <R as AsyncRuntime>::Instant,
    phase: Phase<R>,
}

enum Phase<R: Runtime> {
    /// No timer runs: nothing is asked, and nobody wants to know.
    Quiet,
    /// Until it is time to look when something was heard.
    Listening(Pin<Box<<R as AsyncRuntime>::Sleep>>),
    /// A ping is out; the time until it must be answered.
    Asked(Pin<Box<<R as AsyncRuntime>::Sleep>>),
}

impl<R: Runtime> LifeSigns<R> {
    pub(super) fn new(options: KeepAlive) -> Self {
        let heard_at = <R as AsyncRuntime>::Instant::now();
        Self { options, heard_at, phase: Phase::Quiet }
    }

    /// Something came.
    pub(super) fn heard(&mut self) {
        self.heard_at = <R as AsyncRuntime>::Instant::now();
    }

    /// Ready when a ping was not answered. `is_idle` if nothing is asked: then the silence may last, unless the
    /// options want to know all the same.
    pub(super) fn poll_end(
        &mut self,
        task: &mut Context<'_>,
        pings: &mut PingPong,
        is_idle: bool,
    ) -> Poll<()> {
        let is_indifferent = is_idle && !self.options.while_idle;
        loop {
            match &mut self.phase {
                Phase::Quiet if is_indifferent => return Poll::Pending,
                Phase::Quiet => self.listen(),
                // The timer is not taken back when all is answered, so a connection on which requests come and go
                // has one for all of them.
                Phase::Listening(until) => {
                    ready!(until.as_mut().poll(task));
                    if <R as AsyncRuntime>::Instant::now() < self.heard_at + self.options.interval {
                        self.listen();
                    } else if is_indifferent {
                        self.phase = Phase::Quiet;
                    } else if pings.send_ping(Ping::opaque()).is_ok() {
                        self.phase = Phase::Asked(Box::pin(R::sleep(self.options.timeout)));
                    } else {
                        // The connection is ending by itself.
                        return Poll::Pending;
                    }
                }
                Phase::Asked(until) => match pings.poll_pong(task) {
                    Poll::Ready(Ok(_)) => {
                        self.heard();
                        self.phase = Phase::Quiet;
                    }
                    Poll::Ready(Err(_)) => return Poll::Pending,
                    Poll::Pending => return until.as_mut().poll(task),
                },
            }
        }
    }

    fn listen(&mut self) {
        let until = self.heard_at + self.options.interval;
        self.phase = Phase::Listening(Box::pin(R::sleep_until(until)));
    }
}
