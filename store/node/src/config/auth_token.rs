//! `--auth-token`: which tokens users are given, and the keys that sign them (F85).

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use detcd_api::Error;

use super::duration;

/// How long a signed token is good for if nothing is said.
const JWT_TTL_DEFAULT: Duration = Duration::from_secs(5 * 60);

/// Which tokens users are given once their password was right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AuthToken {
    /// Random letters that every member knows.
    #[default]
    Simple,
    /// Signed ones, which any member with the key can look at.
    Jwt(JwtOptions),
}

/// How tokens are signed.
#[derive(Clone, PartialEq, Eq)]
pub struct JwtOptions {
    /// `sign-method`, such as `RS256`.
    pub method: String,
    /// What is in the file of `pub-key`; empty if none is named.
    pub public_key: Vec<u8>,
    /// What is in the file of `priv-key`; for HMAC the secret itself.
    pub private_key: Vec<u8>,
    /// How long a token is good for.
    pub ttl: Duration,
}

/// Keys are nobody's business.
impl fmt::Debug for JwtOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, ttl, .. } = self;
        out.debug_struct("JwtOptions").field("method", method).field("ttl", ttl).finish()
    }
}

/// Why the flag cannot be followed. etcd says only that its options are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", Error::InvalidAuthOptions.message())]
pub struct AuthTokenError {
    reason: String,
}

fn invalid(reason: impl Into<String>) -> AuthTokenError {
    AuthTokenError { reason: reason.into() }
}

impl AuthToken {
    /// Reads the flag, and the files that it names with `read`.
    ///
    /// It is the kind of token, then `name=value` pairs, all divided by commas. As in etcd, pairs of an
    /// unknown name are passed over, and simple tokens have no options but may be given some.
    pub fn parse(
        flag: &str,
        read: impl Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, AuthTokenError> {
        let mut parts = flag.split(',');
        let kind = parts.next().unwrap_or_default();
        let mut options = BTreeMap::new();
        for part in parts {
            let (name, value) = part
                .split_once('=')
                .filter(|(_, value)| !value.contains('='))
                .ok_or_else(|| invalid(format!("{part:?} is not name=value")))?;
            if options.insert(name, value).is_some() {
                return Err(invalid(format!("{name} is given twice")));
            }
        }
        match kind {
            "simple" => Ok(Self::Simple),
            "jwt" => jwt(&options, read).map(Self::Jwt),
            other => Err(invalid(format!("unknown kind of token {other:?}"))),
        }
    }
}

fn jwt(
    options: &BTreeMap<&str, &str>,
    read: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<JwtOptions, AuthTokenError> {
    let given = |name: &str| options.get(name).copied().filter(|value| !value.is_empty());
    let key = |name| match given(name) {
        None => Ok(Vec::new()),
        Some(path) => read(path).map_err(|error| invalid(format!("{name}: {path}: {error}"))),
    };
    let ttl = match given("ttl") {
        None => JWT_TTL_DEFAULT,
        Some(ttl) => duration::parse(ttl).map_err(|reason| invalid(format!("ttl: {reason}")))?,
    };
    let method = given("sign-method").ok_or_else(|| invalid("sign-method is missing"))?;
    Ok(JwtOptions {
        method: method.to_owned(),
        public_key: key("pub-key")?,
        private_key: key("priv-key")?,
        ttl,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flag: &str) -> Result<AuthToken, String> {
        let read = |path: &str| match path {
            "there" => Ok(b"a key".to_vec()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        AuthToken::parse(flag, read).map_err(|error| error.to_string())
    }

    #[test]
    fn simple_tokens_are_the_default_and_have_no_options() {
        assert_eq!(parse("simple"), Ok(AuthToken::default()));
        assert_eq!(parse("simple,ttl=1s"), Ok(AuthToken::Simple));
    }

    #[test]
    fn f85_files_are_read_and_times_understood() {
        let options = JwtOptions {
            method: "HS256".to_owned(),
            public_key: Vec::new(),
            private_key: b"a key".to_vec(),
            ttl: Duration::from_secs(90),
        };
        let flag = "jwt,sign-method=HS256,priv-key=there,ttl=1m30s,unknown=x";
        assert_eq!(parse(flag), Ok(AuthToken::Jwt(options.clone())));
        let unhurried = JwtOptions { ttl: Duration::from_secs(300), ..options };
        let flag = "jwt,priv-key=there,sign-method=HS256";
        assert_eq!(parse(flag), Ok(AuthToken::Jwt(unhurried.clone())));
        assert!(!format!("{unhurried:?}").contains("key"), "{unhurried:?}");
    }

    #[test]
    fn e74_what_makes_no_sense_is_refused() {
        for flag in [
            "",
            "other",
            "jwt",
            "jwt,priv-key=there",
            "jwt,sign-method",
            "jwt,sign-method=a=b",
            "jwt,sign-method=HS256,sign-method=HS256",
            "jwt,sign-method=HS256,priv-key=nowhere",
            "jwt,sign-method=HS256,priv-key=there,ttl=soon",
        ] {
            let error = parse(flag).unwrap_err();
            assert!(error.starts_with("auth: invalid auth options: "), "{flag}: {error}");
        }
    }
}
