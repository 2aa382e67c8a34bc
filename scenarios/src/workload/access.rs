//! Users whose permissions change while they use them.
//!
//! Each user has a key of its own, and may or may not write and read it. Odd users are given and denied
//! the permission itself, even ones a role that has it.

use std::time::Duration;

use detcd_api::authpb::{Permission, permission};
use detcd_api::etcdserverpb::*;
use jepsen_like::history::{
    AccessRecord, Blob, PutRequest, RangeRequest, Refusal, Request, UserId,
};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, Stream, Streams};
use tonic::Status;

use super::login::{Caller, Login};
use super::refusal::{End, end_of};
use super::{Endpoints, Session, StopSign};
use crate::dice::Dice;

/// How long a change may take until it counts as unknown.
const PATIENCE: Duration = Duration::from_secs(2);
/// Mean pause between two changes.
const CHANGE_PACE: Duration = Duration::from_millis(150);
/// Attempts at each step of the set-up; there are no faults then.
const ATTEMPTS_MAX: usize = 40;

fn role(user: UserId) -> String {
    format!("role-{user}")
}

fn key(user: UserId) -> String {
    format!("of-user-{user}")
}

fn permission(user: UserId) -> Option<Permission> {
    let key = key(user).into();
    Some(Permission { perm_type: permission::Type::Readwrite.into(), key, ..Permission::default() })
}

/// Adds root and the users, who may do nothing yet, and turns authentication on. False if that fails.
pub async fn set_up(session: &mut Session, members: &Endpoints, users: UserId) -> bool {
    let mut steps = vec![Step::User("root".to_owned()), Step::Role("root".to_owned())];
    steps.push(Step::Grant("root".to_owned(), "root".to_owned()));
    for user in 1..=users {
        let name = Login::user(user).name().to_owned();
        steps.extend([Step::User(name.clone()), Step::Role(role(user))]);
        steps.push(match user % 2 {
            1 => Step::Grant(name, role(user)),
            _ => Step::Permit(user),
        });
    }
    steps.push(Step::Enable);
    for step in &steps {
        let mut attempts = 0;
        while !step.done(session, members.at(attempts)).await {
            attempts += 1;
            if attempts == ATTEMPTS_MAX {
                return false;
            }
            SimRuntime::sleep(Duration::from_millis(100)).await;
        }
    }
    true
}

enum Step {
    User(String),
    Role(String),
    Grant(String, String),
    Permit(UserId),
    Enable,
}

impl Step {
    async fn done(&self, session: &mut Session, member: usize) -> bool {
        let Some(client) = session.caller(member, PATIENCE).await else { return false };
        let mut auth = client.auth();
        let sending = async {
            match self {
                Self::User(name) => {
                    let (name, password) = (name.clone(), name.clone());
                    let request = AuthUserAddRequest { name, password, ..Default::default() };
                    auth.user_add(request).await.map(drop)
                }
                Self::Role(name) => {
                    auth.role_add(AuthRoleAddRequest { name: name.clone() }).await.map(drop)
                }
                Self::Grant(user, role) => {
                    let (user, role) = (user.clone(), role.clone());
                    auth.user_grant_role(AuthUserGrantRoleRequest { user, role }).await.map(drop)
                }
                Self::Permit(user) => {
                    let (name, perm) = (role(*user), permission(*user));
                    let request = AuthRoleGrantPermissionRequest { name, perm };
                    auth.role_grant_permission(request).await.map(drop)
                }
                Self::Enable => auth.auth_enable(AuthEnableRequest {}).await.map(drop),
            }
        };
        match SimRuntime::timeout(PATIENCE, sending).await {
            Ok(Ok(())) => true,
            // An attempt before this one has done it.
            Ok(Err(status)) => status.message().ends_with("already exists"),
            Err(_elapsed) => false,
        }
    }
}

