//! `endpoint health` (C29), `endpoint status` (C30) and `endpoint hashkv` (C31): every endpoint is asked for
//! itself.

use std::time::Duration;

use detcd_api::etcdserverpb::{
    AlarmRequest, AlarmType, HashKvRequest, HashKvResponse, MemberListRequest, RangeRequest,
    StatusRequest,
};
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::{AsyncRuntime, Instant};
use tonic::Code;

use crate::cli::{Endpoints, Global, Hashkv};
use crate::failure::Failure;
use crate::print::{Answer, Header, Health, Report, Style, header, header_fields};
use crate::session::Session;
use serde::Serialize;

/// The key that is read to see whether the cluster can agree on anything.
const HEALTH_KEY: &[u8] = b"health";

/// `endpoint health`.
pub async fn health(
    endpoints: &Endpoints,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for endpoint in &chosen(endpoints.cluster, global).await? {
        let begin = <TokioRuntime as AsyncRuntime>::Instant::now();
        let error = check(endpoint, global).await.err();
        let took: Duration = <TokioRuntime as AsyncRuntime>::Instant::now() - begin;
        all.push(Health { endpoint: endpoint.clone(), took, error });
    }
    let healthy = all.iter().all(|health| health.error.is_none());
    say(&style.print(&Answer::Health(all))?);
    if healthy { Ok(()) } else { Err(Failure::error("unhealthy cluster")) }
}

async fn check(endpoint: &str, global: &Global) -> Result<(), String> {
    let told = |failure: Failure| failure.text.unwrap_or_default();
    let session = Session::open_one(endpoint, global).await.map_err(told)?;
    let request = RangeRequest { key: HEALTH_KEY.to_vec().into(), ..RangeRequest::default() };
    let mut kv = session.client.kv();
    let read = async move {
        match kv.range(request).await {
            // Who may not read the key has still been answered by a quorum.
            Err(status) if status.code() == Code::PermissionDenied => {
                Ok(tonic::Response::new(Default::default()))
            }
            other => other,
        }
    };
    session.answer(read).await.map_err(told)?;
    let mut maintenance = session.client.maintenance();
    let alarms = async move {
        match maintenance.alarm(AlarmRequest::default()).await {
            // A member that knows no alarms has none.
            Err(status) if status.code() == Code::Unimplemented => {
                Ok(tonic::Response::new(Default::default()))
            }
            other => other,
        }
    };
    let raised = session.answer(alarms).await.map_err(told)?.alarms;
    let names: String = raised
        .iter()
        .map(|alarm| match alarm.alarm() {
            AlarmType::None => "NONE ",
            AlarmType::Nospace => "NOSPACE ",
            AlarmType::Corrupt => "CORRUPT ",
        })
        .collect();
    if names.is_empty() { Ok(()) } else { Err(format!("Active Alarm(s): {names}")) }
}

/// `endpoint status`.
pub async fn status(
    endpoints: &Endpoints,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let (mut all, mut missing) = (Vec::new(), false);
    for endpoint in &chosen(endpoints.cluster, global).await? {
        match ask_status(endpoint, global).await {
            Ok(status) => all.push((endpoint.clone(), status)),
            Err(failure) => {
                missing = true;
                let text = failure.text.unwrap_or_default();
                eprintln!("Failed to get the status of endpoint {endpoint} ({text})");
            }
        }
    }
    say(&style.print(&Answer::Status(all))?);
    // Everything was told above; only the exit code is left.
    if missing { Err(Failure { text: None, code: 1 }) } else { Ok(()) }
}

async fn ask_status(
    endpoint: &str,
    global: &Global,
) -> Result<detcd_api::etcdserverpb::StatusResponse, Failure> {
    let session = Session::open_one(endpoint, global).await?;
    session.answer(session.client.maintenance().status(StatusRequest {})).await
}

/// The endpoints that are meant: those that were named, or those of all members.
pub(super) async fn chosen(all: bool, global: &Global) -> Result<Vec<String>, Failure> {
    if !all {
        return Ok(global.endpoints.clone());
    }
    let session = Session::open(global).await?;
    let request = MemberListRequest { linearizable: true };
    let answer = session.answer(session.client.cluster().member_list(request)).await;
    let list = answer.map_err(|failure| {
        failure.because("failed to fetch endpoints from etcd cluster member list")
    })?;
    let mut urls: Vec<String> =
        list.members.into_iter().flat_map(|member| member.client_ur_ls).collect();
    urls.sort();
    urls.dedup();
    Ok(urls)
}

/// `endpoint hashkv`.
pub async fn hashkv(
    hashkv: &Hashkv,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let (mut all, mut missing) = (Vec::new(), None);
    for endpoint in chosen(hashkv.cluster, global).await? {
        let asked = async {
            let session = Session::open_one(&endpoint, global).await?;
            let request = HashKvRequest { revision: hashkv.rev };
            session.answer(session.client.maintenance().hash_kv(request)).await
        };
        match asked.await {
            Ok(hash) => all.push((endpoint, hash)),
            Err(failure) => {
                let text = failure.text.as_deref().unwrap_or_default();
                eprintln!("Failed to get the hash of endpoint {endpoint} ({text})");
                missing = Some(failure);
            }
        }
    }
    say(&hashes(&all).print(style)?);
    missing.map_or(Ok(()), Err)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Hashed<'a> {
    endpoint: &'a str,
    #[serde(rename = "HashKV")]
    hash: HashBody,
}

#[derive(Serialize)]
struct HashBody {
    header: Option<Header>,
    hash: u32,
    compact_revision: i64,
    #[serde(skip_serializing_if = "is_zero")]
    hash_revision: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The answers to `endpoint hashkv`.
pub fn hashes(all: &[(String, HashKvResponse)]) -> Report {
    let cells = |(endpoint, answer): &(String, HashKvResponse)| {
        vec![endpoint.clone(), answer.hash.to_string(), answer.hash_revision.to_string()]
    };
    let rows: Vec<Vec<String>> = all.iter().map(cells).collect();
    let fields = all.iter().flat_map(|(endpoint, answer)| {
        let mut lines = header_fields(&answer.header);
        lines.extend([
            format!("\"Endpoint\" : \"{endpoint}\""),
            format!("\"Hash\" : {}", answer.hash),
            format!("\"HashRevision\" : {}", answer.hash_revision),
            String::new(),
        ]);
        lines
    });
    let json = all.iter().map(|(endpoint, answer)| Hashed {
        endpoint,
        hash: HashBody {
            header: header(&answer.header),
            hash: answer.hash,
            compact_revision: answer.compact_revision,
            hash_revision: answer.hash_revision,
        },
    });
    let json: Vec<_> = json.collect();
    Report::of_lines(rows.iter().map(|row| row.join(", ")))
        .fields(fields)
        .json(&json)
        .table(&["ENDPOINT", "HASH", "HASH REVISION"], &rows)
}
