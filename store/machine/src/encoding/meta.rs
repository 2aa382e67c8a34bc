//! Names and values of the state besides rows.

use bytes::Bytes;

use super::{DecodeError, Reader, put_bytes};
use crate::command::MemberAttributes;
use crate::outcome::MetaKey;

const REVISION: u8 = 1;
const COMPACTED: u8 = 2;
const COMPACTION_DONE: u8 = 3;
const DIGEST: u8 = 4;
const MEMBER: u8 = 5;
const AUTH: u8 = 15;
const AUTH_USER: u8 = 16;
const AUTH_ROLE: u8 = 17;
const COMPACTION_HASHES: u8 = 25;
const ALARMS: u8 = 26;
const LEASE: u8 = 10;
const REMOVED_MEMBER: u8 = 20;
const CLUSTER_VERSION: u8 = 21;
const DOWNGRADE: u8 = 22;

impl MetaKey {
    /// The bytes to store it under.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Revision => vec![REVISION],
            Self::Compacted => vec![COMPACTED],
            Self::CompactionDone => vec![COMPACTION_DONE],
            Self::Digest => vec![DIGEST],
            Self::Auth => vec![AUTH],
            Self::AuthUser(name) => named(AUTH_USER, name),
            Self::AuthRole(name) => named(AUTH_ROLE, name),
            Self::CompactionHashes => vec![COMPACTION_HASHES],
            Self::Alarms => vec![ALARMS],
            Self::Lease(id) => {
                let mut out = vec![LEASE];
                out.extend_from_slice(&id.to_be_bytes());
                out
            }
            Self::Member(id) => numbered(MEMBER, *id),
            Self::RemovedMember(id) => numbered(REMOVED_MEMBER, *id),
            Self::ClusterVersion => vec![CLUSTER_VERSION],
            Self::Downgrade => vec![DOWNGRADE],
        }
    }

    /// The name that was stored as `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let key = match reader.u8()? {
            REVISION => Self::Revision,
            COMPACTED => Self::Compacted,
            COMPACTION_DONE => Self::CompactionDone,
            DIGEST => Self::Digest,
            MEMBER => Self::Member(u64::from_be_bytes(reader.array()?)),
            AUTH => Self::Auth,
            AUTH_USER => Self::AuthUser(reader.rest_as_text()?),
            AUTH_ROLE => Self::AuthRole(reader.rest_as_text()?),
            COMPACTION_HASHES => Self::CompactionHashes,
            ALARMS => Self::Alarms,
            LEASE => Self::Lease(i64::from_be_bytes(reader.array()?)),
            REMOVED_MEMBER => Self::RemovedMember(u64::from_be_bytes(reader.array()?)),
            CLUSTER_VERSION => Self::ClusterVersion,
            DOWNGRADE => Self::Downgrade,
            tag => return Err(DecodeError::Tag { tag }),
        };
        reader.end()?;
        Ok(key)
    }
}

fn named(tag: u8, name: &str) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend_from_slice(name.as_bytes());
    out
}

fn numbered(tag: u8, id: u64) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend_from_slice(&id.to_be_bytes());
    out
}

pub(crate) fn encode_revision(revision: i64) -> Bytes {
    Bytes::copy_from_slice(&revision.to_le_bytes())
}

pub(crate) fn decode_revision(bytes: &[u8]) -> Result<i64, DecodeError> {
    let mut reader = Reader::new(bytes);
    let revision = reader.i64()?;
    reader.end()?;
    Ok(revision)
}

pub(crate) fn encode_digest(digest: u64) -> Bytes {
    Bytes::copy_from_slice(&digest.to_le_bytes())
}

pub(crate) fn decode_digest(bytes: &[u8]) -> Result<u64, DecodeError> {
    let mut reader = Reader::new(bytes);
    let digest = reader.u64()?;
    reader.end()?;
    Ok(digest)
}

/// The member's id is in its name.
pub(crate) fn encode_member(member: &MemberAttributes) -> Bytes {
    let mut out = Vec::new();
    put_bytes(&mut out, member.name.as_bytes());
    for url in &member.client_urls {
        put_bytes(&mut out, url.as_bytes());
    }
    out.into()
}

pub(crate) fn decode_member(id: u64, bytes: &[u8]) -> Result<MemberAttributes, DecodeError> {
    let mut reader = Reader::new(bytes);
    let name = reader.text()?;
    let mut client_urls = Vec::new();
    while reader.offset < bytes.len() {
        client_urls.push(reader.text()?);
    }
    Ok(MemberAttributes { id, name, client_urls })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arbitrary_key() -> impl Strategy<Value = MetaKey> {
        prop_oneof![
            Just(MetaKey::Revision),
            Just(MetaKey::Compacted),
            Just(MetaKey::CompactionDone),
            Just(MetaKey::Digest),
            any::<u64>().prop_map(MetaKey::Member),
            Just(MetaKey::Auth),
            ".{0,8}".prop_map(MetaKey::AuthUser),
            ".{0,8}".prop_map(MetaKey::AuthRole),
            Just(MetaKey::CompactionHashes),
            Just(MetaKey::Alarms),
            any::<i64>().prop_map(MetaKey::Lease),
            any::<u64>().prop_map(MetaKey::RemovedMember),
            Just(MetaKey::ClusterVersion),
            Just(MetaKey::Downgrade),
        ]
    }

    proptest! {
        #[test]
        fn name_survives_its_encoding(key in arbitrary_key()) {
            let decoded = MetaKey::decode(&key.encode());
            prop_assert_eq!(decoded, Ok(key));
        }

        #[test]
        fn member_survives_its_encoding(
            id in any::<u64>(),
            name in ".{0,8}",
            client_urls in proptest::collection::vec(".{0,20}", 0..4),
        ) {
            let member = MemberAttributes { id, name, client_urls };
            prop_assert_eq!(decode_member(id, &encode_member(&member)), Ok(member));
        }

        #[test]
        fn numbers_survive_their_encoding(revision in any::<i64>(), digest in any::<u64>()) {
            prop_assert_eq!(decode_revision(&encode_revision(revision)), Ok(revision));
            prop_assert_eq!(decode_digest(&encode_digest(digest)), Ok(digest));
        }

        #[test]
        fn arbitrary_bytes_never_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..30),
        ) {
            let _ = MetaKey::decode(&bytes);
            let _ = decode_revision(&bytes);
            let _ = decode_digest(&bytes);
            let _ = decode_member(1, &bytes);
        }
    }

    #[test]
    fn damaged_names_are_refused() {
        assert_eq!(MetaKey::decode(b""), Err(DecodeError::Short { offset: 0, missing: 1 }));
        assert_eq!(MetaKey::decode(&[99]), Err(DecodeError::Tag { tag: 99 }));
        assert_eq!(MetaKey::decode(&[REVISION, 0]), Err(DecodeError::Long { offset: 1 }));
        assert_eq!(
            MetaKey::decode(&[MEMBER, 0]),
            Err(DecodeError::Short { offset: 2 - 1, missing: 7 })
        );
    }
}
