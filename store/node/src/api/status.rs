//! The one place where what went wrong inside becomes an error of the API.

use detcd_api::Error;
use detcd_machine::Rejection;

use crate::replica::{RangeError, Unavailable};

/// A refusal of the machine.
pub(crate) fn rejection(rejection: Rejection) -> Error {
    match rejection {
        Rejection::KeyNotFound => Error::KeyNotFound,
        Rejection::LeaseNotFound => Error::LeaseNotFound,
        Rejection::Compacted => Error::Compacted,
        Rejection::FutureRevision => Error::FutureRev,
    }
}

/// A member that cannot answer.
pub(crate) fn unavailable(reason: Unavailable) -> Error {
    match reason {
        Unavailable::NoLeader => Error::NoLeader,
        Unavailable::LeaderChanged => Error::LeaderChanged,
        Unavailable::Timeout => Error::Timeout,
        Unavailable::Stopped => Error::Stopped,
        Unavailable::TooManyRequests => Error::RequestTooManyRequests,
        Unavailable::NotLeader => Error::NotLeader,
    }
}

/// A read that failed.
pub(crate) fn range(error: RangeError) -> Error {
    match error {
        RangeError::Rejected(reason) => rejection(reason),
        RangeError::Unavailable(reason) => unavailable(reason),
    }
}
