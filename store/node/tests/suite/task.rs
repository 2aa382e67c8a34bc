//! A runtime for one test.

/// Runs `future` on a runtime of its own, and ends all its tasks.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}
