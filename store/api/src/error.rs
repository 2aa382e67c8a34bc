//! Every refusal that reaches a client, with its code and its text to the letter.
//!
//! Clients recognise an error by its text as much as by its code, so both are part of the contract.
//! The names E1 to E77 are the rows of that contract.

use std::fmt;

use tonic::{Code, Status};

macro_rules! errors {
    ($($row:ident $name:ident => $code:ident, $text:literal;)*) => {
        /// An error of the etcd v3 API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Error {
            $(
                #[doc = concat!(stringify!($row), ": `", $text, "` (", stringify!($code), ")")]
                $name,
            )*
        }

        impl Error {
            /// All of them, in the order of their rows.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it is sent.
            pub fn code(self) -> Code {
                match self {
                    $(Self::$name => Code::$code,)*
                }
            }

            /// The text.
            pub fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

// Some codes are not the ones that etcd declares for the text: these are what its clients see, and
// `MemberNotEnoughStarted` and `RequestTooManyRequests` leave etcd as Unknown.
errors! {
    E1 EmptyKey => InvalidArgument, "etcdserver: key is not provided";
    E2 KeyNotFound => InvalidArgument, "etcdserver: key not found";
    E3 ValueProvided => InvalidArgument, "etcdserver: value is provided";
    E4 LeaseProvided => InvalidArgument, "etcdserver: lease is provided";
    E5 TooManyOps => InvalidArgument, "etcdserver: too many operations in txn request";
    E6 DuplicateKey => InvalidArgument, "etcdserver: duplicate key given in txn request";
    E7 InvalidClientAPIVersion => InvalidArgument, "etcdserver: invalid client api version";
    E8 InvalidSortOption => InvalidArgument, "etcdserver: invalid sort option";
    E9 Compacted => OutOfRange, "etcdserver: mvcc: required revision has been compacted";
    E10 FutureRev => OutOfRange, "etcdserver: mvcc: required revision is a future revision";
    E11 NoSpace => ResourceExhausted, "etcdserver: mvcc: database space exceeded";
    E12 LeaseNotFound => NotFound, "etcdserver: requested lease not found";
    E13 LeaseExist => FailedPrecondition, "etcdserver: lease already exists";
    E14 LeaseTTLTooLarge => OutOfRange, "etcdserver: too large lease TTL";
    E15 WatchCanceled => Cancelled, "etcdserver: watch canceled";
    E16 MemberExist => FailedPrecondition, "etcdserver: member ID already exist";
    E17 PeerURLExist => FailedPrecondition, "etcdserver: Peer URLs already exists";
    E18 MemberNotEnoughStarted => Unknown, "etcdserver: re-configuration failed due to not enough started members";
    E19 MemberBadURLs => InvalidArgument, "etcdserver: given member URLs are invalid";
    E20 MemberNotFound => NotFound, "etcdserver: member not found";
    E21 MemberNotLearner => FailedPrecondition, "etcdserver: can only promote a learner member";
    E22 LearnerNotReady => FailedPrecondition, "etcdserver: can only promote a learner member which is in sync with leader";
    E23 TooManyLearners => FailedPrecondition, "etcdserver: too many learner members in cluster";
    E24 ClusterIDMismatch => FailedPrecondition, "etcdserver: cluster ID mismatch";
    E25 RequestTooLarge => InvalidArgument, "etcdserver: request is too large";
    E26 RequestTooManyRequests => Unknown, "etcdserver: too many requests";
    E27 RootUserNotExist => FailedPrecondition, "etcdserver: root user does not exist";
    E28 RootRoleNotExist => FailedPrecondition, "etcdserver: root user does not have root role";
    E29 UserAlreadyExist => FailedPrecondition, "etcdserver: user name already exists";
    E30 UserEmpty => InvalidArgument, "etcdserver: user name is empty";
    E31 UserNotFound => FailedPrecondition, "etcdserver: user name not found";
    E32 RoleAlreadyExist => FailedPrecondition, "etcdserver: role name already exists";
    E33 RoleNotFound => FailedPrecondition, "etcdserver: role name not found";
    E34 RoleEmpty => InvalidArgument, "etcdserver: role name is empty";
    E35 AuthFailed => InvalidArgument, "etcdserver: authentication failed, invalid user ID or password";
    E36 PermissionNotGiven => InvalidArgument, "etcdserver: permission not given";
    E37 PermissionDenied => PermissionDenied, "etcdserver: permission denied";
    E38 RoleNotGranted => FailedPrecondition, "etcdserver: role is not granted to the user";
    E39 PermissionNotGranted => FailedPrecondition, "etcdserver: permission is not granted to the role";
    E40 AuthNotEnabled => FailedPrecondition, "etcdserver: authentication is not enabled";
    E41 InvalidAuthToken => Unauthenticated, "etcdserver: invalid auth token";
    E42 InvalidAuthMgmt => InvalidArgument, "etcdserver: invalid auth management";
    E43 AuthOldRevision => InvalidArgument, "etcdserver: revision of auth store is old";
    E44 NoLeader => Unavailable, "etcdserver: no leader";
    E45 NotLeader => FailedPrecondition, "etcdserver: not leader";
    E46 LeaderChanged => Unavailable, "etcdserver: leader changed";
    E47 NotCapable => FailedPrecondition, "etcdserver: not capable";
    E48 Stopped => Unavailable, "etcdserver: server stopped";
    E49 Timeout => Unavailable, "etcdserver: request timed out";
    E50 TimeoutDueToLeaderFail => Unavailable, "etcdserver: request timed out, possibly due to previous leader failure";
    E51 TimeoutDueToConnectionLost => Unavailable, "etcdserver: request timed out, possibly due to connection lost";
    E52 TimeoutWaitAppliedIndex => Unavailable, "etcdserver: request timed out, waiting for the applied index took too long";
    E53 Unhealthy => Unavailable, "etcdserver: unhealthy cluster";
    E54 Corrupt => DataLoss, "etcdserver: corrupt cluster";
    E55 NotSupportedForLearner => FailedPrecondition, "etcdserver: rpc not supported for learner";
    E56 BadLeaderTransferee => FailedPrecondition, "etcdserver: bad leader transferee";
    E57 WrongDowngradeVersionFormat => InvalidArgument, "etcdserver: wrong downgrade target version format";
    E58 InvalidDowngradeTargetVersion => InvalidArgument, "etcdserver: invalid downgrade target version";
    E59 ClusterVersionUnavailable => FailedPrecondition, "etcdserver: cluster version not found during downgrade";
    E60 DowngradeInProcess => FailedPrecondition, "etcdserver: cluster has a downgrade job in progress";
    E61 NoInflightDowngrade => FailedPrecondition, "etcdserver: no inflight downgrade job";
    E62 Canceled => Cancelled, "etcdserver: request canceled";
    E63 DeadlineExceeded => DeadlineExceeded, "etcdserver: context deadline exceeded";
    E64 DuplicateWatchId => Unknown, "mvcc: duplicate watch ID provided on the WatchStream";
    E65 EmptyWatcherRange => Unknown, "mvcc: watcher range is empty";
    E67 TimeoutLeaderTransfer => Unknown, "etcdserver: request timed out, leader transfer took too long";
    E68 NoPasswordUser => Unknown, "auth: authentication failed, password was given for no password user";
    E69 ElectionNotLeader => Unknown, "election: not leader";
    E70 ElectionNoLeader => Unknown, "election: no leader";
    E71 MissingLeaderKey => Unknown, "\"leader\" field must be provided";
    E72 SessionExpired => Unknown, "mutex: session is expired";
    E73 NotPrimaryLessor => Unknown, "not a primary lessor";
    E74 InvalidAuthOptions => Unknown, "auth: invalid auth options";
    E75 UnknownMethod => Unknown, "etcdserver: unknown method";
    E76 RangeStreamSortOrder => Unimplemented, "RangeStream does not support custom sort orders";
    E77 RangeStreamRevisionFilter => Unimplemented, "RangeStream does not support revision filters";
}

impl Error {
    /// The error that a status says, recognised by its text.
    pub fn from_status(status: &Status) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| error.message() == status.message())
    }

    /// The text that says both code and message where there is no status to hold the code, such as
    /// the reason why a watcher was canceled (E66).
    pub fn with_code_in_text(self) -> String {
        let code = match self.code() {
            Code::Cancelled => "Canceled".to_owned(),
            code => format!("{code:?}"),
        };
        format!("rpc error: code = {code} desc = {}", self.message())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for Error {}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Self::new(error.code(), error.message())
    }
}
