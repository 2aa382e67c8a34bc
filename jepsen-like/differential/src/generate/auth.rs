//! Users, roles and permissions, and requests of users.

use detcd_api::authpb::{Permission, UserAddOptions};
use detcd_api::etcdserverpb::*;

use super::draw::Draw;
use super::{about_keys, kv, watch};
use crate::auth::{Call, ROOT, ROOT_PASSWORDS, Who};
use crate::request::Request;

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const ROLES: [&str; 3] = ["reader", "writer", "keeper"];
const PASSWORDS: [&str; 2] = ["one", "two"];

/// Users and roles, mostly with authentication on, then requests of users with changes between them.
pub(super) fn program(draw: &mut Draw, length: usize) -> Vec<Request> {
    // Who may use a range that ends before it begins depends on the shape of a tree in etcd.
    draw.forward = true;
    // Transactions within transactions are checked since 3.6.11 only (G84).
    draw.depth_max = 0;
    let leases = [1, 2, 3].map(|id| Request::LeaseGrant(LeaseGrantRequest { ttl: 1000, id }));
    let setup = setup(draw).into_iter().map(Request::Auth);
    let mut requests: Vec<Request> = leases.into_iter().chain(setup).collect();
    requests.retain(|_| draw.chance(96));
    for name in USERS.into_iter().chain([ROOT]) {
        let password = if name == ROOT { ROOT_PASSWORDS[0] } else { PASSWORDS[0] };
        requests.push(Request::Auth(authenticate(name, password)));
    }
    let restart = draw.below(8 * length);
    for place in 0..length {
        if place == restart {
            requests.push(Request::Restart);
        }
        requests.push(request(draw));
    }
    requests
}

fn setup(draw: &mut Draw) -> Vec<Call> {
    let mut calls = vec![add(ROOT, ROOT_PASSWORDS[0]), role_add("root"), give(ROOT, "root")];
    for role in ROLES {
        calls.push(role_add(role));
        calls.extend((0..draw.below(3)).map(|_| grant(draw, role)));
    }
    for user in USERS {
        calls.push(add(user, PASSWORDS[0]));
        for role in ROLES {
            if draw.chance(45) {
                calls.push(give(user, role));
            }
        }
    }
    calls.push(Call::Enable);
    calls
}

fn request(draw: &mut Draw) -> Request {
    match draw.below(100) {
        0..53 => {
            let about = of_user(draw);
            by(draw, 4, about)
        }
        53 => {
            let watch = Request::Watch(watch::session(draw));
            by(draw, 4, watch)
        }
        54..80 => {
            let call = change(draw);
            by(draw, 70, Request::Auth(call))
        }
        80..90 => Request::Auth(login(draw)),
        90..97 => {
            let call = look(draw);
            by(draw, 30, Request::Auth(call))
        }
        _ => {
            let call = draw.one(&[Call::Enable, Call::Disable, Call::Enable]);
            by(draw, 60, Request::Auth(call))
        }
    }
}

/// What later versions let only some users do, 3.5.1 lets everybody: compactions, and everything about
/// leases but what their keys are good for. That is left to the answers of newer versions.
fn of_user(draw: &mut Draw) -> Request {
    loop {
        let request = about_keys(draw);
        if !matches!(request, Request::Compact(_)) {
            return request;
        }
    }
}

/// The request of somebody, `percent` times in a hundred of the administrator.
fn by(draw: &mut Draw, percent: usize, request: Request) -> Request {
    let who = match draw.below(40) {
        _ if draw.chance(percent) => Who::User(ROOT.to_owned()),
        0 | 1 => return request,
        2 => Who::Token(draw.one(&["", "x", "abc.1", ".", "a.b.c", "1.1", "abc.99"]).to_owned()),
        _ => Who::User(user(draw)),
    };
    Request::As(who, Box::new(request))
}

fn user(draw: &mut Draw) -> String {
    draw.one(&USERS).to_owned()
}

fn role(draw: &mut Draw) -> String {
    draw.one(&[ROLES[0], ROLES[0], ROLES[1], ROLES[1], ROLES[2], ROLES[2], "root", ""]).to_owned()
}

