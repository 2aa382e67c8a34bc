//! One run: a seed, a thread, an executor.

use std::panic::{self, AssertUnwindSafe};
use std::thread;

use super::Sleep;
use super::caught::message;
use crate::context;
use crate::random::Streams;

/// Deep enough for a debug build of the whole server stack.
const STACK_BYTES: usize = 8 << 20;

/// Runs a simulation from a seed to its end.
///
/// A run gets a fresh thread, because the keys of std's hash maps are drawn once per thread. A panic
/// anywhere inside is passed on with the seed in its message, but for those of machines if the world keeps them
/// ([`crate::World::keep_panics`]).
pub fn run<T, F>(seed: u64, world: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + 'static,
{
    let main = thread::Builder::new()
        .name(format!("seed {seed}"))
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let body = AssertUnwindSafe(|| block_on(Streams::new(seed), async { world().await }));
            panic::catch_unwind(body).map_err(|payload| message(&*payload))
        })
        .expect("the operating system grants a thread");
    match main.join() {
        Ok(Ok(value)) => value,
        Ok(Err(message)) => panic!("seed {seed}: {message}"),
        Err(payload) => panic!("seed {seed}: {}", message(&*payload)),
    }
}

/// Runs on the calling thread.
pub(super) fn block_on<F: Future>(streams: Streams, future: F) -> F::Output {
    let _entered = context::enter(streams);
    let executor =
        madsim::runtime::Runtime::with_seed_and_config(streams.seed(), madsim::Config::default());
    executor.block_on(async {
        let output = future.await;
        context::end_all();
        // Whatever was ended is dropped before time goes on.
        Sleep::until_true(context::true_nanos() + 1).await;
        output
    })
}
