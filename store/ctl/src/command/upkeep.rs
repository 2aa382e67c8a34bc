//! `defrag` (C33) and `move-leader` (C34).

use std::time::Duration;

use detcd_api::etcdserverpb::{DefragmentRequest, MoveLeaderRequest, StatusRequest};
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::{AsyncRuntime, Instant};
use serde::Serialize;

use super::{endpoint, ids};
use crate::cli::{Defrag, Global, MoveLeader};
use crate::duration;
use crate::failure::Failure;
use crate::print::{Report, Style};
use crate::session::Session;

/// `defrag`: endpoint by endpoint, each as it ends.
pub async fn defrag(
    defrag: &Defrag,
    global: &Global,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let mut failed = false;
    for endpoint in endpoint::chosen(defrag.cluster, global).await? {
        let begin = <TokioRuntime as AsyncRuntime>::Instant::now();
        let done = async {
            let session = Session::open_one(&endpoint, global).await?;
            session.answer(session.client.maintenance().defragment(DefragmentRequest {})).await
        };
        let done = done.await;
        let took: Duration = <TokioRuntime as AsyncRuntime>::Instant::now() - begin;
        let took = duration::text(took);
        match done {
            Ok(_) => {
                let line = format!("Finished defragmenting etcd member[{endpoint}]. took {took}\n");
                say(line.as_bytes());
            }
            Err(failure) => {
                failed = true;
                let text = failure.text.unwrap_or_default();
                eprintln!("Failed to defragment etcd member[{endpoint}]. took {took}. ({text})");
            }
        }
    }
    // Everything was told above; only the exit code is left.
    if failed { Err(Failure { text: None, code: 1 }) } else { Ok(()) }
}

#[derive(Serialize)]
struct Empty {}

/// `move-leader`: the endpoint that leads is asked.
pub async fn move_leader(
    command: &MoveLeader,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let refusal = "move-leader command needs 1 argument";
    let target_id = ids::transferee(ids::one(&command.arguments, refusal)?)?;
    for endpoint in &global.endpoints {
        let session = Session::open_one(endpoint, global).await?;
        let maintenance = || session.client.maintenance();
        let status = session.answer(maintenance().status(StatusRequest {})).await?;
        let member = status.header.map_or(0, |header| header.member_id);
        if status.leader != member {
            continue;
        }
        session.answer(maintenance().move_leader(MoveLeaderRequest { target_id })).await?;
        let line = format!("Leadership transferred from {member:x} to {target_id:x}");
        let report = Report::of_lines([line]).fields([]).json(&Empty {});
        say(&report.print(style)?);
        return Ok(());
    }
    let endpoints = global.endpoints.join(" ");
    Err(Failure::arguments(format!("no leader endpoint given at [{endpoints}]")))
}