/// A user, perhaps the administrator, or nobody.
fn anyone(draw: &mut Draw) -> String {
    draw.one(&[USERS[0], USERS[0], USERS[1], USERS[1], USERS[2], USERS[2], ROOT, ""]).to_owned()
}

fn authenticate(name: &str, password: &str) -> Call {
    Call::Authenticate(AuthenticateRequest { name: name.to_owned(), password: password.to_owned() })
}

fn add(name: &str, password: &str) -> Call {
    let request = AuthUserAddRequest {
        name: name.to_owned(),
        password: password.to_owned(),
        options: Some(UserAddOptions { no_password: false }),
        hashed_password: String::new(),
    };
    Call::UserAdd(request)
}

fn give(user: &str, role: &str) -> Call {
    Call::UserGrantRole(AuthUserGrantRoleRequest { user: user.to_owned(), role: role.to_owned() })
}

fn role_add(role: &str) -> Call {
    Call::RoleAdd(AuthRoleAddRequest { name: role.to_owned() })
}

/// A permission for keys that begin before they end: older versions take others, too.
fn grant(draw: &mut Draw, role: &str) -> Call {
    let (key, range_end) = loop {
        let (key, range_end) = kv::keys(draw);
        if !key.is_empty() && (range_end.is_empty() || *range_end == [0] || key < range_end) {
            break (key, range_end);
        }
    };
    let perm_type = draw.one(&[0, 1, 2, 2]);
    let perm = Some(Permission { perm_type, key, range_end });
    Call::RoleGrantPermission(AuthRoleGrantPermissionRequest { name: role.to_owned(), perm })
}

/// A password that the user may have had.
fn password(draw: &mut Draw, name: &str) -> String {
    draw.one(if name == ROOT { &ROOT_PASSWORDS } else { &PASSWORDS }).to_owned()
}

fn login(draw: &mut Draw) -> Call {
    let name = anyone(draw);
    let password = password(draw, &name);
    authenticate(&name, if draw.chance(10) { "wrong" } else { &password })
}

fn look(draw: &mut Draw) -> Call {
    // Whether it is on, newer versions tell everybody; how often it was changed is compared afterwards.
    match draw.below(4) {
        0 => Call::UserGet(AuthUserGetRequest { name: anyone(draw) }),
        1 => Call::UserList,
        2 => Call::RoleGet(AuthRoleGetRequest { role: role(draw) }),
        _ => Call::RoleList,
    }
}

fn change(draw: &mut Draw) -> Call {
    match draw.below(12) {
        0 => user_add(draw),
        1 if draw.chance(50) => Call::UserDelete(AuthUserDeleteRequest { name: anyone(draw) }),
        1 | 2 => {
            let name = anyone(draw);
            let password = password(draw, &name);
            let hashed_password = String::new();
            let request = AuthUserChangePasswordRequest { name, password, hashed_password };
            Call::UserChangePassword(request)
        }
        3..5 => give(&anyone(draw), &role(draw)),
        5 => {
            let (name, role) = (anyone(draw), role(draw));
            Call::UserRevokeRole(AuthUserRevokeRoleRequest { name, role })
        }
        6 => Call::RoleAdd(AuthRoleAddRequest { name: role(draw) }),
        7 if draw.chance(30) => Call::RoleDelete(AuthRoleDeleteRequest { role: role(draw) }),
        7..10 => {
            let role = role(draw);
            grant(draw, &role)
        }
        _ => {
            let (key, range_end) = kv::keys(draw);
            let role = role(draw);
            let request = AuthRoleRevokePermissionRequest { role, key, range_end };
            Call::RoleRevokePermission(request)
        }
    }
}

/// The administrator always gets a password: nobody could tidy up otherwise.
fn user_add(draw: &mut Draw) -> Call {
    let name = anyone(draw);
    let no_password = name != ROOT && draw.chance(20);
    let password = if no_password { String::new() } else { password(draw, &name) };
    let options = Some(UserAddOptions { no_password });
    Call::UserAdd(AuthUserAddRequest { name, password, options, hashed_password: String::new() })
}
