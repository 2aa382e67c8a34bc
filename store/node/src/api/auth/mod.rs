//! `etcdserverpb.Auth`.
//!
//! What changes anything is proposed and decided where it is applied; what only looks is answered from
//! the state of this member once that is fresh.

mod steps;

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::authpb;
use detcd_api::etcdserverpb::auth_server::Auth;
use detcd_api::etcdserverpb::*;
use detcd_machine::{AuthCommand, AuthRejection, Requester};
use tonic::{Request, Response, Status};

pub(super) use self::steps::AuthService;
use self::steps::given_hash;
use super::{convert, header, status};
use crate::runtime::Runtime;
use crate::wire;

/// What a role `root` permits, whatever it was granted.
fn root_permission() -> authpb::Permission {
    authpb::Permission {
        perm_type: authpb::permission::Type::Readwrite.into(),
        key: Bytes::new(),
        range_end: Bytes::from_static(&[0]),
    }
}

#[tonic::async_trait]
impl<R: Runtime> Auth for AuthService<R> {
    async fn auth_enable(
        &self,
        request: Request<AuthEnableRequest>,
    ) -> Result<Response<AuthEnableResponse>, Status> {
        let command = |_| Ok(AuthCommand::Enable);
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthEnableResponse { header }))
    }

    async fn auth_disable(
        &self,
        request: Request<AuthDisableRequest>,
    ) -> Result<Response<AuthDisableResponse>, Status> {
        let command = |_| Ok(AuthCommand::Disable);
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthDisableResponse { header }))
    }

    async fn user_delete(
        &self,
        request: Request<AuthUserDeleteRequest>,
    ) -> Result<Response<AuthUserDeleteResponse>, Status> {
        let command =
            |request: AuthUserDeleteRequest| Ok(AuthCommand::UserDelete { user: request.name });
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthUserDeleteResponse { header }))
    }

    async fn user_grant_role(
        &self,
        request: Request<AuthUserGrantRoleRequest>,
    ) -> Result<Response<AuthUserGrantRoleResponse>, Status> {
        let command = |request| Ok(convert::user_grant_role(request));
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthUserGrantRoleResponse { header }))
    }

    async fn user_revoke_role(
        &self,
        request: Request<AuthUserRevokeRoleRequest>,
    ) -> Result<Response<AuthUserRevokeRoleResponse>, Status> {
        let command = |request| Ok(convert::user_revoke_role(request));
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthUserRevokeRoleResponse { header }))
    }

    async fn role_add(
        &self,
        request: Request<AuthRoleAddRequest>,
    ) -> Result<Response<AuthRoleAddResponse>, Status> {
        let command = |request: AuthRoleAddRequest| Ok(AuthCommand::RoleAdd { role: request.name });
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthRoleAddResponse { header }))
    }

    async fn role_delete(
        &self,
        request: Request<AuthRoleDeleteRequest>,
    ) -> Result<Response<AuthRoleDeleteResponse>, Status> {
        let command =
            |request: AuthRoleDeleteRequest| Ok(AuthCommand::RoleDelete { role: request.role });
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthRoleDeleteResponse { header }))
    }

    async fn role_grant_permission(
        &self,
        request: Request<AuthRoleGrantPermissionRequest>,
    ) -> Result<Response<AuthRoleGrantPermissionResponse>, Status> {
        let command =
            |request| convert::role_grant_permission(request).ok_or(Error::InvalidAuthMgmt);
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthRoleGrantPermissionResponse { header }))
    }

    async fn role_revoke_permission(
        &self,
        request: Request<AuthRoleRevokePermissionRequest>,
    ) -> Result<Response<AuthRoleRevokePermissionResponse>, Status> {
        let command = |request| Ok(convert::role_revoke_permission(request));
        let header = self.change_as(request, command).await?;
        Ok(Response::new(AuthRoleRevokePermissionResponse { header }))
    }

    /// G90. A password is hashed here and goes no further.
    async fn user_add(
        &self,
        request: Request<AuthUserAddRequest>,
    ) -> Result<Response<AuthUserAddResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        self.limits.check_size(&request)?;
        let no_password = request.options.is_some_and(|options| options.no_password);
        let password = match (no_password, request.hashed_password.as_str()) {
            (true, _) => Bytes::new(),
            (false, hashed) if request.password.is_empty() && !hashed.is_empty() => {
                given_hash(hashed)?
            }
            (false, _) => self.hash(request.password).await?,
        };
        let command = AuthCommand::UserAdd { user: request.name, password, no_password };
        let header = self.change(&metadata, command).await?;
        Ok(Response::new(AuthUserAddResponse { header }))
    }

    async fn user_change_password(
        &self,
        request: Request<AuthUserChangePasswordRequest>,
    ) -> Result<Response<AuthUserChangePasswordResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        self.limits.check_size(&request)?;
        let password = match request.password.is_empty() {
            true => given_hash(&request.hashed_password)?,
            false => self.hash(request.password).await?,
        };
        let command = AuthCommand::UserChangePassword { user: request.name, password };
        let header = self.change(&metadata, command).await?;
        Ok(Response::new(AuthUserChangePasswordResponse { header }))
    }

    /// G80, G86. The password is looked at here, with what this member knows: if users or roles have
    /// changed when the entry is applied, it is looked at again.
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        let request = request.into_inner();
        self.limits.check_size(&request)?;
        self.replica.read_barrier().await.map_err(status::unavailable)?;
        let answered = async {
            loop {
                if let Some(answered) = self.token(&request.name, &request.password).await? {
                    return Ok(answered);
                }
            }
        };
        let limit = self.replica.config().request_timeout();
        let answered = R::timeout(limit, answered).await;
        let answered = answered.unwrap_or_else(|_| Err(Status::from(Error::Timeout)))?;
        let header = header::at(&self.replica, answered.revision);
        Ok(Response::new(AuthenticateResponse { header, token: answered.token }))
    }

    /// Open to everybody.
    async fn auth_status(
        &self,
        request: Request<AuthStatusRequest>,
    ) -> Result<Response<AuthStatusResponse>, Status> {
        let look =
            |auth: &detcd_machine::Auth, _: &Requester| Ok((auth.is_enabled(), auth.revision()));
        let (enabled, auth_revision) = self.look(request.metadata(), look).await?;
        let header = header::now(&self.replica);
        Ok(Response::new(AuthStatusResponse { header, enabled, auth_revision }))
    }

    async fn user_get(
        &self,
        request: Request<AuthUserGetRequest>,
    ) -> Result<Response<AuthUserGetResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let look = |auth: &detcd_machine::Auth, by: &Requester| {
            auth.check_user_get(by, &request.name)?;
            let user = auth.users().get(&request.name).ok_or(AuthRejection::UserNotFound)?;
            Ok(user.roles.clone())
        };
        let roles = self.look(&metadata, look).await?;
        Ok(Response::new(AuthUserGetResponse { header: header::now(&self.replica), roles }))
    }

    async fn user_list(
        &self,
        request: Request<AuthUserListRequest>,
    ) -> Result<Response<AuthUserListResponse>, Status> {
        let look = |auth: &detcd_machine::Auth, by: &Requester| {
            auth.check_admin(by)?;
            Ok(auth.users().keys().cloned().collect())
        };
        let users = self.look(request.metadata(), look).await?;
        Ok(Response::new(AuthUserListResponse { header: header::now(&self.replica), users }))
    }

    async fn role_get(
        &self,
        request: Request<AuthRoleGetRequest>,
    ) -> Result<Response<AuthRoleGetResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let look = |auth: &detcd_machine::Auth, by: &Requester| {
            auth.check_role_get(by, &request.role)?;
            let role = auth.roles().get(&request.role).ok_or(AuthRejection::RoleNotFound)?;
            Ok(match request.role.as_str() {
                "root" => vec![root_permission()],
                _ => role.permissions.iter().map(wire::permission).collect(),
            })
        };
        let perm = self.look(&metadata, look).await?;
        Ok(Response::new(AuthRoleGetResponse { header: header::now(&self.replica), perm }))
    }

    async fn role_list(
        &self,
        request: Request<AuthRoleListRequest>,
    ) -> Result<Response<AuthRoleListResponse>, Status> {
        let look = |auth: &detcd_machine::Auth, by: &Requester| {
            auth.check_admin(by)?;
            Ok(auth.roles().keys().cloned().collect())
        };
        let roles = self.look(request.metadata(), look).await?;
        Ok(Response::new(AuthRoleListResponse { header: header::now(&self.replica), roles }))
    }
}
