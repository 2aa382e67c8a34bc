//! Methods that are not built yet.

use tonic::Status;

/// The answer of a method that is not built yet.
pub(super) fn status(method: &str) -> Status {
    Status::unimplemented(format!("{method} is not built yet"))
}
