//! Tasks, timers, clocks and entropy of simulated machines, on madsim's executor.
//!
//! [`SimRuntime`] is what a member is instantiated with. Channels and mutexes are tokio's, which are
//! deterministic; the watch channel is ours, because tokio wakes its receivers in a random order.
//!
//! Fault model: tasks run in a random order and may stand still at every await; each machine has its
//! own clock; blocking work happens at the start, in the middle or at the end of its time.
//!
//! Must never know: what the tasks do.

mod blocking;
mod caught;
mod run;
mod sleep;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use openraft_rt::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::{TokioMpsc, TokioMutex, TokioOneshot};

use crate::clock::SimInstant;
use crate::context::{self, Node};
use crate::random::{self, Streams};
use crate::watch::SimWatch;

pub use self::caught::Panic;
pub use self::run::run;
pub(crate) use self::sleep::wake_at;
pub use self::sleep::{Elapsed, Sleep, Timeout};

pub(crate) use self::blocking::in_blocking_time;
pub(crate) use self::caught::{Caught, message};

/// The ambient simulated runtime; it is whatever machine the calling task runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimRuntime;

impl AsyncRuntime for SimRuntime {
    type JoinError = madsim::task::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = madsim::task::JoinHandle<T>;
    type Sleep = Sleep;
    type Instant = SimInstant;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = Timeout<T>;
    type ThreadLocalRng = Entropy;
    type Mpsc = TokioMpsc;
    type Watch = SimWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        context::node().count_spawn();
        let task = madsim::task::spawn(Caught::new(future));
        context::adopt(task.abort_handle());
        task
    }

    fn sleep(duration: Duration) -> Sleep {
        Sleep::of(duration)
    }

    fn sleep_until(deadline: SimInstant) -> Sleep {
        Sleep::until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Timeout<F> {
        Timeout::new(future, Sleep::of(duration))
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: SimInstant,
        future: F,
    ) -> Timeout<F> {
        Timeout::new(future, Sleep::until(deadline))
    }

    fn is_panic(error: &Self::JoinError) -> bool {
        error.is_panic()
    }

    fn thread_rng() -> Entropy {
        Entropy { node: context::node() }
    }

    fn new(_threads: usize) -> Self {
        Self
    }

    /// For test suites that bring their own entry point; everybody else uses [`run`].
    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        run::block_on(Streams::new(0), future)
    }

    async fn spawn_blocking<F, T>(work: F) -> Result<T, io::Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Ok(blocking::blocking(work).await)
    }
}

impl detcd_node::runtime::Runtime for SimRuntime {
    fn wall_clock() -> Duration {
        context::node().clock.wall()
    }

    fn random_u64() -> u64 {
        context::node().entropy()
    }

    async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        blocking::blocking(work).await
    }
}

/// The entropy of the machine that asked for it.
#[derive(Debug)]
pub struct Entropy {
    node: Arc<Node>,
}

impl rand::TryRng for Entropy {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.node.entropy() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.node.entropy())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        random::fill_bytes(bytes, || self.node.entropy());
        Ok(())
    }
}
