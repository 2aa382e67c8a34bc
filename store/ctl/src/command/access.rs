//! `auth` (C40), and what `user` and `role` share with it.

use detcd_api::Error;
use detcd_api::etcdserverpb::{
    AuthDisableRequest, AuthEnableRequest, AuthRoleAddRequest, AuthStatusRequest,
    AuthStatusResponse, AuthUserGrantRoleRequest, ResponseHeader,
};
use serde::Serialize;

use crate::cli::{Auth, Global};
use crate::failure::Failure;
use crate::print::{Header, Report, Style, header, header_fields};
use crate::session::Session;

#[derive(Serialize)]
struct Bare {
    header: Option<Header>,
}

/// An answer that says no more than that it is done.
pub(super) fn done(line: String, answer: &Option<ResponseHeader>) -> Report {
    let json = Bare { header: header(answer) };
    Report::of_lines([line]).fields(header_fields(answer)).json(&json)
}

/// Runs one of them.
pub async fn auth(
    auth: &Auth,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let session = Session::open(global).await?;
    let client = || session.client.auth();
    let report = match auth {
        Auth::Enable => {
            enable(&session).await?;
            say(b"Authentication Enabled\n");
            return Ok(());
        }
        Auth::Disable => {
            session.answer(client().auth_disable(AuthDisableRequest {})).await?;
            say(b"Authentication Disabled\n");
            return Ok(());
        }
        Auth::Status => status(&session.answer(client().auth_status(AuthStatusRequest {})).await?),
    };
    say(&report.print(style)?);
    Ok(())
}

/// Gives root its role where only that is missing.
async fn enable(session: &Session) -> Result<(), Failure> {
    let client = || session.client.auth();
    let says = |failure: &Failure, error: Error| failure.text.as_deref() == Some(error.message());
    match session.answer(client().auth_enable(AuthEnableRequest {})).await {
        Err(failure) if says(&failure, Error::RootRoleNotExist) => {}
        answer => return answer.map(drop),
    }
    let add = AuthRoleAddRequest { name: "root".to_owned() };
    match session.answer(client().role_add(add)).await {
        Err(failure) if !says(&failure, Error::RoleAlreadyExist) => return Err(failure),
        _ => {}
    }
    let (user, role) = ("root".to_owned(), "root".to_owned());
    session.answer(client().user_grant_role(AuthUserGrantRoleRequest { user, role })).await?;
    session.answer(client().auth_enable(AuthEnableRequest {})).await.map(drop)
}

#[derive(Serialize)]
struct Status {
    header: Option<Header>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    enabled: bool,
    #[serde(rename = "authRevision")]
    auth_revision: u64,
}

/// The answer to `auth status`.
pub fn status(answer: &AuthStatusResponse) -> Report {
    let AuthStatusResponse { enabled, auth_revision, .. } = answer;
    let lines =
        [format!("Authentication Status: {enabled}"), format!("AuthRevision: {auth_revision}")];
    let json =
        Status { header: header(&answer.header), enabled: *enabled, auth_revision: *auth_revision };
    Report::of_lines(lines).json(&json)
}

/// Names of users or of roles.
#[derive(Serialize)]
pub(super) struct Names {
    pub(super) header: Option<Header>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) users: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) roles: Option<Vec<String>>,
}
