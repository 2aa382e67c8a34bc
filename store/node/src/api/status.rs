//! The one place where what went wrong inside becomes an error of the API.

use detcd_api::Error;
use detcd_machine::{AuthRejection, Rejection};

use crate::reconfigure::Refusal;
use crate::replica::{MembershipError, RangeError, Unavailable};

/// A refusal of the machine.
pub(crate) fn rejection(rejection: Rejection) -> Error {
    match rejection {
        Rejection::KeyNotFound => Error::KeyNotFound,
        Rejection::LeaseNotFound => Error::LeaseNotFound,
        Rejection::Compacted => Error::Compacted,
        Rejection::FutureRevision => Error::FutureRev,
        Rejection::LeaseExists => Error::LeaseExist,
        Rejection::Auth(reason) => auth(reason),
        Rejection::NoSpace => Error::NoSpace,
        Rejection::Corrupt => Error::Corrupt,
        Rejection::ClusterVersionUnavailable => Error::ClusterVersionUnavailable,
        Rejection::InvalidDowngradeTarget => Error::InvalidDowngradeTargetVersion,
        Rejection::DowngradeInProcess => Error::DowngradeInProcess,
    }
}

/// A refusal that concerns users, roles and permissions.
pub(crate) fn auth(rejection: AuthRejection) -> Error {
    match rejection {
        AuthRejection::RootUserNotExist => Error::RootUserNotExist,
        AuthRejection::RootRoleNotExist => Error::RootRoleNotExist,
        AuthRejection::UserAlreadyExist => Error::UserAlreadyExist,
        AuthRejection::UserEmpty => Error::UserEmpty,
        AuthRejection::UserNotFound => Error::UserNotFound,
        AuthRejection::RoleAlreadyExist => Error::RoleAlreadyExist,
        AuthRejection::RoleNotFound => Error::RoleNotFound,
        AuthRejection::RoleEmpty => Error::RoleEmpty,
        AuthRejection::AuthFailed => Error::AuthFailed,
        AuthRejection::PermissionNotGiven => Error::PermissionNotGiven,
        AuthRejection::PermissionDenied => Error::PermissionDenied,
        AuthRejection::RoleNotGranted => Error::RoleNotGranted,
        AuthRejection::PermissionNotGranted => Error::PermissionNotGranted,
        AuthRejection::AuthNotEnabled => Error::AuthNotEnabled,
        AuthRejection::InvalidAuthMgmt => Error::InvalidAuthMgmt,
        AuthRejection::AuthOldRevision => Error::AuthOldRevision,
    }
}

/// A change of the membership that may not be made.
pub(crate) fn membership(error: MembershipError) -> Error {
    match error {
        MembershipError::Unavailable(reason) => unavailable(reason),
        MembershipError::Refused(refusal) => match refusal {
            Refusal::MemberExists => Error::MemberExist,
            Refusal::PeerUrlExists => Error::PeerURLExist,
            Refusal::NotEnoughStarted => Error::MemberNotEnoughStarted,
            Refusal::NotFound => Error::MemberNotFound,
            Refusal::NotLearner => Error::MemberNotLearner,
            Refusal::LearnerNotReady => Error::LearnerNotReady,
            Refusal::TooManyLearners => Error::TooManyLearners,
            Refusal::Unhealthy => Error::Unhealthy,
        },
    }
}

/// A member that cannot answer.
pub(crate) fn unavailable(reason: Unavailable) -> Error {
    match reason {
        Unavailable::NoLeader => Error::NoLeader,
        Unavailable::LeaderChanged => Error::LeaderChanged,
        Unavailable::Timeout => Error::Timeout,
        Unavailable::ConnectionLost => Error::TimeoutDueToConnectionLost,
        Unavailable::Stopped => Error::Stopped,
        Unavailable::TooManyRequests => Error::RequestTooManyRequests,
        Unavailable::NotLeader => Error::NotLeader,
    }
}

/// A read that failed.
pub(crate) fn range(error: RangeError) -> Error {
    match error {
        RangeError::Rejected(reason) => rejection(reason),
        RangeError::NotPermitted(reason) => auth(reason),
        RangeError::Unavailable(reason) => unavailable(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_machine_have_etcds_texts() {
        for (reason, text) in [
            (Rejection::KeyNotFound, "etcdserver: key not found"),
            (Rejection::LeaseNotFound, "etcdserver: requested lease not found"),
            (Rejection::Compacted, "etcdserver: mvcc: required revision has been compacted"),
            (Rejection::FutureRevision, "etcdserver: mvcc: required revision is a future revision"),
            (Rejection::NoSpace, "etcdserver: mvcc: database space exceeded"),
            (Rejection::Corrupt, "etcdserver: corrupt cluster"),
            (Rejection::LeaseExists, "etcdserver: lease already exists"),
        ] {
            assert_eq!(rejection(reason).message(), text);
            assert_eq!(range(reason.into()).message(), text);
        }
    }

    #[test]
    fn a_member_that_cannot_answer_says_so_in_etcds_texts() {
        for (reason, text) in [
            (Unavailable::NoLeader, "etcdserver: no leader"),
            (Unavailable::LeaderChanged, "etcdserver: leader changed"),
            (Unavailable::Timeout, "etcdserver: request timed out"),
            (
                Unavailable::ConnectionLost,
                "etcdserver: request timed out, possibly due to connection lost",
            ),
            (Unavailable::Stopped, "etcdserver: server stopped"),
            (Unavailable::TooManyRequests, "etcdserver: too many requests"),
            (Unavailable::NotLeader, "etcdserver: not leader"),
        ] {
            assert_eq!(unavailable(reason).message(), text);
            assert_eq!(range(reason.into()).message(), text);
        }
    }
}
