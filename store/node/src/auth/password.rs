//! Passwords are kept as bcrypt hashes, in the form that etcd writes.
//!
//! Hashing takes its time by intention, so it never happens where entries are applied: the hash is made
//! before it is proposed, and a password is compared before a token is proposed.

use std::ops::RangeInclusive;

use bcrypt::{HashParts, Version};

use crate::runtime::Runtime;

/// What a hash may cost, as a power of two.
pub const COSTS: RangeInclusive<u32> = 4..=31;
/// What it costs if nothing is said.
pub const COST_DEFAULT: u32 = 10;
/// Longest password that bcrypt distinguishes from a longer one.
pub const PASSWORD_BYTES_MAX: usize = 72;

/// Why a password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Of what is behind [`PASSWORD_BYTES_MAX`] nothing would be compared.
    #[error("bcrypt: password length exceeds {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
}

/// Hashes a password with a drawn salt.
pub async fn hash<R: Runtime>(password: String, cost: u32) -> Result<Vec<u8>, HashError> {
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(HashError::TooLong);
    }
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&R::random_u64().to_le_bytes());
    salt[8..].copy_from_slice(&R::random_u64().to_le_bytes());
    let cost = if COSTS.contains(&cost) { cost } else { COST_DEFAULT };
    let hashed = R::blocking(move || bcrypt::hash_with_salt(password, cost, salt)).await;
    let hashed: HashParts = hashed.expect("cost and length were checked");
    Ok(hashed.format_for_version(Version::TwoA).into_bytes())
}

/// Whether the password is the one that was hashed. What is no hash is nobody's.
pub async fn verify<R: Runtime>(password: String, hash: Vec<u8>) -> bool {
    R::blocking(move || {
        let Ok(hash) = std::str::from_utf8(&hash) else { return false };
        bcrypt::verify(password, hash).unwrap_or(false)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tokio::TokioRuntime;

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_right() {
        let hash = hash::<TokioRuntime>("secret".to_owned(), 4).await.unwrap();
        assert!(hash.starts_with(b"$2a$04$"));
        assert!(verify::<TokioRuntime>("secret".to_owned(), hash.clone()).await);
        assert!(!verify::<TokioRuntime>("Secret".to_owned(), hash.clone()).await);
        assert!(!verify::<TokioRuntime>(String::new(), hash).await);
        for nothing in [&b""[..], b"\xff", b"$2a$04$short"] {
            assert!(!verify::<TokioRuntime>(String::new(), nothing.to_vec()).await);
        }
    }

    #[tokio::test]
    async fn a_password_that_would_be_cut_is_refused() {
        let longest = "x".repeat(PASSWORD_BYTES_MAX);
        assert!(hash::<TokioRuntime>(longest.clone(), 4).await.is_ok());
        let error = hash::<TokioRuntime>(longest + "x", 4).await.unwrap_err();
        assert_eq!(error.to_string(), "bcrypt: password length exceeds 72 bytes");
    }
}
