//! Blocking work in virtual time.
//!
//! The work itself runs in one piece and takes no time; what its input and output cost is slept
//! off afterwards or beforehand. Where in that time the work happens is drawn, so that races between
//! two pieces of blocking work are explored although each of them is atomic here.

use std::any::TypeId;
use std::cell::Cell;
use std::sync::atomic::Ordering;

use crate::context;
use crate::runtime::caught::Caught;
use crate::runtime::sleep::Sleep;

thread_local! {
    static TIME: Cell<Option<BlockingTime>> = const { Cell::new(None) };
}

/// Nothing is put off for longer than that only because something before it took so long, in
/// nanoseconds: that was a disk that stalled, and this one need not.
const AHEAD_MAX: u64 = 1_000_000_000;

/// The time that the running piece of blocking work has been given, in true nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockingTime {
    /// When its input and output began: before now if the work was put at the end of its time.
    pub(crate) started: u64,
    /// When all of it will be done.
    pub(crate) done: u64,
}

/// Lets a device account for input and output of the running blocking work, if there is any.
pub(crate) fn in_blocking_time(account: impl FnOnce(&mut BlockingTime)) {
    TIME.with(|cell| {
        if let Some(mut time) = cell.get() {
            account(&mut time);
            cell.set(Some(time));
        }
    });
}

pub(super) async fn blocking<T, W>(work: W) -> T
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    let node = context::node();
    // A stalled log says nothing about how long the database will take.
    let kind = TypeId::of::<W>();
    let guess = node.guess_blocking(kind);
    let ahead = match node.draw_blocking().below(3) {
        0 => 0,
        1 => guess / 2,
        _ => guess,
    };
    let started = context::true_nanos();
    let (value, done) = if ahead == 0 {
        let ended = node.ended_count.load(Ordering::Relaxed);
        let performed = perform(started, work);
        if node.ended_count.load(Ordering::Relaxed) != ended {
            // The machine lost power in the middle: nobody is left to see the work fail.
            return std::future::pending().await;
        }
        performed
    } else {
        // A task of its own: the work is done even if nobody waits for it any more.
        let task = madsim::task::spawn(Caught::new(async move {
            Sleep::until_true(started + ahead).await;
            perform(started, work)
        }));
        match task.await {
            Ok(performed) => performed,
            // The machine is dying, and this task with it.
            Err(_) => std::future::pending().await,
        }
    };
    node.learn_blocking(kind, (done - started).min(AHEAD_MAX));
    if done > context::true_nanos() {
        Sleep::until_true(done).await;
    }
    value
}

fn perform<T>(started: u64, work: impl FnOnce() -> T) -> (T, u64) {
    let outer = TIME.replace(Some(BlockingTime { started, done: started }));
    assert!(outer.is_none(), "blocking work does not nest");
    let guard = TimeGuard;
    let value = work();
    let time = TIME.take().expect("nobody else takes the time of blocking work");
    drop(guard);
    (value, time.done)
}

/// Takes the time from work that panics, or the next would seem to nest.
struct TimeGuard;

impl Drop for TimeGuard {
    fn drop(&mut self) {
        TIME.take();
    }
}
