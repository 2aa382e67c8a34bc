//! Timers that follow the clock of their machine.
//!
//! madsim's own sleep pushes a new timer at every poll and never takes one back. Here a sleep arms one
//! timer, which wakes an [`Alarm`]; the alarm knows the waker of the latest poll, and forgets it when the
//! sleep is dropped, so that a timer that is no longer wanted wakes nobody.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use madsim::time::TimeHandle;
use pin_project_lite::pin_project;

use crate::clock::SimInstant;
use crate::context::{self, Node};

/// The granularity of tokio's timers, to which sleeps are rounded up.
const GRAIN: Duration = Duration::from_millis(1);

/// Waits until the clock of a machine, or true time, has reached a point.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    deadline: Deadline,
    alarm: Option<Arc<Alarm>>,
}

#[derive(Debug)]
enum Deadline {
    Local(Arc<Node>, SimInstant),
    True(u64),
}

impl Deadline {
    /// The true time for which to set a timer, or nothing if it has passed.
    fn true_nanos(&self) -> Option<u64> {
        let now = context::true_nanos();
        match self {
            Self::Local(node, deadline) if node.clock.now() >= *deadline => None,
            // The clock may have been slowed down since: never arm for the past.
            Self::Local(node, deadline) => Some(node.clock.true_nanos_at(*deadline).max(now + 1)),
            Self::True(deadline) => (*deadline > now).then_some(*deadline),
        }
    }
}

impl Sleep {
    /// For a duration by the clock of the current machine, at least a millisecond.
    pub(crate) fn of(duration: Duration) -> Self {
        let node = context::node();
        let deadline = node.clock.now() + duration.max(GRAIN);
        Self { deadline: Deadline::Local(node, deadline), alarm: None }
    }

    /// Until the clock of the current machine has reached a point, which may have passed already.
    pub(crate) fn until(deadline: SimInstant) -> Self {
        Self { deadline: Deadline::Local(context::node(), deadline), alarm: None }
    }

    /// Until a true time, to the nanosecond: for the world itself, which is not subject to clocks.
    pub(crate) fn until_true(nanos: u64) -> Self {
        Self { deadline: Deadline::True(nanos), alarm: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        // While its timer runs there is no need to look at any clock.
        if let Some(alarm) = &self.alarm
            && alarm.will_wake(task.waker())
        {
            return Poll::Pending;
        }
        let Some(at) = self.deadline.true_nanos() else {
            return Poll::Ready(());
        };
        let alarm = Arc::new(Alarm { state: Mutex::new(State::Set(task.waker().clone())) });
        arm(&alarm, at);
        self.alarm = Some(alarm);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            alarm.replace(State::Done);
        }
    }
}

/// Calls a waker at a true time, or at once if that has passed; nobody can take that back.
pub(crate) fn wake_at(nanos: u64, waker: Waker) {
    if nanos <= context::true_nanos() {
        waker.wake();
    } else {
        arm(&Arc::new(Alarm { state: Mutex::new(State::Set(waker)) }), nanos);
    }
}

/// Sets a timer of madsim for a true time in the future.
fn arm(alarm: &Arc<Alarm>, at: u64) {
    let time = TimeHandle::current();
    let ahead = Duration::from_nanos(at.saturating_sub(context::true_nanos()));
    let mut timer = pin!(time.sleep(Duration::ZERO));
    // A fresh sleep is at least a millisecond; a deadline set afterwards is taken as it is.
    timer.as_mut().reset(time.now_instant() + ahead);
    let waker = Waker::from(Arc::clone(alarm));
    let polled = timer.poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending(), "a timer {ahead:?} ahead cannot have elapsed");
}

#[derive(Debug)]
struct Alarm {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// The timer is running and wakes this waker.
    Set(Waker),
    /// The timer has fired, or nobody waits any more.
    Done,
}

impl Alarm {
    fn replace(&self, state: State) -> State {
        std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), state)
    }

    /// Points a running timer at another waker; false if it is not running.
    fn will_wake(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Set(set) => {
                set.clone_from(waker);
                true
            }
            State::Done => false,
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if let State::Set(waker) = self.replace(State::Done) {
            waker.wake();
        }
    }
}

/// A [`Timeout`] ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("deadline has elapsed")
    }
}

impl std::error::Error for Elapsed {}

pin_project! {
    /// A future with a time limit; the future is polled first, so that being done wins.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        sleep: Sleep,
    }
}

impl<F> Timeout<F> {
    pub(crate) fn new(future: F, sleep: Sleep) -> Self {
        Self { future, sleep }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let timeout = self.project();
        if let Poll::Ready(value) = timeout.future.poll(task) {
            return Poll::Ready(Ok(value));
        }
        Pin::new(timeout.sleep).poll(task).map(|()| Err(Elapsed))
    }
}
