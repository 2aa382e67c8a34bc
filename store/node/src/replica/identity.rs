//! Who asks, and whether it may, as far as this member can tell.
//!
//! What changes anything is decided once more where it is applied; a read is answered here, and so it
//! is decided here, on the applied state that answers it.

use detcd_machine::{Auth, AuthRejection, Machine, Requester};

use super::Replica;
use crate::auth::{Owner, Tokens};
use crate::runtime::Runtime;

/// The token is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid auth token")]
pub struct InvalidToken;

impl<R: Runtime> Replica<R> {
    /// How tokens are given out.
    pub fn tokens(&self) -> &Tokens<R> {
        &self.inner.tokens
    }

    /// Who sends the token, or no token. While authentication is disabled everybody is nobody.
    ///
    /// A client certificate would say who asks without a token; there are none yet.
    pub async fn identify(&self, token: Option<&[u8]>) -> Result<Requester, InvalidToken> {
        let is_enabled = self.with_auth(Auth::is_enabled);
        let Some(token) = token.filter(|_| is_enabled) else { return Ok(Requester::Anonymous) };
        loop {
            // Read first: were the user deleted and added again in between, its token would be of the
            // first, and must not be taken for the second.
            let auth_revision = self.with_auth(Auth::revision);
            let applied = self.inner.state.progress().index;
            match self.inner.tokens.owner(token, applied) {
                Owner::User(name) => return Ok(Requester::User { name, auth_revision }),
                Owner::Requester(requester) => return Ok(requester),
                Owner::Nobody => return Err(InvalidToken),
                Owner::KnownAt(index) => {
                    self.bounded(self.applied(index)).await.map_err(|_| InvalidToken)?;
                }
            }
        }
    }

    /// Whether the requester may keep the lease alive.
    pub fn check_renewable(&self, by: &Requester, lease: i64) -> Result<(), AuthRejection> {
        self.inner.state.with_machine(|machine| machine.check_lease_keys_writable(by, lease))
    }

    /// Whether the requester may list the leases.
    pub fn check_listable(&self, by: &Requester) -> Result<(), AuthRejection> {
        self.inner.state.with_machine(|machine| machine.check_leases_readable(by))
    }

    /// Looks at users, roles and permissions.
    pub fn with_auth<T>(&self, look: impl FnOnce(&Auth) -> T) -> T {
        self.inner.state.with_machine(|machine| look(machine.auth()))
    }

    /// Answers a read for whoever may have it: `check` is made on the state before it and after it, so
    /// that no answer is from a state in which it was not permitted.
    pub(super) async fn checked<T, E: From<AuthRejection>>(
        &self,
        by: &Requester,
        check: impl Fn(&Machine) -> Result<(), AuthRejection>,
        read: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.inner.state.with_machine(&check)?;
        let answer = read.await?;
        self.inner.state.with_machine(|machine| {
            machine.auth().check_unchanged(by)?;
            check(machine)
        })?;
        Ok(answer)
    }
}
