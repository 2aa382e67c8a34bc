#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the tool writes a file of the user's"
)]
//! `snapshot save` (C35).

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use detcd_api::etcdserverpb::SnapshotRequest;
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::AsyncRuntime;

use super::ids;
use crate::cli::{Global, Save};
use crate::failure::Failure;
use crate::session::Session;

/// Only the owner may read it: it holds everything, passwords' hashes included.
const MODE: u32 = 0o600;

/// Writes to a file beside the wanted one first, so that what has the name is whole.
pub async fn save(
    save: &Save,
    global: &Global,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let path = ids::one(&save.arguments, "snapshot save expects one argument <filename>")?;
    if global.endpoints.len() != 1 {
        let endpoints = global.endpoints.join(" ");
        return Err(Failure::interrupted(format!(
            "snapshot must be requested to one selected node, not multiple [{endpoints}]"
        )));
    }
    let part = format!("{path}.part");
    let version = match global.command_timeout {
        // A large one takes its time, unless somebody said how long it may.
        None => receive(&part, global).await?,
        Some(limit) => TokioRuntime::timeout(limit, receive(&part, global))
            .await
            .map_err(|_| Failure::interrupted("context deadline exceeded"))??,
    };
    std::fs::rename(&part, path).map_err(|error| told(&part, "rename", &error))?;
    say(format!("Snapshot saved at {path}\n").as_bytes());
    if !version.is_empty() {
        say(format!("Server version {version}\n").as_bytes());
    }
    Ok(())
}

async fn receive(part: &str, global: &Global) -> Result<String, Failure> {
    let session = Session::open(global).await?;
    let mut file = create(part).map_err(|error| told(part, "open", &error))?;
    let mut stream = session.client.maintenance().snapshot(SnapshotRequest {}).await?.into_inner();
    let (mut version, mut bytes, mut remaining) = (String::new(), 0, 0);
    while let Some(piece) = stream.message().await? {
        version = piece.version;
        bytes += piece.blob.len();
        remaining = piece.remaining_bytes;
        file.write_all(&piece.blob).map_err(|error| told(part, "write", &error))?;
    }
    // The database is a number of pages, and a hash follows it.
    if remaining != 0 || bytes % 512 != 32 {
        let text = format!("snapshot file is incomplete: {bytes} bytes, {remaining} more follow");
        return Err(Failure::interrupted(text));
    }
    file.sync_all().map_err(|error| told(part, "sync", &error))?;
    Ok(version)
}

fn create(part: &str) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(part)
}

fn told(path: &str, what: &str, error: &std::io::Error) -> Failure {
    Failure::interrupted(format!("could not {what} {path} ({error})"))
}
