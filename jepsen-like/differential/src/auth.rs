//! Users, roles and permissions, and who asks.

use std::fmt;

use detcd_api::Client;
use detcd_api::etcdserverpb::*;
use tonic::{Code, Status};

use crate::channel::Channel;
use crate::fields::{self, Fields};
use crate::known::Known;

/// The administrator.
pub const ROOT: &str = "root";
/// Passwords that a program gives to the administrator: with one of them it can be tidied up after.
pub const ROOT_PASSWORDS: [&str; 2] = ["toor", "root"];

/// One call of the service.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the methods")]
pub enum Call {
    Enable,
    Disable,
    Status,
    Authenticate(AuthenticateRequest),
    UserAdd(AuthUserAddRequest),
    UserGet(AuthUserGetRequest),
    UserList,
    UserDelete(AuthUserDeleteRequest),
    UserChangePassword(AuthUserChangePasswordRequest),
    UserGrantRole(AuthUserGrantRoleRequest),
    UserRevokeRole(AuthUserRevokeRoleRequest),
    RoleAdd(AuthRoleAddRequest),
    RoleGet(AuthRoleGetRequest),
    RoleList,
    RoleDelete(AuthRoleDeleteRequest),
    RoleGrantPermission(AuthRoleGrantPermissionRequest),
    RoleRevokePermission(AuthRoleRevokePermissionRequest),
}

/// Whose token goes with a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Who {
    /// The last one that this user was given; none if it never was.
    User(String),
    /// Exactly this one, which nobody was given.
    Token(String),
}

impl fmt::Debug for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(out, "user:{name}"),
            Self::Token(token) => write!(out, "token:{token}"),
        }
    }
}

/// A request that carries the token of who speaks.
pub fn spoken<T>(message: T, known: &Known) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let speaks = known.speaks.as_ref().filter(|_| known.wants_tokens);
    if let Some(token) = speaks.and_then(|token| token.parse().ok()) {
        request.metadata_mut().insert("token", token);
    }
    request
}

/// Sends a call and tells the fields of its answer.
pub async fn send(
    client: &Client<Channel>,
    call: Call,
    known: &mut Known,
) -> Result<Fields, Status> {
    let mut auth = client.auth();
    macro_rules! ask {
        ($method:ident($request:expr)) => {
            fields::of(auth.$method(spoken($request, known)).await?.get_ref())
        };
    }
    Ok(match call {
        Call::Enable => {
            let enabled = ask!(auth_enable(AuthEnableRequest {}));
            known.wants_tokens = true;
            enabled
        }
        Call::Disable => {
            let disabled = ask!(auth_disable(AuthDisableRequest {}));
            known.wants_tokens = false;
            disabled
        }
        Call::Status => ask!(auth_status(AuthStatusRequest {})),
        Call::Authenticate(request) => {
            let name = request.name.clone();
            let mut answer = auth.authenticate(spoken(request, known)).await?.into_inner();
            let token = std::mem::take(&mut answer.token);
            answer.token = shape(&token);
            known.tokens.insert(name, token);
            fields::of(&answer)
        }
        Call::UserAdd(request) => ask!(user_add(request)),
        Call::UserGet(request) => ask!(user_get(request)),
        Call::UserList => ask!(user_list(AuthUserListRequest {})),
        Call::UserDelete(request) => ask!(user_delete(request)),
        Call::UserChangePassword(request) => ask!(user_change_password(request)),
        Call::UserGrantRole(request) => ask!(user_grant_role(request)),
        Call::UserRevokeRole(request) => ask!(user_revoke_role(request)),
        Call::RoleAdd(request) => ask!(role_add(request)),
        Call::RoleGet(request) => ask!(role_get(request)),
        Call::RoleList => ask!(role_list(AuthRoleListRequest {})),
        Call::RoleDelete(request) => ask!(role_delete(request)),
        Call::RoleGrantPermission(request) => ask!(role_grant_permission(request)),
        Call::RoleRevokePermission(request) => ask!(role_revoke_permission(request)),
    })
}

/// What two tokens of the same kind have in common: how many letters, which separators.
fn shape(token: &str) -> String {
    token
        .split('.')
        .map(|part| match part.parse::<u64>() {
            Ok(_) => "number".to_owned(),
            Err(_) => format!("{} letters", part.len()),
        })
        .collect::<Vec<_>>()
        .join(".")
}

/// Turns authentication off and removes all users and roles.
pub async fn tidy(client: &Client<Channel>, known: &mut Known) -> Result<(), Status> {
    disable(client, known).await?;
    let mut auth = client.auth();
    for name in auth.user_list(AuthUserListRequest {}).await?.into_inner().users {
        auth.user_delete(AuthUserDeleteRequest { name }).await?;
    }
    for role in auth.role_list(AuthRoleListRequest {}).await?.into_inner().roles {
        auth.role_delete(AuthRoleDeleteRequest { role }).await?;
    }
    known.tokens.clear();
    Ok(())
}

async fn disable(client: &Client<Channel>, known: &mut Known) -> Result<(), Status> {
    for password in ROOT_PASSWORDS {
        let request = AuthenticateRequest { name: ROOT.to_owned(), password: password.to_owned() };
        match client.auth().authenticate(request).await {
            Ok(answer) => {
                known.speaks = Some(answer.into_inner().token);
                let request = spoken(AuthDisableRequest {}, known);
                known.speaks = None;
                client.auth().auth_disable(request).await?;
                known.wants_tokens = false;
                return Ok(());
            }
            // It is off.
            Err(status) if status.code() == Code::FailedPrecondition => return Ok(()),
            Err(_) => {}
        }
    }
    Err(Status::permission_denied("no password of the administrator is right"))
}

/// How often users and roles were changed so far.
pub async fn revision(client: &Client<Channel>) -> Result<u64, Status> {
    Ok(client.auth().auth_status(AuthStatusRequest {}).await?.into_inner().auth_revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_by_their_shape() {
        assert_eq!(shape("abcdefghijklmnop.12"), shape("ponmlkjihgfedcba.9"));
        assert_ne!(shape("abcdefghijklmnop.12"), shape("abcdefghijklmno.12"));
    }
}
