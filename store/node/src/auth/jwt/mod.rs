//! Signed tokens (G80): who a user is and as of which auth revision, for as long as they say. Nothing is
//! kept of them, and any member with the key can look at one.
//!
//! The library signs and checks signatures; the time comes from the runtime, so what concerns time is
//! decided here.
//!
//! Why `ES512` is missing: the library has none, and it is the rarest of etcd's methods.

mod key;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use detcd_machine::Requester;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

pub use self::key::KeyError;
use self::key::Keys;
use super::{Owner, TokenError};
use crate::config::JwtOptions;
use crate::runtime::Runtime;

/// Makes signed tokens and looks at them. Clones share the keys.
pub struct JwtTokens<R> {
    keys: Arc<Keys>,
    algorithm: Algorithm,
    ttl_secs: u64,
    runtime: PhantomData<fn() -> R>,
}

impl<R> Clone for JwtTokens<R> {
    fn clone(&self) -> Self {
        Self { keys: Arc::clone(&self.keys), ..*self }
    }
}

impl<R> fmt::Debug for JwtTokens<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JwtTokens").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What a token says, under etcd's names.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    username: String,
    revision: u64,
    /// Unix time in seconds from which on it is not good any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    /// Unix time in seconds before which it is not good yet; ours have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
}

impl<R: Runtime> JwtTokens<R> {
    /// With the keys of the settings, which must fit their method and each other.
    pub fn new(options: &JwtOptions) -> Result<Self, KeyError> {
        let algorithm = key::algorithm(&options.method)?;
        let keys = Arc::new(Keys::new(algorithm, &options.public_key, &options.private_key)?);
        Ok(Self { keys, algorithm, ttl_secs: options.ttl.as_secs(), runtime: PhantomData })
    }

    /// A token for a user, as of an auth revision.
    pub(super) fn issue(&self, user: &str, auth_revision: u64) -> Result<String, TokenError> {
        let key = self.keys.private.as_ref().ok_or(TokenError::VerifyOnly)?;
        let ends = R::wall_clock().as_secs().saturating_add(self.ttl_secs);
        let claims = Claims {
            username: user.to_owned(),
            revision: auth_revision,
            exp: Some(ends),
            nbf: None,
        };
        jsonwebtoken::encode(&Header::new(self.algorithm), &claims, key)
            .map_err(|error| TokenError::Signing(error.to_string()))
    }

    /// Whose the token is now.
    pub(super) fn owner(&self, token: &[u8]) -> Owner {
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.keys.public, &validation);
        let Ok(Claims { username, revision, exp, nbf }) = decoded.map(|data| data.claims) else {
            return Owner::Nobody;
        };
        let now = R::wall_clock().as_secs();
        let has_ended = exp.is_some_and(|ends| now >= ends);
        let has_begun = nbf.is_none_or(|begins| now >= begins);
        if has_ended || !has_begun {
            return Owner::Nobody;
        }
        Owner::Requester(Requester::User { name: username, auth_revision: revision })
    }
}
