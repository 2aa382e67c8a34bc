//! Opening the state when a member starts.

use std::sync::Arc;

use super::about::About;
use super::database::{Database, Size, io_error};
use super::error::Error;
use super::mark::{Identity, Mark};
use crate::runtime::Disk;

/// The file that holds the state.
pub(super) const STATE_FILE: &str = "state.redb";

/// How the names of states in the making begin.
const NEW_PREFIX: &str = "state.redb.new-";

/// What was found when the storage was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// What the durable state covers; `None` when nothing was ever applied.
    pub mark: Option<Mark>,
    /// The last index of the snapshot that the state was received as, if it was. Only a state that covers
    /// exactly this may be ahead of the log: power was lost before the log began anew behind it.
    pub received: Option<u64>,
    /// Whether there was no state and an empty one was made. A member whose log says that it has lived
    /// before has then lost its state.
    pub created: bool,
    /// States in the making that a crash had left behind, and that were removed.
    pub removed: Vec<String>,
}

/// An opened state.
pub(super) struct Opened {
    pub(super) database: Arc<Database>,
    pub(super) size: Size,
    pub(super) recovered: Recovered,
}

/// The name of the `n`th state in the making.
pub(super) fn new_name(n: u64) -> String {
    format!("{NEW_PREFIX}{n}")
}

/// Opens the state of `identity`, or makes an empty one. Blocks.
pub(super) fn open(disk: &dyn Disk, identity: Identity, cache: usize) -> Result<Opened, Error> {
    let removed = remove_unfinished(disk, |_| false)?;
    let created = !list(disk)?.iter().any(|name| name == STATE_FILE);
    if created {
        create(disk, identity, cache)?;
    }
    let (database, size, mark) = open_existing(disk, identity, cache)?;
    let received = About::open(&database, &database.begin_read()?)?.received()?;
    Ok(Opened { database, size, recovered: Recovered { mark, received, created, removed } })
}

/// Removes states in the making, except those in use. Returns their names.
pub(super) fn remove_unfinished(
    disk: &dyn Disk,
    is_in_use: impl Fn(&str) -> bool,
) -> Result<Vec<String>, Error> {
    let mut removed = list(disk)?;
    removed.retain(|name| is_new_name(name) && !is_in_use(name));
    for name in &removed {
        disk.remove(name).map_err(io_error(name, "remove the unfinished file"))?;
    }
    if !removed.is_empty() {
        disk.sync_dir().map_err(io_error(STATE_FILE, "sync the directory"))?;
    }
    Ok(removed)
}

fn list(disk: &dyn Disk) -> Result<Vec<String>, Error> {
    disk.list().map_err(io_error(STATE_FILE, "list the directory"))
}

/// Opens `state.redb` and refuses it unless it is ours.
pub(super) fn open_existing(
    disk: &dyn Disk,
    identity: Identity,
    cache: usize,
) -> Result<(Arc<Database>, Size, Option<Mark>), Error> {
    let database = Arc::new(Database::open(disk, STATE_FILE, cache)?);
    // Before the other tables: those of a newer format may differ.
    About::open(&database, &database.begin_read()?)?.verify(identity)?;
    let view = database.view()?;
    let mark = view.mark()?;
    let size = Size { total: database.len()?, stored: view.stored()? };
    drop(view);
    Ok((database, size, mark))
}

/// Puts a finished and closed state into the place of `state.redb`.
pub(super) fn publish(disk: &dyn Disk, name: &str) -> Result<(), Error> {
    disk.rename(name, STATE_FILE).map_err(io_error(name, "rename the file"))?;
    disk.sync_dir().map_err(io_error(STATE_FILE, "sync the directory"))
}

/// Makes an empty state under another name first: a crash must not leave half a database behind under
/// the name that is trusted.
fn create(disk: &dyn Disk, identity: Identity, cache: usize) -> Result<(), Error> {
    let name = new_name(0);
    let database = Database::create(disk, &name, cache)?;
    database.initialize(identity)?;
    database.sync()?;
    database.close()?;
    publish(disk, &name)
}

fn is_new_name(name: &str) -> bool {
    name.strip_prefix(NEW_PREFIX)
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}
