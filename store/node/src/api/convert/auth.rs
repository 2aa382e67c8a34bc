//! Users, roles and permissions, and who asks, between the machine's types and the wire's.

use detcd_api::etcdserverpb as rpc;
use detcd_api::peer::auth_command::Command as Sent;
use detcd_api::peer::requester::Requester as By;
use detcd_api::peer::{self, auth_command, requester};
use detcd_machine::{AuthCommand, AuthRejection, Requester};

use super::command::DecodeError;
use crate::wire;

pub(super) fn requester_to_peer(by: &Requester) -> Option<peer::Requester> {
    let by = match by {
        Requester::Anonymous => return None,
        Requester::User { name, auth_revision } => {
            By::User(requester::User { name: name.clone(), auth_revision: *auth_revision })
        }
        Requester::Member => By::Member(peer::Empty {}),
    };
    Some(peer::Requester { requester: Some(by) })
}

pub(super) fn requester_from_peer(sent: Option<peer::Requester>) -> Result<Requester, DecodeError> {
    let Some(sent) = sent else { return Ok(Requester::Anonymous) };
    Ok(match sent.requester.ok_or(DecodeError::Empty)? {
        By::User(user) => Requester::User { name: user.name, auth_revision: user.auth_revision },
        By::Member(_) => Requester::Member,
    })
}

pub(super) fn auth_command_to_peer(command: &AuthCommand) -> peer::AuthCommand {
    let sent = match command.clone() {
        AuthCommand::Enable => Sent::Enable(peer::Empty {}),
        AuthCommand::Disable => Sent::Disable(peer::Empty {}),
        AuthCommand::Authenticate { user, auth_revision, token } => {
            Sent::Authenticate(auth_command::Authenticate { user, auth_revision, token })
        }
        AuthCommand::UserAdd { user, password, no_password } => {
            Sent::UserAdd(auth_command::UserAdd { user, password, no_password })
        }
        AuthCommand::UserDelete { user } => {
            Sent::UserDelete(rpc::AuthUserDeleteRequest { name: user })
        }
        AuthCommand::UserChangePassword { user, password } => {
            Sent::UserChangePassword(auth_command::UserChangePassword { user, password })
        }
        AuthCommand::UserGrantRole { user, role } => {
            Sent::UserGrantRole(rpc::AuthUserGrantRoleRequest { user, role })
        }
        AuthCommand::UserRevokeRole { user, role } => {
            Sent::UserRevokeRole(rpc::AuthUserRevokeRoleRequest { name: user, role })
        }
        AuthCommand::RoleAdd { role } => Sent::RoleAdd(rpc::AuthRoleAddRequest { name: role }),
        AuthCommand::RoleDelete { role } => Sent::RoleDelete(rpc::AuthRoleDeleteRequest { role }),
        AuthCommand::RoleGrantPermission { role, permission: granted } => {
            let perm = granted.as_ref().map(wire::permission);
            Sent::RoleGrantPermission(rpc::AuthRoleGrantPermissionRequest { name: role, perm })
        }
        AuthCommand::RoleRevokePermission { role, key, range_end } => {
            let request = rpc::AuthRoleRevokePermissionRequest { role, key, range_end };
            Sent::RoleRevokePermission(request)
        }
    };
    peer::AuthCommand { command: Some(sent) }
}

pub(super) fn auth_command_from_peer(sent: peer::AuthCommand) -> Result<AuthCommand, DecodeError> {
    Ok(match sent.command.ok_or(DecodeError::Empty)? {
        Sent::Enable(_) => AuthCommand::Enable,
        Sent::Disable(_) => AuthCommand::Disable,
        Sent::Authenticate(auth_command::Authenticate { user, auth_revision, token }) => {
            AuthCommand::Authenticate { user, auth_revision, token }
        }
        Sent::UserAdd(auth_command::UserAdd { user, password, no_password }) => {
            AuthCommand::UserAdd { user, password, no_password }
        }
        Sent::UserDelete(request) => AuthCommand::UserDelete { user: request.name },
        Sent::UserChangePassword(auth_command::UserChangePassword { user, password }) => {
            AuthCommand::UserChangePassword { user, password }
        }
        Sent::UserGrantRole(request) => user_grant_role(request),
        Sent::UserRevokeRole(request) => user_revoke_role(request),
        Sent::RoleAdd(request) => AuthCommand::RoleAdd { role: request.name },
        Sent::RoleDelete(request) => AuthCommand::RoleDelete { role: request.role },
        Sent::RoleGrantPermission(request) => {
            role_grant_permission(request).ok_or(DecodeError::Empty)?
        }
        Sent::RoleRevokePermission(request) => role_revoke_permission(request),
    })
}

