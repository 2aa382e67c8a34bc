//! `endpoint health` (C29) and `endpoint status` (C30): every endpoint is asked for itself.

use std::time::Duration;

use detcd_api::etcdserverpb::{AlarmRequest, AlarmType, RangeRequest, StatusRequest};
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::{AsyncRuntime, Instant};
use tonic::Code;

use crate::cli::Global;
use crate::failure::Failure;
use crate::print::{Answer, Health, Style};
use crate::session::Session;

/// The key that is read to see whether the cluster can agree on anything.
const HEALTH_KEY: &[u8] = b"health";

/// `endpoint health`.
pub async fn health(
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let mut all = Vec::new();
    for endpoint in &global.endpoints {
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
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let (mut all, mut missing) = (Vec::new(), false);
    for endpoint in &global.endpoints {
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
