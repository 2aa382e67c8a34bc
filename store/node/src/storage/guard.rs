//! Blocking work on a database that may be damaged.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::database::damaged;
use super::error::Error;
use super::open::STATE_FILE;
use crate::runtime::Runtime;

/// Runs `work` as [`guarded`] blocking work.
pub(super) async fn blocking<R: Runtime, T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    R::blocking(move || guarded(work)).await
}

/// Turns a panic into the error of a damaged database.
///
/// The engine does not verify the pages that it reads, and some damage makes it panic. That must end the
/// member with a clear message, not one task of it in silence. No lock of ours is held around the engine,
/// and nobody uses the database after the error, so nothing half-changed is seen.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(damaged(STATE_FILE, &format!("the database engine gave up: {}", message(&*panic))))
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
