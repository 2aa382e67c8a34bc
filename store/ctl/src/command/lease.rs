//! `lease` (C19 to C23).

use std::time::Duration;

use detcd_api::etcdserverpb::LeaseGrantResponse;
use detcd_api::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseLeasesRequest,
    LeaseLeasesResponse, LeaseRevokeRequest, LeaseRevokeResponse, LeaseTimeToLiveRequest,
    LeaseTimeToLiveResponse,
};
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::AsyncRuntime;
use serde::Serialize;

use super::ids;
use crate::cli::{Global, KeepAlive, Lease};
use crate::failure::Failure;
use crate::print::{Header, Report, Style, encode_base64, header, header_fields, quoted};
use crate::session::Session;

/// Runs one of them.
pub async fn run(
    lease: &Lease,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let report = match lease {
        Lease::Grant(grant) => {
            let refusal = "lease grant command needs TTL argument";
            let ttl = ids::seconds(ids::one(&grant.arguments, refusal)?)?;
            let session = Session::open(global).await?;
            let request = LeaseGrantRequest { ttl, id: 0 };
            let answer = session.answer(session.client.lease().lease_grant(request)).await;
            granted(&answer.map_err(|failure| failure.because("failed to grant lease"))?)
        }
        Lease::Revoke(revoke) => {
            let refusal = "lease revoke command needs 1 argument";
            let id = ids::lease(ids::one(&revoke.arguments, refusal)?)?;
            let session = Session::open(global).await?;
            let request = LeaseRevokeRequest { id };
            let answer = session.answer(session.client.lease().lease_revoke(request)).await;
            revoked(id, &answer.map_err(|failure| failure.because("failed to revoke lease"))?)
        }
        Lease::Timetolive(asked) => {
            let refusal = "lease timetolive command needs lease ID as argument";
            let id = ids::lease(ids::one(&asked.arguments, refusal)?)?;
            let session = Session::open(global).await?;
            let request = LeaseTimeToLiveRequest { id, keys: asked.keys };
            let answer = session.answer(session.client.lease().lease_time_to_live(request)).await?;
            left(&answer, asked.keys)
        }
        Lease::List => {
            let session = Session::open(global).await?;
            let request = LeaseLeasesRequest {};
            listed(&session.answer(session.client.lease().lease_leases(request)).await?)
        }
        Lease::KeepAlive(keep) => return keep_alive(keep, global, style, say).await,
    };
    say(&report.print(style)?);
    Ok(())
}

#[derive(Serialize)]
struct Granted {
    #[serde(flatten)]
    header: Option<Header>,
    #[serde(rename = "ID")]
    id: i64,
    #[serde(rename = "TTL")]
    ttl: i64,
    #[serde(rename = "Error")]
    error: String,
}

/// The answer to `lease grant`.
pub fn granted(answer: &LeaseGrantResponse) -> Report {
    let (id, ttl) = (answer.id, answer.ttl);
    let lines = [format!("lease {id:016x} granted with TTL({ttl}s)")];
    let mut fields = header_fields(&answer.header);
    fields.extend([format!("\"ID\" : {id}"), format!("\"TTL\" : {ttl}")]);
    let header = header(&answer.header);
    let json = Granted { header, id, ttl, error: answer.error.clone() };
    Report::of_lines(lines).fields(fields).json(&json)
}

#[derive(Serialize)]
struct Bare {
    header: Option<Header>,
}

/// The answer to `lease revoke`.
pub fn revoked(id: i64, answer: &LeaseRevokeResponse) -> Report {
    Report::of_lines([format!("lease {id:016x} revoked")])
        .fields(header_fields(&answer.header))
        .json(&Bare { header: header(&answer.header) })
}

#[derive(Serialize)]
struct Left {
    #[serde(flatten)]
    header: Option<Header>,
    id: i64,
    ttl: i64,
    #[serde(rename = "granted-ttl")]
    granted_ttl: i64,
    keys: Option<Vec<String>>,
}

