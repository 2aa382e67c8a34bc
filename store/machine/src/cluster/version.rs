//! The version that a cluster speaks.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::encoding::DecodeError;

/// Major and minor: a cluster has no patch level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// What comes before the dot.
    pub major: u32,
    /// What comes behind it.
    pub minor: u32,
}

/// A text that is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version")]
pub struct VersionError;

impl Version {
    /// The one that a downgrade may lead to.
    pub(crate) fn before(self) -> Option<Self> {
        Some(Self { minor: self.minor.checked_sub(1)?, ..self })
    }

    pub(crate) fn encode(self) -> Bytes {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.major.to_le_bytes());
        bytes[4..].copy_from_slice(&self.minor.to_le_bytes());
        Bytes::copy_from_slice(&bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let missing = 8_usize.saturating_sub(bytes.len());
        if missing > 0 {
            return Err(DecodeError::Short { offset: bytes.len(), missing });
        }
        let (words, rest) = bytes.as_chunks::<4>();
        let [major, minor] = words else { return Err(DecodeError::Long { offset: 8 }) };
        if !rest.is_empty() {
            return Err(DecodeError::Long { offset: 8 });
        }
        Ok(Self { major: u32::from_le_bytes(*major), minor: u32::from_le_bytes(*minor) })
    }
}

/// `3.7`, as etcd shows a cluster's version to people.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Reads `3.7` and `3.7.1`; the patch level is dropped.
impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let number = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| plain).ok_or(VersionError)
        };
        // What comes behind a hyphen or a plus sign belongs to the patch level.
        let release = text.split(['-', '+']).next().unwrap_or_default();
        let parts: Vec<&str> = release.split('.').collect();
        match parts.as_slice() {
            [major, minor] if release == text => {
                Ok(Self { major: number(major)?, minor: number(minor)? })
            }
            [major, minor, patch] => {
                number(patch)?;
                Ok(Self { major: number(major)?, minor: number(minor)? })
            }
            _ => Err(VersionError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_etcd_reads_them() {
        let seven = Version { major: 3, minor: 7 };
        for text in ["3.7", "3.7.0", "3.7.1", "3.7.1-rc.0", "3.7.0+git"] {
            assert_eq!(text.parse(), Ok(seven), "{text}");
        }
        for text in ["", "x", "3", "3.", "3.7.", "3.7.x", "-3.7", "+3.7", "3.7.1.2", "3.7-rc"] {
            assert_eq!(text.parse::<Version>(), Err(VersionError), "{text}");
        }
        assert_eq!(seven.to_string(), "3.7");
    }

    #[test]
    fn a_version_survives_its_encoding_and_damage_is_refused() {
        let version = Version { major: 3, minor: 7 };
        let bytes = version.encode();
        assert_eq!(Version::decode(&bytes), Ok(version));
        for length in 0..bytes.len() {
            assert!(Version::decode(&bytes[..length]).is_err());
        }
        assert!(Version::decode(&[0; 12]).is_err());
        assert!(Version::decode(&[0; 9]).is_err());
    }
}
