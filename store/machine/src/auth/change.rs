//! What the commands do to the state. Whoever asks was found to be permitted.

use bytes::Bytes;

use super::encoding::{encode_auth, encode_role, encode_user};
use super::{Auth, AuthCommand, AuthRejection, Permission, ROOT_ROLE, ROOT_USER, Role, User};
use crate::outcome::{Change, MetaKey};

type Done = Result<Vec<Change>, AuthRejection>;

impl Auth {
    /// What is to be kept; empty where the command changed nothing.
    pub(crate) fn apply(&mut self, command: &AuthCommand) -> Done {
        match command {
            AuthCommand::Enable => self.enable(),
            AuthCommand::Disable => Ok(self.disable()),
            AuthCommand::Authenticate { user, auth_revision, .. } => {
                self.authenticate(user, *auth_revision).map(|()| Vec::new())
            }
            AuthCommand::UserAdd { user, password, no_password } => {
                self.user_add(user, password, *no_password)
            }
            AuthCommand::UserDelete { user } => self.user_delete(user),
            AuthCommand::UserChangePassword { user, password } => {
                self.user_change_password(user, password)
            }
            AuthCommand::UserGrantRole { user, role } => self.user_grant_role(user, role),
            AuthCommand::UserRevokeRole { user, role } => self.user_revoke_role(user, role),
            AuthCommand::RoleAdd { role } => self.role_add(role),
            AuthCommand::RoleDelete { role } => self.role_delete(role),
            AuthCommand::RoleGrantPermission { role, permission } => {
                let permission = permission.as_ref().ok_or(AuthRejection::PermissionNotGiven)?;
                self.role_grant_permission(role, permission)
            }
            AuthCommand::RoleRevokePermission { role, key, range_end } => {
                self.role_revoke_permission(role, key, range_end)
            }
        }
    }

    /// G79. Not a change of what is permitted to whom, so the revision stays.
    fn enable(&mut self) -> Done {
        if self.enabled {
            return Ok(Vec::new());
        }
        let root = self.users.get(ROOT_USER).ok_or(AuthRejection::RootUserNotExist)?;
        if !root.is_root() {
            return Err(AuthRejection::RootRoleNotExist);
        }
        self.enabled = true;
        Ok(vec![self.kept()])
    }

    fn disable(&mut self) -> Vec<Change> {
        if !self.enabled {
            return Vec::new();
        }
        self.enabled = false;
        self.changed(Vec::new())
    }

    /// That the password is still the one that was found right is what the revision says.
    fn authenticate(&self, user: &str, auth_revision: u64) -> Result<(), AuthRejection> {
        if !self.enabled {
            return Err(AuthRejection::AuthNotEnabled);
        }
        if auth_revision != self.revision {
            return Err(AuthRejection::AuthOldRevision);
        }
        match self.users.get(user) {
            Some(user) if !user.no_password => Ok(()),
            Some(_) | None => Err(AuthRejection::AuthFailed),
        }
    }

    fn user_add(&mut self, name: &str, password: &Bytes, no_password: bool) -> Done {
        if name.is_empty() {
            return Err(AuthRejection::UserEmpty);
        }
        if self.users.contains_key(name) {
            return Err(AuthRejection::UserAlreadyExist);
        }
        let password = if no_password { Bytes::new() } else { password.clone() };
        self.users.insert(name.to_owned(), User { password, no_password, roles: Vec::new() });
        Ok(self.user_changed(name))
    }

    fn user_delete(&mut self, name: &str) -> Done {
        if self.enabled && name == ROOT_USER {
            return Err(AuthRejection::InvalidAuthMgmt);
        }
        self.users.remove(name).ok_or(AuthRejection::UserNotFound)?;
        Ok(self.user_changed(name))
    }

    fn user_change_password(&mut self, name: &str, password: &Bytes) -> Done {
        let user = self.users.get_mut(name).ok_or(AuthRejection::UserNotFound)?;
        if !user.no_password {
            user.password = password.clone();
        }
        Ok(self.user_changed(name))
    }

    /// G88. The role `root` may be granted although it was never added.
    fn user_grant_role(&mut self, name: &str, role: &str) -> Done {
        let user = self.users.get_mut(name).ok_or(AuthRejection::UserNotFound)?;
        if role != ROOT_ROLE && !self.roles.contains_key(role) {
            return Err(AuthRejection::RoleNotFound);
        }
        let Err(place) = user.roles.binary_search_by(|granted| granted.as_str().cmp(role)) else {
            return Ok(Vec::new());
        };
        user.roles.insert(place, role.to_owned());
        Ok(self.user_changed(name))
    }

