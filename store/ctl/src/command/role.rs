//! `role` (C43 to C45).

use detcd_api::authpb::{self, permission};
use detcd_api::etcdserverpb::{
    AuthRoleAddRequest, AuthRoleDeleteRequest, AuthRoleGetRequest, AuthRoleGetResponse,
    AuthRoleGrantPermissionRequest, AuthRoleListRequest, AuthRoleRevokePermissionRequest,
};
use serde::Serialize;

use super::access::{Names, done};
use super::ids;
use crate::cli::{Global, Permission, Role};
use crate::failure::Failure;
use crate::key_range::KeyRange;
use crate::print::{Header, Report, Style, encode_base64, header, header_fields, quoted};
use crate::session::Session;

/// Runs one of them.
pub async fn run(
    role: &Role,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let report = match role {
        Role::Add(names) => role_add(&names.arguments, global).await?,
        Role::Delete(names) => role_delete(&names.arguments, global).await?,
        Role::Get(names) => role_get(&names.arguments, global).await?,
        Role::List => role_list(global).await?,
        Role::GrantPermission(permission) => role_grant(permission, global).await?,
        Role::RevokePermission(permission) => role_revoke(permission, global).await?,
    };
    say(&report.print(style)?);
    Ok(())
}

/// The name of the role that a command is about.
fn role_name(command: &str, arguments: &[String]) -> Result<String, Failure> {
    let refusal = format!("role {command} command requires role name as its argument");
    ids::one(arguments, &refusal).map(str::to_owned)
}

async fn role_add(arguments: &[String], global: &Global) -> Result<Report, Failure> {
    let name = role_name("add", arguments)?;
    let line = format!("Role {name} created");
    let session = Session::open(global).await?;
    let request = AuthRoleAddRequest { name };
    let answer = session.answer(session.client.auth().role_add(request)).await?;
    Ok(done(line, &answer.header))
}

async fn role_delete(arguments: &[String], global: &Global) -> Result<Report, Failure> {
    let role = role_name("delete", arguments)?;
    let line = format!("Role {role} deleted");
    let session = Session::open(global).await?;
    let request = AuthRoleDeleteRequest { role };
    let answer = session.answer(session.client.auth().role_delete(request)).await?;
    Ok(done(line, &answer.header))
}

async fn role_get(arguments: &[String], global: &Global) -> Result<Report, Failure> {
    let role = role_name("get", arguments)?;
    let session = Session::open(global).await?;
    let request = AuthRoleGetRequest { role: role.clone() };
    let answer = session.answer(session.client.auth().role_get(request)).await?;
    Ok(permits(&role, &answer))
}

async fn role_list(global: &Global) -> Result<Report, Failure> {
    let session = Session::open(global).await?;
    let request = AuthRoleListRequest {};
    let answer = session.answer(session.client.auth().role_list(request)).await?;
    let roles = Some(answer.roles.clone());
    let json = Names { header: header(&answer.header), users: None, roles };
    let mut fields = header_fields(&answer.header);
    let names: String = answer.roles.iter().map(|name| format!(" \"{name}\"")).collect();
    fields.push(format!("\"Roles\" :{names}"));
    Ok(Report::of_lines(answer.roles).fields(fields).json(&json))
}

async fn role_grant(permission: &Permission, global: &Global) -> Result<Report, Failure> {
    let (name, perm) = grant_request(permission)?;
    let line = format!("Role {name} updated");
    let session = Session::open(global).await?;
    let request = AuthRoleGrantPermissionRequest { name, perm: Some(perm) };
    let answer = session.answer(session.client.auth().role_grant_permission(request)).await?;
    Ok(done(line, &answer.header))
}

async fn role_revoke(permission: &Permission, global: &Global) -> Result<Report, Failure> {
    let (role, range) = revoke_request(permission)?;
    let line = revoked(&role, &range);
    let session = Session::open(global).await?;
    let (key, range_end) = (range.key.into(), range.end.into());
    let request = AuthRoleRevokePermissionRequest { role, key, range_end };
    let answer = session.answer(session.client.auth().role_revoke_permission(request)).await?;
    Ok(done(line, &answer.header))
}

/// The range that a permission is for.
fn range(permission: &Permission, arguments: &[String]) -> Result<KeyRange, Failure> {
    match arguments {
        _ if permission.prefix && permission.from_key => {
            Err(Failure::arguments("--from-key and --prefix flags are mutually exclusive"))
        }
        [key] if permission.prefix => Ok(KeyRange::prefix(key)),
        [key] if permission.from_key => Ok(KeyRange::from_key(key)),
        [key] => Ok(KeyRange::one(key)),
        [key, end] if !permission.prefix && !permission.from_key => Ok(KeyRange::between(key, end)),
        _ => Err(Failure::arguments("unexpected endkey argument with --prefix or --from-key flag")),
    }
}