pub(crate) fn user_grant_role(request: rpc::AuthUserGrantRoleRequest) -> AuthCommand {
    AuthCommand::UserGrantRole { user: request.user, role: request.role }
}

pub(crate) fn user_revoke_role(request: rpc::AuthUserRevokeRoleRequest) -> AuthCommand {
    AuthCommand::UserRevokeRole { user: request.name, role: request.role }
}

/// `None` for a kind of permission that this version does not know.
pub(crate) fn role_grant_permission(
    request: rpc::AuthRoleGrantPermissionRequest,
) -> Option<AuthCommand> {
    let permission = match request.perm {
        None => None,
        Some(permission) => Some(wire::permission_from(permission)?),
    };
    Some(AuthCommand::RoleGrantPermission { role: request.name, permission })
}

pub(crate) fn role_revoke_permission(request: rpc::AuthRoleRevokePermissionRequest) -> AuthCommand {
    let rpc::AuthRoleRevokePermissionRequest { role, key, range_end } = request;
    AuthCommand::RoleRevokePermission { role, key, range_end }
}

pub(super) fn rejection_to_peer(rejection: AuthRejection) -> peer::Rejection {
    match rejection {
        AuthRejection::RootUserNotExist => peer::Rejection::RootUserNotExist,
        AuthRejection::RootRoleNotExist => peer::Rejection::RootRoleNotExist,
        AuthRejection::UserAlreadyExist => peer::Rejection::UserAlreadyExist,
        AuthRejection::UserEmpty => peer::Rejection::UserEmpty,
        AuthRejection::UserNotFound => peer::Rejection::UserNotFound,
        AuthRejection::RoleAlreadyExist => peer::Rejection::RoleAlreadyExist,
        AuthRejection::RoleNotFound => peer::Rejection::RoleNotFound,
        AuthRejection::RoleEmpty => peer::Rejection::RoleEmpty,
        AuthRejection::AuthFailed => peer::Rejection::AuthFailed,
        AuthRejection::PermissionNotGiven => peer::Rejection::PermissionNotGiven,
        AuthRejection::PermissionDenied => peer::Rejection::PermissionDenied,
        AuthRejection::RoleNotGranted => peer::Rejection::RoleNotGranted,
        AuthRejection::PermissionNotGranted => peer::Rejection::PermissionNotGranted,
        AuthRejection::AuthNotEnabled => peer::Rejection::AuthNotEnabled,
        AuthRejection::InvalidAuthMgmt => peer::Rejection::InvalidAuthMgmt,
        AuthRejection::AuthOldRevision => peer::Rejection::AuthOldRevision,
    }
}

/// `None` for a refusal that does not concern authentication.
pub(super) fn rejection_from_peer(sent: peer::Rejection) -> Option<AuthRejection> {
    Some(match sent {
        peer::Rejection::RootUserNotExist => AuthRejection::RootUserNotExist,
        peer::Rejection::RootRoleNotExist => AuthRejection::RootRoleNotExist,
        peer::Rejection::UserAlreadyExist => AuthRejection::UserAlreadyExist,
        peer::Rejection::UserEmpty => AuthRejection::UserEmpty,
        peer::Rejection::UserNotFound => AuthRejection::UserNotFound,
        peer::Rejection::RoleAlreadyExist => AuthRejection::RoleAlreadyExist,
        peer::Rejection::RoleNotFound => AuthRejection::RoleNotFound,
        peer::Rejection::RoleEmpty => AuthRejection::RoleEmpty,
        peer::Rejection::AuthFailed => AuthRejection::AuthFailed,
        peer::Rejection::PermissionNotGiven => AuthRejection::PermissionNotGiven,
        peer::Rejection::PermissionDenied => AuthRejection::PermissionDenied,
        peer::Rejection::RoleNotGranted => AuthRejection::RoleNotGranted,
        peer::Rejection::PermissionNotGranted => AuthRejection::PermissionNotGranted,
        peer::Rejection::AuthNotEnabled => AuthRejection::AuthNotEnabled,
        peer::Rejection::InvalidAuthMgmt => AuthRejection::InvalidAuthMgmt,
        peer::Rejection::AuthOldRevision => AuthRejection::AuthOldRevision,
        _ => return None,
    })
}
