//! The stable bytes of users and roles; their names are in the names of the values.

use bytes::Bytes;

use super::{Permission, PermissionKind, Role, User};
use crate::encoding::{DecodeError, Reader, put_bytes};

/// Whether authentication is enabled, and the auth revision.
pub(crate) fn encode_auth(enabled: bool, revision: u64) -> Bytes {
    let mut out = vec![u8::from(enabled)];
    out.extend_from_slice(&revision.to_le_bytes());
    out.into()
}

pub(crate) fn decode_auth(bytes: &[u8]) -> Result<(bool, u64), DecodeError> {
    let mut reader = Reader::new(bytes);
    let enabled = flag(&mut reader)?;
    let revision = reader.u64()?;
    reader.end()?;
    Ok((enabled, revision))
}

pub(crate) fn encode_user(user: &User) -> Bytes {
    let mut out = vec![u8::from(user.no_password)];
    put_bytes(&mut out, &user.password);
    for role in &user.roles {
        put_bytes(&mut out, role.as_bytes());
    }
    out.into()
}

pub(crate) fn decode_user(bytes: &[u8]) -> Result<User, DecodeError> {
    let mut reader = Reader::new(bytes);
    let no_password = flag(&mut reader)?;
    let password = Bytes::copy_from_slice(reader.bytes()?);
    let mut roles = Vec::new();
    while !reader.is_empty() {
        roles.push(reader.text()?);
    }
    Ok(User { password, no_password, roles })
}

pub(crate) fn encode_role(role: &Role) -> Bytes {
    let mut out = Vec::new();
    for permission in &role.permissions {
        out.push(match permission.kind {
            PermissionKind::Read => 0,
            PermissionKind::Write => 1,
            PermissionKind::ReadWrite => 2,
        });
        put_bytes(&mut out, &permission.key);
        put_bytes(&mut out, &permission.range_end);
    }
    out.into()
}

pub(crate) fn decode_role(bytes: &[u8]) -> Result<Role, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut role = Role::default();
    while !reader.is_empty() {
        let kind = match reader.u8()? {
            0 => PermissionKind::Read,
            1 => PermissionKind::Write,
            2 => PermissionKind::ReadWrite,
            tag => return Err(DecodeError::Tag { tag }),
        };
        let key = Bytes::copy_from_slice(reader.bytes()?);
        let range_end = Bytes::copy_from_slice(reader.bytes()?);
        role.permissions.push(Permission { kind, key, range_end });
    }
    Ok(role)
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        tag => Err(DecodeError::Tag { tag }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Bytes::from)
    }

    fn permission() -> impl Strategy<Value = Permission> {
        let kinds = vec![PermissionKind::Read, PermissionKind::Write, PermissionKind::ReadWrite];
        (prop::sample::select(kinds), bytes(), bytes())
            .prop_map(|(kind, key, range_end)| Permission { kind, key, range_end })
    }

    proptest! {
        #[test]
        fn state_survives_its_encoding(
            enabled in any::<bool>(),
            revision in any::<u64>(),
            no_password in any::<bool>(),
            password in bytes(),
            roles in prop::collection::vec("[a-z]{0,3}", 0..3),
            permissions in prop::collection::vec(permission(), 0..3),
        ) {
            prop_assert_eq!(decode_auth(&encode_auth(enabled, revision)), Ok((enabled, revision)));
            let user = User { password, no_password, roles };
            prop_assert_eq!(decode_user(&encode_user(&user)), Ok(user));
            let role = Role { permissions };
            prop_assert_eq!(decode_role(&encode_role(&role)), Ok(role));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            let _ = decode_auth(&bytes);
            let _ = decode_user(&bytes);
            let _ = decode_role(&bytes);
        }
    }
}
