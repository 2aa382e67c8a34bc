//! The production world: tokio's runtime, sockets and the file system.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the one place where the real clock, entropy, threads, sockets and files enter"
)]

mod disk;
mod network;

use std::future::Future;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use openraft_rt::{AsyncRuntime, OptionalSend};
use openraft_rt_tokio::{
    TokioInstant, TokioMpsc, TokioMutex, TokioOneshot, TokioRuntime as OpenraftTokio, TokioWatch,
};

use super::Runtime;

pub use self::disk::DirectoryDisk;
pub use self::network::TcpNetwork;

/// The ambient tokio runtime.
///
/// openraft's own `TokioRuntime` owns a runtime and is not `Copy`; this one is whatever runtime the
/// calling task runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokioRuntime;

impl AsyncRuntime for TokioRuntime {
    type JoinError = ::tokio::task::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = ::tokio::task::JoinHandle<T>;
    type Sleep = ::tokio::time::Sleep;
    type Instant = TokioInstant;
    type TimeoutError = ::tokio::time::error::Elapsed;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = ::tokio::time::Timeout<T>;
    type ThreadLocalRng = rand::rngs::ThreadRng;
    type Mpsc = TokioMpsc;
    type Watch = TokioWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: OptionalSend + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        ::tokio::spawn(future)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        ::tokio::time::sleep(duration)
    }

    fn sleep_until(deadline: TokioInstant) -> Self::Sleep {
        <OpenraftTokio as AsyncRuntime>::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        ::tokio::time::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: TokioInstant,
        future: F,
    ) -> Self::Timeout<R, F> {
        <OpenraftTokio as AsyncRuntime>::timeout_at(deadline, future)
    }

    fn is_panic(error: &Self::JoinError) -> bool {
        error.is_panic()
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        rand::rng()
    }

    fn new(_threads: usize) -> Self {
        Self
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        ::tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("the operating system grants threads and an event queue")
            .block_on(future)
    }

    async fn spawn_blocking<F, T>(work: F) -> Result<T, io::Error>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        ::tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
    }
}

impl Runtime for TokioRuntime {
    fn wall_clock() -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn random_u64() -> u64 {
        rand::random()
    }

    async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        match ::tokio::task::spawn_blocking(work).await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down: this task is about to be dropped as well.
                Err(_) => std::future::pending().await,
            },
        }
    }
}