/// The answer to `lease timetolive`.
pub fn left(answer: &LeaseTimeToLiveResponse, with_keys: bool) -> Report {
    let LeaseTimeToLiveResponse { id, ttl, granted_ttl, keys, .. } = answer;
    let line = if *ttl < 0 {
        format!("lease {id:016x} already expired")
    } else {
        let words: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
        let keys = match with_keys {
            true => format!(", attached keys([{}])", words.join(" ")),
            false => String::new(),
        };
        format!("lease {id:016x} granted with TTL({granted_ttl}s), remaining({ttl}s){keys}")
    };
    let mut fields = header_fields(&answer.header);
    fields.extend([
        format!("\"ID\" : {id}"),
        format!("\"TTL\" : {ttl}"),
        format!("\"GrantedTTL\" : {granted_ttl}"),
    ]);
    fields.extend(keys.iter().map(|key| format!("\"Key\" : {}", quoted(key))));
    let (id, ttl, granted_ttl) = (*id, *ttl, *granted_ttl);
    let keys = (!keys.is_empty()).then(|| keys.iter().map(|key| encode_base64(key)).collect());
    let json = Left { header: header(&answer.header), id, ttl, granted_ttl, keys };
    Report::of_lines([line]).fields(fields).json(&json)
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    header: Option<Header>,
    leases: Vec<Id>,
}

#[derive(Serialize)]
struct Id {
    id: i64,
}

/// The answer to `lease list`.
pub fn listed(answer: &LeaseLeasesResponse) -> Report {
    let ids: Vec<i64> = answer.leases.iter().map(|lease| lease.id).collect();
    let head = format!("found {} leases", ids.len());
    let lines = std::iter::once(head).chain(ids.iter().map(|id| format!("{id:016x}")));
    let mut fields = header_fields(&answer.header);
    fields.extend(ids.iter().map(|id| format!("\"ID\" : {id}")));
    let leases = ids.iter().map(|id| Id { id: *id }).collect();
    let json = Listed { header: header(&answer.header), leases };
    Report::of_lines(lines).fields(fields).json(&json)
}

#[derive(Serialize)]
struct Kept {
    #[serde(flatten)]
    header: Option<Header>,
    #[serde(rename = "ID")]
    id: i64,
    #[serde(rename = "TTL")]
    ttl: i64,
}

/// One answer of `lease keep-alive`.
pub fn kept(answer: &LeaseKeepAliveResponse) -> Report {
    let (id, ttl) = (answer.id, answer.ttl);
    let mut fields = header_fields(&answer.header);
    fields.extend([format!("\"ID\" : {id}"), format!("\"TTL\" : {ttl}")]);
    Report::of_lines([format!("lease {id:016x} keepalived with TTL({ttl})")])
        .fields(fields)
        .json(&Kept { header: header(&answer.header), id, ttl })
}

async fn keep_alive(
    keep: &KeepAlive,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let refusal = "lease keep-alive command needs lease ID as argument";
    let id = ids::lease(ids::one(&keep.arguments, refusal)?)?;
    let session = Session::open(global).await?;
    loop {
        let request = tokio_stream::once(LeaseKeepAliveRequest { id });
        let mut lease = session.client.lease();
        let answers = session.answer(lease.lease_keep_alive(request)).await;
        let answer = match answers.map_err(Failure::of_connection) {
            Ok(mut answers) => answers.message().await?.unwrap_or_default(),
            Err(failure) if keep.once => return Err(failure),
            Err(_) => LeaseKeepAliveResponse::default(),
        };
        if answer.ttl <= 0 && keep.once {
            return Err(Failure::connection("etcdserver: requested lease not found"));
        }
        if answer.ttl <= 0 {
            say(format!("lease {id:016x} expired or revoked.\n").as_bytes());
            return Ok(());
        }
        say(&kept(&answer).print(style)?);
        if keep.once {
            return Ok(());
        }
        // Three times as often as needed, as etcd's client.
        let seconds = u64::try_from(answer.ttl).unwrap_or(1);
        TokioRuntime::sleep(Duration::from_millis((seconds * 1000 / 3).max(500))).await;
    }
}
