//! Why a change of the auth state, or a request of a user, is refused.

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum AuthRejection {
    /// Authentication cannot be enabled without a user `root`.
    #[error("root user does not exist")]
    RootUserNotExist,
    /// Authentication cannot be enabled before `root` has the role `root`.
    #[error("root user does not have root role")]
    RootRoleNotExist,
    /// There is such a user.
    #[error("user already exists")]
    UserAlreadyExist,
    /// No name was given, or a request without credentials while authentication is enabled.
    #[error("user name is empty")]
    UserEmpty,
    /// There is no such user.
    #[error("user not found")]
    UserNotFound,
    /// There is such a role.
    #[error("role already exists")]
    RoleAlreadyExist,
    /// There is no such role.
    #[error("role not found")]
    RoleNotFound,
    /// No name was given.
    #[error("role name is empty")]
    RoleEmpty,
    /// The user is unknown, or known only by certificate.
    #[error("authentication failed")]
    AuthFailed,
    /// A permission was to be granted, but none was given.
    #[error("permission not given")]
    PermissionNotGiven,
    /// The user may not do that.
    #[error("permission denied")]
    PermissionDenied,
    /// The user does not have the role that was to be revoked.
    #[error("role not granted")]
    RoleNotGranted,
    /// The role does not have the permission that was to be revoked.
    #[error("permission not granted")]
    PermissionNotGranted,
    /// Nobody can authenticate while authentication is disabled.
    #[error("authentication not enabled")]
    AuthNotEnabled,
    /// The range means nothing, or `root` would be lost while authentication is enabled.
    #[error("invalid auth management")]
    InvalidAuthMgmt,
    /// Users or roles have changed since the credentials were looked at.
    #[error("auth revision is old")]
    AuthOldRevision,
}

impl AuthRejection {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::RootUserNotExist,
        Self::RootRoleNotExist,
        Self::UserAlreadyExist,
        Self::UserEmpty,
        Self::UserNotFound,
        Self::RoleAlreadyExist,
        Self::RoleNotFound,
        Self::RoleEmpty,
        Self::AuthFailed,
        Self::PermissionNotGiven,
        Self::PermissionDenied,
        Self::RoleNotGranted,
        Self::PermissionNotGranted,
        Self::AuthNotEnabled,
        Self::InvalidAuthMgmt,
        Self::AuthOldRevision,
    ];
}
