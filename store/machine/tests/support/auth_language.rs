//! The part of the scripts' language that is about users and roles.
//!
//! ```text
//! as NAME[@AUTH_REVISION] COMMAND        otherwise nobody asks; the auth revision is the current one
//! auth enable | auth disable | auth token USER [AUTH_REVISION]
//! auth user add NAME [no_password] | auth user delete|password NAME | auth user grant|revoke NAME ROLE
//! auth role add|delete NAME | auth role grant ROLE [read|write|readwrite KEYS] | auth role revoke ROLE KEYS
//! may read|write KEYS                    whether it would be permitted
//! ```
//! `KEYS` are raw for permissions: what stands for no bytes is `""`.

use bytes::Bytes;
use detcd_machine::{Auth, AuthCommand, Permission, PermissionKind, Requester};

use super::{Words, keys, text};

pub(super) fn command(words: &mut Words<'_>) -> AuthCommand {
    match words.next() {
        "enable" => AuthCommand::Enable,
        "disable" => AuthCommand::Disable,
        "token" => AuthCommand::Authenticate {
            user: words.next().to_owned(),
            auth_revision: words.number().cast_unsigned(),
            token: "random".to_owned(),
        },
        "user" => user(words),
        "role" => role(words),
        other => panic!("no auth command {other:?}"),
    }
}

/// No name at all is written `""`.
fn name(words: &mut Words<'_>) -> String {
    words.next().trim_matches('"').to_owned()
}

fn user(words: &mut Words<'_>) -> AuthCommand {
    let (what, user) = (words.next(), name(words));
    match what {
        "add" => {
            let no_password = words.maybe() == Some("no_password");
            AuthCommand::UserAdd { user, password: "hash".into(), no_password }
        }
        "delete" => AuthCommand::UserDelete { user },
        "password" => AuthCommand::UserChangePassword { user, password: "other hash".into() },
        "grant" => AuthCommand::UserGrantRole { user, role: name(words) },
        "revoke" => AuthCommand::UserRevokeRole { user, role: name(words) },
        other => panic!("no command {other:?} for a user"),
    }
}

fn role(words: &mut Words<'_>) -> AuthCommand {
    let (what, role) = (words.next(), name(words));
    match what {
        "add" => AuthCommand::RoleAdd { role },
        "delete" => AuthCommand::RoleDelete { role },
        "grant" => {
            let kind = words.maybe().map(|kind| match kind {
                "read" => PermissionKind::Read,
                "write" => PermissionKind::Write,
                "readwrite" => PermissionKind::ReadWrite,
                other => panic!("no kind of permission {other:?}"),
            });
            let permission = kind.map(|kind| {
                let (key, range_end) = keys(words.next());
                Permission { kind, key, range_end }
            });
            AuthCommand::RoleGrantPermission { role, permission }
        }
        "revoke" => {
            let (key, range_end) = keys(words.next());
            AuthCommand::RoleRevokePermission { role, key, range_end }
        }
        other => panic!("no command {other:?} for a role"),
    }
}

/// Who is meant by `NAME[@AUTH_REVISION]`.
pub(crate) fn requester(word: &str, auth: &Auth) -> Requester {
    let (name, auth_revision) = match word.split_once('@') {
        Some((name, revision)) => (name, revision.parse().expect("a revision")),
        None => (word, auth.revision()),
    };
    Requester::User { name: name.to_owned(), auth_revision }
}

/// The whole state.
pub(crate) fn show_auth(auth: &Auth) -> Vec<String> {
    let enabled = if auth.is_enabled() { "enabled" } else { "disabled" };
    let mut lines = vec![format!("{enabled}, auth revision {}", auth.revision())];
    lines.extend(auth.users().iter().map(|(name, user)| {
        let password = String::from_utf8_lossy(&user.password);
        let password = if user.no_password { "no password".into() } else { password };
        let roles = user.roles.iter().map(|role| format!(" {role}"));
        format!("user {name} ({password}):{}", roles.collect::<String>())
    }));
    for (name, role) in auth.roles() {
        let permissions = role.permissions.iter().map(|Permission { kind, key, range_end }| {
            let kind = format!("{kind:?}").to_lowercase();
            let shown = |bytes: &Bytes| if bytes.is_empty() { "\"\"".into() } else { text(bytes) };
            format!(" {kind} {} {}", shown(key), shown(range_end))
        });
        lines.push(format!("role {name}:{}", permissions.collect::<Vec<_>>().join(",")));
    }
    lines
}
