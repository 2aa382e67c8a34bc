//! What the methods of the service have in common.

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::ResponseHeader;
use detcd_machine::{AuthCommand, AuthRejection, Command, Outcome, Rejection, Requester};
use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::super::{Limits, header, identity, status};
use crate::auth::{self, password};
use crate::replica::Replica;
use crate::runtime::Runtime;

/// The service.
#[derive(Debug, Clone)]
pub(in crate::api) struct AuthService<R: Runtime> {
    pub(super) replica: Replica<R>,
    pub(super) limits: Limits,
}

impl<R: Runtime> AuthService<R> {
    pub(in crate::api) fn new(replica: Replica<R>, limits: Limits) -> Self {
        Self { replica, limits }
    }

    async fn by(&self, metadata: &MetadataMap) -> Result<Requester, Error> {
        identity::requester(&self.replica, metadata).await
    }

    /// Has what the request says applied for whoever sent it.
    pub(super) async fn change_as<T: Message>(
        &self,
        request: Request<T>,
        command: impl FnOnce(T) -> Result<AuthCommand, Error>,
    ) -> Result<Option<ResponseHeader>, Status> {
        let (metadata, _, request) = request.into_parts();
        self.limits.check_size(&request)?;
        self.change(&metadata, command(request)?).await
    }

    /// Has the command applied for whoever sent the metadata.
    pub(super) async fn change(
        &self,
        metadata: &MetadataMap,
        command: AuthCommand,
    ) -> Result<Option<ResponseHeader>, Status> {
        let by = self.by(metadata).await?;
        let answer = self.replica.propose(by, Command::Auth(command)).await;
        let answer = answer.map_err(status::unavailable)?;
        answer.outcome.map_err(status::rejection)?;
        Ok(header::at(&self.replica, answer.revision))
    }

    /// Looks at a fresh state for whoever sent the metadata.
    pub(super) async fn look<T>(
        &self,
        metadata: &MetadataMap,
        look: impl FnOnce(&detcd_machine::Auth, &Requester) -> Result<T, AuthRejection>,
    ) -> Result<T, Status> {
        self.replica.read_barrier().await.map_err(status::unavailable)?;
        let by = self.by(metadata).await?;
        let found = self.replica.with_auth(|auth| look(auth, &by));
        Ok(found.map_err(status::auth)?)
    }

    pub(super) async fn hash(&self, password: String) -> Result<Bytes, Status> {
        let cost = self.replica.config().bcrypt_cost;
        let hashed = password::hash::<R>(password, cost).await;
        hashed.map(Into::into).map_err(|error| Status::unknown(error.to_string()))
    }

    /// The auth revision at which the password is right.
    async fn check_password(&self, user: &str, password: &str) -> Result<u64, Error> {
        let (auth_revision, hash) = self.replica.with_auth(|auth| {
            if !auth.is_enabled() {
                return Err(Error::AuthNotEnabled);
            }
            let user = auth.users().get(user).ok_or(Error::AuthFailed)?;
            if user.no_password {
                return Err(Error::NoPasswordUser);
            }
            Ok((auth.revision(), user.password.to_vec()))
        })?;
        match password::verify::<R>(password.to_owned(), hash).await {
            true => Ok(auth_revision),
            false => Err(Error::AuthFailed),
        }
    }

    /// A token, unless users or roles change between the look at the password and the token.
    pub(super) async fn token(
        &self,
        user: &str,
        password: &str,
    ) -> Result<Option<Answered>, Status> {
        let auth_revision = self.check_password(user, password).await?;
        let token = self.replica.tokens().draw();
        let command = AuthCommand::Authenticate {
            user: user.to_owned(),
            auth_revision,
            token: token.clone(),
        };
        let asked = self.replica.propose_indexed(Requester::Anonymous, Command::Auth(command));
        let (index, answer) = asked.await.map_err(status::unavailable)?;
        match answer.outcome {
            Ok(Outcome::Auth(auth_revision)) => {
                let issued = self.replica.tokens().issued(&token, index, user, auth_revision);
                let token = issued.map_err(|error| Status::unknown(error.to_string()))?;
                Ok(Some(Answered { revision: answer.revision, token }))
            }
            Ok(other) => Err(Status::internal(format!("no outcome of Authenticate: {other:?}"))),
            Err(Rejection::Auth(AuthRejection::AuthOldRevision)) => Ok(None),
            Err(rejection) => Err(status::rejection(rejection).into()),
        }
    }
}

/// A token that was given out.
pub(super) struct Answered {
    pub(super) revision: i64,
    pub(super) token: String,
}

/// A hash that the client made itself, in base64.
pub(super) fn given_hash(encoded: &str) -> Result<Bytes, Error> {
    auth::decode_base64(encoded).map(Into::into).ok_or(Error::NoPasswordUser)
}
