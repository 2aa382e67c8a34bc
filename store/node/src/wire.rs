//! The machine's values as etcd's messages: the same in answers, in watch events and in etcd's files.
//!
//! Pure, and below everything that speaks one of them.

use detcd_api::{authpb, mvccpb};
use detcd_machine::{KeyValue, Permission, PermissionKind};

/// A key-value. Keys and values are shared, not copied.
pub(crate) fn key_value(kv: &KeyValue) -> mvccpb::KeyValue {
    mvccpb::KeyValue {
        key: kv.key.clone(),
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        value: kv.value.clone(),
        lease: kv.lease,
    }
}

/// The inverse of [`key_value`].
pub(crate) fn key_value_from(kv: mvccpb::KeyValue) -> KeyValue {
    KeyValue {
        key: kv.key,
        value: kv.value,
        create_revision: kv.create_revision,
        mod_revision: kv.mod_revision,
        version: kv.version,
        lease: kv.lease,
    }
}

/// A permission of a role.
pub(crate) fn permission(permission: &Permission) -> authpb::Permission {
    let kind = match permission.kind {
        PermissionKind::Read => authpb::permission::Type::Read,
        PermissionKind::Write => authpb::permission::Type::Write,
        PermissionKind::ReadWrite => authpb::permission::Type::Readwrite,
    };
    authpb::Permission {
        perm_type: kind.into(),
        key: permission.key.clone(),
        range_end: permission.range_end.clone(),
    }
}

/// The inverse of [`permission`]; nothing for a kind that does not exist.
pub(crate) fn permission_from(permission: authpb::Permission) -> Option<Permission> {
    let kind = match authpb::permission::Type::try_from(permission.perm_type).ok()? {
        authpb::permission::Type::Read => PermissionKind::Read,
        authpb::permission::Type::Write => PermissionKind::Write,
        authpb::permission::Type::Readwrite => PermissionKind::ReadWrite,
    };
    Some(Permission { kind, key: permission.key, range_end: permission.range_end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_comes_back_and_an_unknown_kind_is_none() {
        for kind in [PermissionKind::Read, PermissionKind::Write, PermissionKind::ReadWrite] {
            let given = Permission { kind, key: "k".into(), range_end: "l".into() };
            assert_eq!(permission_from(permission(&given)), Some(given));
        }
        // Taken for the default, it would be a right to read that nobody has given.
        let unknown = authpb::Permission { perm_type: 3, ..authpb::Permission::default() };
        assert_eq!(permission_from(unknown), None);
    }
}
