//! `user` (C41, C42).

use std::io::BufRead as _;

use detcd_api::authpb::UserAddOptions;
use detcd_api::etcdserverpb::{
    AuthRoleGetRequest, AuthUserAddRequest, AuthUserChangePasswordRequest, AuthUserDeleteRequest,
    AuthUserGetRequest, AuthUserGetResponse, AuthUserGrantRoleRequest, AuthUserListRequest,
    AuthUserRevokeRoleRequest,
};

use super::access::{Names, done};
use super::ids;
use super::role::role_lines;
use crate::cli::{Global, Passwd, User, UserAdd, UserGet};
use crate::failure::Failure;
use crate::print::{Report, Style, header};
use crate::session::Session;

/// Runs one of them.
pub async fn run(
    user: &User,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let report = match user {
        User::Add(add) => user_add(add, global).await?,
        User::Delete(names) => user_delete(&names.arguments, global).await?,
        User::Get(get) => user_get(get, global).await?,
        User::List => user_list(global).await?,
        User::Passwd(passwd) => user_passwd(passwd, global).await?,
        User::GrantRole(names) => user_grant(&names.arguments, global).await?,
        User::RevokeRole(names) => user_revoke(&names.arguments, global).await?,
    };
    say(&report.print(style)?);
    Ok(())
}

/// The name of the user that a command is about.
fn user_name<'a>(command: &str, arguments: &'a [String]) -> Result<&'a str, Failure> {
    let refusal = format!("user {command} command requires user name as its argument");
    ids::one(arguments, &refusal)
}

async fn user_add(add: &UserAdd, global: &Global) -> Result<Report, Failure> {
    let request = add_request(add)?;
    let name = request.name.clone();
    let session = Session::open(global).await?;
    let answer = session.answer(session.client.auth().user_add(request)).await?;
    Ok(done(format!("User {name} created"), &answer.header))
}

async fn user_delete(arguments: &[String], global: &Global) -> Result<Report, Failure> {
    let name = user_name("delete", arguments)?.to_owned();
    let line = format!("User {name} deleted");
    let session = Session::open(global).await?;
    let request = AuthUserDeleteRequest { name };
    let answer = session.answer(session.client.auth().user_delete(request)).await?;
    Ok(done(line, &answer.header))
}

async fn user_get(get: &UserGet, global: &Global) -> Result<Report, Failure> {
    let name = user_name("get", &get.arguments)?;
    let session = Session::open(global).await?;
    let request = AuthUserGetRequest { name: name.to_owned() };
    let answer = session.answer(session.client.auth().user_get(request)).await?;
    if get.detail { detail(name, &answer, &session).await } else { Ok(roles_of(name, &answer)) }
}

async fn user_list(global: &Global) -> Result<Report, Failure> {
    let session = Session::open(global).await?;
    let request = AuthUserListRequest {};
    let answer = session.answer(session.client.auth().user_list(request)).await?;
    let users = Some(answer.users.clone());
    let json = Names { header: header(&answer.header), users, roles: None };
    Ok(Report::of_lines(answer.users).json(&json))
}

async fn user_passwd(passwd: &Passwd, global: &Global) -> Result<Report, Failure> {
    let name = user_name("passwd", &passwd.arguments)?.to_owned();
    let password = password(&name, passwd.interactive)?;
    let session = Session::open(global).await?;
    let request = AuthUserChangePasswordRequest { name, password, ..Default::default() };
    let answer = session.answer(session.client.auth().user_change_password(request)).await?;
    Ok(done("Password updated".to_owned(), &answer.header))
}

async fn user_grant(arguments: &[String], global: &Global) -> Result<Report, Failure> {
    let refusal = "user grant command requires user name and role name as its argument";
    let [user, role] = two(arguments, refusal)?;
    let line = format!("Role {role} is granted to user {user}");
    let session = Session::open(global).await?;
    let request = AuthUserGrantRoleRequest { user, role };
    let answer = session.answer(session.client.auth().user_grant_role(request)).await?;
    Ok(done(line, &answer.header))
}

async fn user_revoke(arguments: &[String], global: &Global) -> Result<Report, Failure> {
    let refusal = "user revoke-role requires user name and role name as its argument";
    let [name, role] = two(arguments, refusal)?;
    let line = format!("Role {role} is revoked from user {name}");
    let session = Session::open(global).await?;
    let request = AuthUserRevokeRoleRequest { name, role };
    let answer = session.answer(session.client.auth().user_revoke_role(request)).await?;
    Ok(done(line, &answer.header))
}

fn two(arguments: &[String], refusal: &str) -> Result<[String; 2], Failure> {
    arguments.to_vec().try_into().map_err(|_| Failure::arguments(refusal))
}

/// What `user add` asks; the password comes from the arguments, or from stdin.
fn add_request(add: &UserAdd) -> Result<AuthUserAddRequest, Failure> {
    let argument = user_name("add", &add.arguments)?;
    let options = Some(UserAddOptions { no_password: add.no_password });
    let request = |name: &str, password: String| {
        if name.is_empty() {
            return Err(Failure::arguments("empty user name is not allowed"));
        }
        let name = name.to_owned();
        Ok(AuthUserAddRequest { name, password, options, ..AuthUserAddRequest::default() })
    };
    if add.no_password {
        return request(argument, String::new());
    }
    if !add.new_user_password.is_empty() {
        return request(argument, add.new_user_password.clone());
    }
    match argument.split_once(':') {
        Some((name, password)) => request(name, password.to_owned()),
        None => request(argument, password(argument, add.interactive)?),
    }
}

/// A password from stdin; asked for twice if people type it.
fn password(name: &str, is_interactive: bool) -> Result<String, Failure> {
    let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
    if !is_interactive {
        return Ok(lines.next().unwrap_or_default());
    }
    print(&format!("Password of {name}: "));
    let one = lines.next().unwrap_or_default();
    if one.is_empty() {
        print("\n");
        return Err(Failure::arguments("empty password"));
    }
    print(&format!("Type password of {name} again for confirmation: "));
    if lines.next().unwrap_or_default() == one {
        Ok(one)
    } else {
        Err(Failure::arguments("given passwords are different"))
    }
}

fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    // Who cannot read the question may still answer it.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The answer to `user get`.
pub fn roles_of(name: &str, answer: &AuthUserGetResponse) -> Report {
    let lines = [format!("User: {name}"), format!("Roles: {}", answer.roles.join(" "))];
    let roles = (!answer.roles.is_empty()).then(|| answer.roles.clone());
    let json = Names { header: header(&answer.header), users: None, roles };
    Report::of_lines(lines).json(&json)
}

async fn detail(
    name: &str,
    answer: &AuthUserGetResponse,
    session: &Session,
) -> Result<Report, Failure> {
    let mut lines = vec![format!("User: {name}")];
    for role in &answer.roles {
        let request = AuthRoleGetRequest { role: role.clone() };
        let permits = session.answer(session.client.auth().role_get(request)).await?;
        lines.push(String::new());
        lines.extend(role_lines(role, &permits.perm));
    }
    Ok(Report::of_lines(lines))
}