/// What `role grant-permission` asks.
pub fn grant_request(given: &Permission) -> Result<(String, authpb::Permission), Failure> {
    let [name, kind, key @ ..] = given.arguments.as_slice() else {
        return Err(few(
            "role grant command requires role name, permission type, and key [endkey]",
        ));
    };
    if key.is_empty() || key.len() > 2 {
        return Err(few(
            "role grant command requires role name, permission type, and key [endkey]",
        ));
    }
    let perm_type = match kind.to_uppercase().as_str() {
        "READ" => permission::Type::Read,
        "WRITE" => permission::Type::Write,
        "READWRITE" => permission::Type::Readwrite,
        _ => return Err(Failure::arguments(format!("invalid permission type: {kind}"))),
    };
    let KeyRange { key, end } = range(given, key)?;
    let perm =
        authpb::Permission { perm_type: perm_type.into(), key: key.into(), range_end: end.into() };
    Ok((name.clone(), perm))
}

/// What `role revoke-permission` asks.
pub fn revoke_request(given: &Permission) -> Result<(String, KeyRange), Failure> {
    match given.arguments.as_slice() {
        [role, key @ ..] if !key.is_empty() && key.len() <= 2 => {
            Ok((role.clone(), range(given, key)?))
        }
        _ => Err(few("role revoke-permission command requires role name and key [endkey]")),
    }
}

fn few(what: &str) -> Failure {
    Failure::arguments(format!("{what} as its argument"))
}

/// What is said of a permission that was taken back.
pub fn revoked(role: &str, range: &KeyRange) -> String {
    let key = String::from_utf8_lossy(&range.key);
    match range.end.as_slice() {
        [] => format!("Permission of key {key} is revoked from role {role}"),
        [0] => format!("Permission of range [{key}, <open ended> is revoked from role {role}"),
        end => {
            let end = String::from_utf8_lossy(end);
            format!("Permission of range [{key}, {end}) is revoked from role {role}")
        }
    }
}

#[derive(Serialize)]
struct Permits {
    header: Option<Header>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    perm: Vec<PermissionJson>,
}

#[derive(Serialize)]
struct PermissionJson {
    #[serde(rename = "permType", skip_serializing_if = "is_zero")]
    kind: i32,
    key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    range_end: String,
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

/// The answer to `role get`.
pub fn permits(role: &str, answer: &AuthRoleGetResponse) -> Report {
    let mut fields = header_fields(&answer.header);
    fields.extend(answer.perm.iter().flat_map(|perm| {
        let kind = match perm.perm_type() {
            permission::Type::Read => "READ",
            permission::Type::Write => "WRITE",
            permission::Type::Readwrite => "READWRITE",
        };
        let text = |bytes: &[u8]| quoted(bytes);
        [
            // With two blanks and no quotes, as etcd's.
            format!("\"PermType\" :  {kind}"),
            format!("\"Key\" : {}", text(&perm.key)),
            format!("\"RangeEnd\" : {}", text(&perm.range_end)),
        ]
    }));
    let perm = answer.perm.iter().map(|perm| PermissionJson {
        kind: perm.perm_type,
        key: encode_base64(&perm.key),
        range_end: encode_base64(&perm.range_end),
    });
    let json = Permits { header: header(&answer.header), perm: perm.collect() };
    Report::of_lines(role_lines(role, &answer.perm)).fields(fields).json(&json)
}

/// What a role permits, for people.
pub(super) fn role_lines(role: &str, permissions: &[authpb::Permission]) -> Vec<String> {
    let of = |kind: permission::Type| {
        let wanted = move |perm: &&authpb::Permission| {
            perm.perm_type() == kind || perm.perm_type() == permission::Type::Readwrite
        };
        permissions.iter().filter(wanted).map(span)
    };
    let mut lines = vec![format!("Role {role}"), "KV Read:".to_owned()];
    lines.extend(of(permission::Type::Read));
    lines.push("KV Write:".to_owned());
    lines.extend(of(permission::Type::Write));
    lines
}

fn span(permission: &authpb::Permission) -> String {
    let key = String::from_utf8_lossy(&permission.key);
    let end = match &permission.range_end[..] {
        [] => return format!("\t{key}"),
        [0] => "<open ended>".to_owned(),
        end => format!("{})", String::from_utf8_lossy(end)),
    };
    let is_prefix = !key.is_empty() && KeyRange::prefix(&key).end == permission.range_end;
    let prefix = if is_prefix { format!(" (prefix {key})") } else { String::new() };
    format!("\t[{key}, {end}{prefix}")
}
