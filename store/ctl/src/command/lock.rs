//! `lock` (C38).

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use detcd_api::etcdserverpb::RangeRequest;
use detcd_api::v3lockpb::{LockRequest, LockResponse, UnlockRequest};
use detcd_node::runtime::Runtime as _;
use detcd_node::runtime::tokio::TokioRuntime;

use super::tenure::{Interrupts, Tenure};
use crate::cli::{Global, Lock};
use crate::failure::Failure;
use crate::print::{Answer, Style};
use crate::session::Session;

/// Holds a lock while a command runs, or until somebody asks this program to end.
pub async fn run(
    lock: &Lock,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let [name, command @ ..] = lock.arguments.as_slice() else {
        let refusal = "lock takes a lock name argument and an optional command to execute";
        return Err(Failure::arguments(refusal));
    };
    let mut interrupts = Interrupts::noticed()?;
    let session = Session::open(global).await?;
    let tenure = Tenure::begin(&session, lock.ttl).await?;
    let done = tokio::select! {
        biased;
        () = interrupts.next() => Err(Failure::error("context canceled")),
        () = tenure.expired() => Err(Failure::error("session expired")),
        held = acquire(&session, name, tenure.lease) => match held {
            Err(failure) => Err(failure),
            Ok(held) if command.is_empty() => {
                show(&session, &held, style, say).await?;
                keep(&session, held, &tenure, &mut interrupts).await
            }
            Ok(held) => {
                let ended = under(&held, command, &tenure).await;
                unlock(&session, held).await.and(ended)
            }
        }
    };
    tenure.end().await;
    done
}

/// Waits for the lock as long as it takes.
async fn acquire(session: &Session, name: &str, lease: i64) -> Result<LockResponse, Failure> {
    let request = LockRequest { name: name.to_owned().into(), lease };
    Ok(session.client.lock().lock(request).await?.into_inner())
}

async fn unlock(session: &Session, held: LockResponse) -> Result<(), Failure> {
    let request = UnlockRequest { key: held.key };
    session.answer(session.client.lock().unlock(request)).await.map(drop)
}

async fn show(
    session: &Session,
    held: &LockResponse,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let request = RangeRequest { key: held.key.clone(), ..RangeRequest::default() };
    let found = session.answer(session.client.kv().range(request)).await?;
    if found.kvs.is_empty() {
        return Err(Failure::error("lock lost on init"));
    }
    say(&style.print(&Answer::Range(found))?);
    Ok(())
}

async fn keep(
    session: &Session,
    held: LockResponse,
    tenure: &Tenure<'_>,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    tokio::select! {
        biased;
        () = interrupts.next() => unlock(session, held).await,
        () = tenure.expired() => Err(Failure::error("session expired")),
    }
}

/// Runs a command to its end, which tells how this ends.
async fn under(
    held: &LockResponse,
    command: &[String],
    tenure: &Tenure<'_>,
) -> Result<(), Failure> {
    let [program, arguments @ ..] = command else { return Ok(()) };
    let mut child = Command::new(program);
    let revision = held.header.as_ref().map_or(0, |header| header.revision);
    child.args(arguments).env("ETCD_LOCK_KEY", String::from_utf8_lossy(&held.key).as_ref());
    child.env("ETCD_LOCK_REV", revision.to_string());
    let running = TokioRuntime::blocking(move || child.status());
    let mut running = std::pin::pin!(running);
    let ended = tokio::select! {
        biased;
        ended = &mut running => ended,
        // What was begun is not cut off; it finds out by its key.
        () = tenure.expired() => running.await,
    };
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status)),
        Err(error) => Err(Failure::error(format!("exec: \"{program}\": {error}"))),
    }
}

/// The end of a command as this program's own.
fn failed(status: ExitStatus) -> Failure {
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    let text = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal: {}", signal.unwrap_or(0)),
    };
    Failure { text: Some(text), code }
}
