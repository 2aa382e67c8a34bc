//! Reading the whole durable state back when a member starts.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};

use super::error::Error;
use super::handle::Storage;
use super::view::View;
use crate::runtime::Runtime;

/// Rows read in one go, so that no blocking call lasts long.
const CHUNK_ROWS: usize = 10_000;

/// Something that a state is read into.
pub trait Replay: Send + 'static {
    /// Takes a named value; all of them come before the first row.
    fn meta(&mut self, key: MetaKey, value: Bytes) -> Result<(), String>;
    /// Takes the next row in order of revision.
    fn row(&mut self, revision: Revision, row: Row) -> Result<(), String>;
}

impl<R: Runtime> Storage<R> {
    /// Reads the durable state into `target`, from one consistent view. What it refuses counts as damage.
    pub async fn replay<T: Replay>(&self, target: T) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let (mut view, mut target) =
            R::blocking(move || shared.guard(|| begin(shared.view()?, target))).await?;
        let mut next = Bound::Unbounded;
        loop {
            let shared = Arc::clone(&self.shared);
            let chunk = R::blocking(move || shared.guard(|| advance(view, target, next))).await?;
            (view, target) = (chunk.0, chunk.1);
            match chunk.2 {
                Some(last) => next = Bound::Excluded(last),
                None => return Ok(target),
            }
        }
    }
}

fn begin<T: Replay>(view: View, mut target: T) -> Result<(View, T), Error> {
    for entry in view.meta()? {
        let (key, value) = entry?;
        target.meta(key, value).map_err(|reason| view.damaged(&reason))?;
    }
    Ok((view, target))
}

/// Reads on after `next`; the last revision read, unless there are no more.
fn advance<T: Replay>(
    view: View,
    mut target: T,
    next: Bound<Revision>,
) -> Result<(View, T, Option<Revision>), Error> {
    let mut last = None;
    for (count, entry) in view.rows(next, Bound::Unbounded)?.enumerate() {
        let (revision, row) = entry?;
        target.row(revision, row).map_err(|reason| view.damaged(&reason))?;
        if count + 1 == CHUNK_ROWS {
            last = Some(revision);
            break;
        }
    }
    Ok((view, target, last))
}
