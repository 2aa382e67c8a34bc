//! What the end of a call says about its outcome.

use detcd_api::Error;
use jepsen_like::history::{Info, InfoKind, Refusal, RefusalKind};
use tonic::{Code, Status};

/// How a call ended that was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It has definitely not taken effect.
    Fail(Refusal),
    /// Nobody knows.
    Info(Info),
}

/// Reads a status. Only a text that the store uses for requests that it did not carry out is definite;
/// everything else leaves the outcome open.
pub(super) fn end_of(status: &Status) -> End {
    let text = status.message().to_owned();
    match Error::from_status(status).and_then(refusal) {
        Some(kind) => End::Fail(Refusal { kind, text }),
        None => End::Info(Info { kind: silence(status), text }),
    }
}

/// For requests that the store carries out in several steps: the first of them may have been done.
pub(super) fn unsettled(status: &Status) -> End {
    End::Info(Info { kind: silence(status), text: status.message().to_owned() })
}

fn refusal(error: Error) -> Option<RefusalKind> {
    Some(match error {
        Error::Compacted => RefusalKind::Compacted,
        Error::FutureRev => RefusalKind::FutureRevision,
        Error::KeyNotFound => RefusalKind::KeyNotFound,
        Error::LeaseNotFound => RefusalKind::LeaseNotFound,
        Error::LeaseExist => RefusalKind::LeaseExists,
        Error::EmptyKey
        | Error::ValueProvided
        | Error::LeaseProvided
        | Error::TooManyOps
        | Error::DuplicateKey
        | Error::InvalidSortOption
        | Error::LeaseTTLTooLarge
        | Error::RequestTooLarge => RefusalKind::Invalid,
        Error::NoSpace => RefusalKind::NoSpace,
        Error::Corrupt => RefusalKind::Corrupt,
        Error::RequestTooManyRequests
        | Error::PermissionDenied
        | Error::UserEmpty
        | Error::InvalidAuthToken
        | Error::AuthOldRevision
        | Error::RoleNotGranted
        | Error::PermissionNotGranted
        | Error::NotCapable
        | Error::NotSupportedForLearner => RefusalKind::NotServed,
        _ => return None,
    })
}

fn silence(status: &Status) -> InfoKind {
    match Error::from_status(status) {
        Some(
            Error::Timeout
            | Error::TimeoutDueToLeaderFail
            | Error::TimeoutDueToConnectionLost
            | Error::TimeoutWaitAppliedIndex
            | Error::DeadlineExceeded,
        ) => InfoKind::Timeout,
        Some(_) => InfoKind::Unavailable,
        None => match status.code() {
            Code::DeadlineExceeded => InfoKind::Timeout,
            Code::Unavailable => InfoKind::Unavailable,
            Code::Cancelled | Code::Unknown | Code::Internal => InfoKind::ConnectionLost,
            _ => InfoKind::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_definite() {
        let end = end_of(&Error::Compacted.into());
        let text = Error::Compacted.message().to_owned();
        assert_eq!(end, End::Fail(Refusal { kind: RefusalKind::Compacted, text }));
    }

    #[test]
    fn a_time_out_says_nothing_about_the_outcome() {
        for error in [Error::Timeout, Error::LeaderChanged, Error::NoLeader, Error::Stopped] {
            assert!(matches!(end_of(&error.into()), End::Info(_)), "{error}");
        }
        let broken = Status::unknown("transport error");
        assert!(matches!(end_of(&broken), End::Info(Info { kind: InfoKind::ConnectionLost, .. })));
    }
}