    fn user_revoke_role(&mut self, name: &str, role: &str) -> Done {
        if self.enabled && name == ROOT_USER && role == ROOT_ROLE {
            return Err(AuthRejection::InvalidAuthMgmt);
        }
        let user = self.users.get_mut(name).ok_or(AuthRejection::UserNotFound)?;
        let place = user.roles.iter().position(|granted| granted == role);
        user.roles.remove(place.ok_or(AuthRejection::RoleNotGranted)?);
        Ok(self.user_changed(name))
    }

    fn role_add(&mut self, name: &str) -> Done {
        if name.is_empty() {
            return Err(AuthRejection::RoleEmpty);
        }
        if self.roles.contains_key(name) {
            return Err(AuthRejection::RoleAlreadyExist);
        }
        self.roles.insert(name.to_owned(), Role::default());
        Ok(self.role_changed(name))
    }

    fn role_delete(&mut self, name: &str) -> Done {
        if self.enabled && name == ROOT_ROLE {
            return Err(AuthRejection::InvalidAuthMgmt);
        }
        self.roles.remove(name).ok_or(AuthRejection::RoleNotFound)?;
        let mut changes = vec![Change::RemoveMeta { key: MetaKey::AuthRole(name.to_owned()) }];
        for user in self.having(name) {
            if let Some(user) = self.users.get_mut(&user) {
                user.roles.retain(|granted| granted != name);
            }
            self.combine(&user);
            changes.push(self.kept_user(&user));
        }
        Ok(self.changed(changes))
    }

    /// G87. What the role permitted on the same range is replaced.
    fn role_grant_permission(&mut self, name: &str, permission: &Permission) -> Done {
        if !permission.is_valid() {
            return Err(AuthRejection::InvalidAuthMgmt);
        }
        let role = self.roles.get_mut(name).ok_or(AuthRejection::RoleNotFound)?;
        let same = role
            .permissions
            .iter_mut()
            .find(|old| old.is_on(&permission.key, &permission.range_end));
        match same {
            Some(old) => old.kind = permission.kind,
            None => {
                let place = role.permissions.partition_point(|old| old.key <= permission.key);
                role.permissions.insert(place, permission.clone());
            }
        }
        Ok(self.role_changed(name))
    }

    fn role_revoke_permission(&mut self, name: &str, key: &Bytes, range_end: &Bytes) -> Done {
        let role = self.roles.get_mut(name).ok_or(AuthRejection::RoleNotFound)?;
        let before = role.permissions.len();
        role.permissions.retain(|permission| !permission.is_on(key, range_end));
        if role.permissions.len() == before {
            return Err(AuthRejection::PermissionNotGranted);
        }
        Ok(self.role_changed(name))
    }

    /// The users that have the role.
    fn having(&self, role: &str) -> Vec<String> {
        let having = |user: &User| user.roles.iter().any(|granted| granted == role);
        self.users.iter().filter(|(_, user)| having(user)).map(|(name, _)| name.clone()).collect()
    }

    fn user_changed(&mut self, name: &str) -> Vec<Change> {
        self.combine(name);
        let change = self.kept_user(name);
        self.changed(vec![change])
    }

    fn role_changed(&mut self, name: &str) -> Vec<Change> {
        for user in self.having(name) {
            self.combine(&user);
        }
        let key = MetaKey::AuthRole(name.to_owned());
        let change = match self.roles.get(name) {
            Some(role) => Change::SetMeta { key, value: encode_role(role) },
            None => Change::RemoveMeta { key },
        };
        self.changed(vec![change])
    }

    fn kept_user(&self, name: &str) -> Change {
        let key = MetaKey::AuthUser(name.to_owned());
        match self.users.get(name) {
            Some(user) => Change::SetMeta { key, value: encode_user(user) },
            None => Change::RemoveMeta { key },
        }
    }

    /// A change that may concern what was permitted to a request under way (G81).
    fn changed(&mut self, mut changes: Vec<Change>) -> Vec<Change> {
        self.revision += 1;
        changes.push(self.kept());
        changes
    }

    fn kept(&self) -> Change {
        Change::SetMeta { key: MetaKey::Auth, value: encode_auth(self.enabled, self.revision) }
    }
}
