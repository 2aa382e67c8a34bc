//! How users prove who they are: passwords and tokens.
//!
//! What they may do then is replicated state, and the machine's business. Must never know: services,
//! Raft, and what is permitted.

mod jwt;
pub mod password;
mod simple;

use detcd_machine::{AuthCommand, Requester};
use tonic::metadata::MetadataMap;

pub use self::jwt::{JwtTokens, KeyError};
pub use self::simple::SimpleTokens;
use crate::config::{AuthToken, Config};
use crate::runtime::Runtime;

/// The keys of the metadata that a token is sent under; the second is what HTTP has for it (G80).
const TOKEN_KEYS: [&str; 2] = ["token", "authorization"];

/// The token that a client sends, if any.
pub fn token(metadata: &MetadataMap) -> Option<&[u8]> {
    TOKEN_KEYS.iter().find_map(|key| metadata.get(*key)).map(|value| value.as_encoded_bytes())
}

/// Gives out tokens and knows whose they are. Clones share everything.
#[derive(Debug, Clone)]
pub enum Tokens<R: Runtime> {
    /// Random ones, each known to every member that has applied its entry.
    Simple(SimpleTokens<R>),
    /// Signed ones, known by the key.
    Jwt(JwtTokens<R>),
}

/// Why a token is not given out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Tokens can be looked at with the key that this member has, but not made.
    #[error("auth: token signing attempted with verify-only key")]
    VerifyOnly,
    /// The key does not sign.
    #[error("auth: {0}")]
    Signing(String),
}

/// The bytes that standard base64 says.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).ok()
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's, or not any more.
    Nobody,
    /// Perhaps somebody's, which is known once this index is applied.
    KnownAt(u64),
    /// A user's, now.
    User(String),
    /// A user's, as of an auth revision.
    Requester(Requester),
}

impl<R: Runtime> Tokens<R> {
    /// As the settings say.
    pub fn new(config: &Config) -> Result<Self, KeyError> {
        Ok(match &config.auth_token {
            AuthToken::Simple => Self::Simple(SimpleTokens::new(config.auth_token_ttl)),
            AuthToken::Jwt(options) => Self::Jwt(JwtTokens::new(options)?),
        })
    }

    /// The part of a token that has to be drawn before it is asked for.
    pub fn draw(&self) -> String {
        match self {
            Self::Simple(_) => simple::random_part::<R>(),
            Self::Jwt(_) => String::new(),
        }
    }

    /// The token of the entry at `index`, which asked for it with `random` for a user, as of an auth
    /// revision.
    pub fn issued(
        &self,
        random: &str,
        index: u64,
        user: &str,
        auth_revision: u64,
    ) -> Result<String, TokenError> {
        match self {
            Self::Simple(_) => Ok(simple::spell(random, index)),
            Self::Jwt(tokens) => tokens.issue(user, auth_revision),
        }
    }

    /// Whose the token is. `applied` is the last index that is applied here.
    pub fn owner(&self, token: &[u8], applied: u64) -> Owner {
        match self {
            Self::Simple(tokens) => tokens.owner(token, applied),
            Self::Jwt(tokens) => tokens.owner(token),
        }
    }

    /// Takes note of a command that was applied and accepted, before anybody is told of it.
    pub fn applied(&self, index: u64, command: &AuthCommand) {
        // Signed tokens end by themselves, and with the auth revision that they are of.
        let Self::Simple(tokens) = self else { return };
        match command {
            AuthCommand::Authenticate { user, token, .. } => {
                tokens.assign(simple::spell(token, index), user);
            }
            AuthCommand::UserDelete { user } | AuthCommand::UserChangePassword { user, .. } => {
                tokens.forget_user(user);
            }
            AuthCommand::Disable => tokens.forget_all(),
            AuthCommand::Enable
            | AuthCommand::UserAdd { .. }
            | AuthCommand::UserGrantRole { .. }
            | AuthCommand::UserRevokeRole { .. }
            | AuthCommand::RoleAdd { .. }
            | AuthCommand::RoleDelete { .. }
            | AuthCommand::RoleGrantPermission { .. }
            | AuthCommand::RoleRevokePermission { .. } => {}
        }
    }

    /// The state was replaced by a snapshot: what happened to users meanwhile is not known, so that
    /// everybody with a simple token has to authenticate anew.
    pub fn replaced(&self) {
        if let Self::Simple(tokens) = self {
            tokens.forget_all();
        }
    }
}