/// Who gives and denies permissions.
#[derive(Debug)]
pub struct Administrator {
    /// Root's connections.
    pub session: Session,
    /// Whom to ask.
    pub members: Endpoints,
    /// How many users there are.
    pub users: UserId,
}

impl Administrator {
    /// Changes permissions until told to stop, one at a time.
    pub async fn run(mut self, streams: Streams, stop: StopSign) {
        for count in 0_u64.. {
            let name = format!("administrator change {count}");
            let mut dice = Dice::new(streams.source(Stream::Workload, &name));
            SimRuntime::sleep(dice.around(CHANGE_PACE)).await;
            if stop.is_raised() {
                return;
            }
            let (user, permits) = (dice.between(1..=self.users), dice.percent(50));
            let member = self.members.pick(&mut dice);
            let Some(client) = self.session.caller(member, PATIENCE).await else { continue };
            let record = AccessRecord::Change { change: count, user, permits };
            self.session.recorder().access(record);
            let ended = SimRuntime::timeout(PATIENCE, change(&client, user, permits)).await;
            let record = match ended {
                Ok(Ok(())) => AccessRecord::Done { change: count },
                Ok(Err(status)) => {
                    self.session.looked_at(&status);
                    match end_of(&status) {
                        End::Fail(_) => AccessRecord::Refused { change: count },
                        End::Info(_) => continue,
                    }
                }
                Err(_elapsed) => {
                    self.session.leave(member);
                    continue;
                }
            };
            self.session.recorder().access(record);
        }
    }
}

async fn change(client: &Caller, user: UserId, permits: bool) -> Result<(), Status> {
    let mut auth = client.auth();
    let (name, role) = (Login::user(user).name().to_owned(), role(user));
    match (user % 2, permits) {
        (1, true) => {
            let perm = permission(user);
            let request = AuthRoleGrantPermissionRequest { name: role, perm };
            auth.role_grant_permission(request).await.map(drop)
        }
        (1, false) => {
            let (key, range_end) = (key(user).into(), Default::default());
            let request = AuthRoleRevokePermissionRequest { role, key, range_end };
            auth.role_revoke_permission(request).await.map(drop)
        }
        (_, true) => {
            auth.user_grant_role(AuthUserGrantRoleRequest { user: name, role }).await.map(drop)
        }
        (_, false) => {
            auth.user_revoke_role(AuthUserRevokeRoleRequest { name, role }).await.map(drop)
        }
    }
}

/// A user that tries what it may.
#[derive(Debug)]
pub struct User {
    /// Its connections.
    pub session: Session,
    /// Its number.
    pub number: UserId,
    /// Whom to ask.
    pub members: Endpoints,
    /// Mean pause between two requests.
    pub pace: Duration,
}

impl User {
    /// Tries until told to stop.
    pub async fn run(mut self, streams: Streams, stop: StopSign) {
        for count in 0_u64.. {
            let name = format!("user {} request {count}", self.number);
            let mut dice = Dice::new(streams.source(Stream::Workload, &name));
            SimRuntime::sleep(dice.around(self.pace)).await;
            if stop.is_raised() {
                return;
            }
            let recorder = self.session.recorder().clone();
            let op = recorder.new_op();
            let key = Blob::from(key(self.number).as_str());
            let request = match dice.percent(60) {
                true => {
                    let value = Blob::from(op.to_string().as_str());
                    Request::Put(PutRequest { key, value, ..PutRequest::default() })
                }
                false => Request::Range(RangeRequest { key, ..RangeRequest::default() }),
            };
            recorder.access(AccessRecord::As { op, user: self.number });
            let member = self.members.pick(&mut dice);
            self.session.call_as(op, member, request, PATIENCE).await;
        }
    }
}

/// A refusal that a user without a token gets from its own client.
pub(super) fn no_token() -> Refusal {
    let kind = jepsen_like::history::RefusalKind::NotServed;
    Refusal { kind, text: "no token was given".to_owned() }
}
