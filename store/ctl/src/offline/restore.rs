//! `snapshot restore` (C52).

use std::path::Path;
use std::sync::Arc;

use detcd_machine::Import;
use detcd_node::config::{Config, InitialCluster};
use detcd_node::etcd_format::SnapshotContent;
use detcd_node::restore;
use detcd_node::runtime::tokio::{DirectoryDisk, TokioRuntime};

use super::cli::Restore;
use super::file::{SnapshotPath, damaged};
use crate::failure::Failure;

/// The log is part of the directory here, so that there is one place for it.
const MEMBER: &str = "member";

/// Everything is verified before anything is written.
pub(super) async fn restore(flags: &Restore) -> Result<(), Failure> {
    let path = super::one(&flags.arguments, "snapshot restore requires exactly one argument")?;
    if flags.mark_compacted != (flags.bump_revision > 0) {
        return Err(Failure::error("--mark-compacted required if --revision-bump > 0"));
    }
    let cluster = cluster(flags)?;
    let data_dir = match flags.data_dir.as_str() {
        "" => format!("{}.etcd", flags.name),
        data_dir => data_dir.to_owned(),
    };
    check_target(flags, &data_dir)?;
    let file = SnapshotPath::open(path)?;
    if !flags.skip_hash_check {
        file.check_hash()?;
    }
    let content = SnapshotContent::open(&file).map_err(damaged)?;
    let mut state = content.state().map_err(damaged)?;
    bump(&mut state, flags)?;
    content.machine(state.clone()).map_err(damaged)?;

    let disk = DirectoryDisk::open(&Path::new(&data_dir).join(MEMBER))
        .map_err(|error| Failure::error(format!("cannot make {data_dir}: {error}")))?;
    let restored = restore::restore::<TokioRuntime>(Arc::new(disk), &cluster, &content, state);
    restored.await.map_err(|error| Failure::error(error.to_string()))?;
    eprintln!("restored snapshot\t{{\"path\": {path:?}, \"data-dir\": {data_dir:?}}}");
    Ok(())
}

fn cluster(flags: &Restore) -> Result<InitialCluster, Failure> {
    let config = Config {
        name: flags.name.clone(),
        initial_cluster: flags.initial_cluster.clone(),
        initial_cluster_token: flags.initial_cluster_token.clone(),
        initial_advertise_peer_urls: flags.initial_advertise_peer_urls.clone(),
        ..Config::default()
    };
    config.cluster().map_err(Failure::error)
}

fn check_target(flags: &Restore, data_dir: &str) -> Result<(), Failure> {
    let is_free = match std::fs::read_dir(data_dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        let text = format!("data-dir {data_dir:?} not empty or could not be read");
        return Err(Failure::error(text));
    }
    let wal_dir = Path::new(&flags.wal_dir);
    if !flags.wal_dir.is_empty() && !wal_dir.starts_with(data_dir) {
        return Err(Failure::error("--wal-dir: the log of detcd lies in the data directory"));
    }
    Ok(())
}

/// Leaves revisions out, and gives up what was before.
fn bump(state: &mut Import, flags: &Restore) -> Result<(), Failure> {
    if flags.bump_revision == 0 {
        return Ok(());
    }
    let bumped = i64::try_from(flags.bump_revision)
        .ok()
        .and_then(|bump| state.revision.checked_add(bump))
        .filter(|revision| *revision < i64::MAX / 2)
        .ok_or(Failure::error("--bump-revision is too large"))?;
    state.revision = bumped;
    state.compacted = Some(bumped);
    Ok(())
}
