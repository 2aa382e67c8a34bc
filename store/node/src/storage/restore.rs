//! Reading the whole durable state back when a member starts.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{Machine, MetaKey, RestoreError, Restorer, Revision, Row, RowHeader};

use super::database::damaged;
use super::error::Error;
use super::handle::Storage;
use super::open::STATE_FILE;
use super::sum::Sum;
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
    /// The machine as of the durable state.
    pub async fn restore(&self) -> Result<Machine, Error> {
        let rebuilding = self.replay(Rebuilding::default()).await?;
        let shared = Arc::clone(&self.shared);
        R::blocking(move || {
            shared.guard(|| rebuilding.finish().map_err(|error| damaged(STATE_FILE, &error)))
        })
        .await
    }

    /// Reads the durable state into `target`, from one consistent view. What it refuses counts as damage.
    pub async fn replay<T: Replay>(&self, target: T) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let mut walk =
            R::blocking(move || shared.guard(|| Walk::begin(shared.view()?, target))).await?;
        while !walk.is_done {
            let shared = Arc::clone(&self.shared);
            walk = R::blocking(move || shared.guard(|| walk.advance())).await?;
        }
        Ok(walk.target)
    }
}

/// A walk through a whole state.
struct Walk<T> {
    view: View,
    target: T,
    next: Bound<Revision>,
    rows: u64,
    /// Of all that was read.
    sum: Sum,
    is_done: bool,
}

impl<T: Replay> Walk<T> {
    fn begin(view: View, mut target: T) -> Result<Self, Error> {
        let mut sum = Sum::default();
        for entry in view.meta()? {
            let (key, value) = entry?;
            sum.add(View::sum_of_meta(&key, &value));
            target.meta(key, value).map_err(|reason| view.damaged(&reason))?;
        }
        Ok(Self { view, target, next: Bound::Unbounded, rows: 0, sum, is_done: false })
    }

    /// Goes on by a chunk of rows.
    fn advance(mut self) -> Result<Self, Error> {
        let mut left = CHUNK_ROWS;
        for entry in self.view.rows_summed(self.next, Bound::Unbounded)?.take(CHUNK_ROWS) {
            let (revision, row, sum) = entry?;
            self.sum.add(sum);
            self.target.row(revision, row).map_err(|reason| self.view.damaged(&reason))?;
            self.next = Bound::Excluded(revision);
            self.rows += 1;
            left -= 1;
        }
        self.is_done = left > 0;
        if self.is_done {
            self.view.verify_count(self.rows)?;
            self.view.verify_sum(self.sum)?;
        }
        Ok(self)
    }
}

/// A machine on its way back.
#[derive(Default)]
struct Rebuilding {
    meta: Vec<(MetaKey, Bytes)>,
    /// There from the first row on.
    restorer: Option<Restorer>,
}

impl Rebuilding {
    fn finish(self) -> Result<Machine, String> {
        let restorer = self.restorer.map_or_else(|| Restorer::new(self.meta), Ok);
        restorer.and_then(Restorer::finish).map_err(text)
    }
}

impl Replay for Rebuilding {
    fn meta(&mut self, key: MetaKey, value: Bytes) -> Result<(), String> {
        self.meta.push((key, value));
        Ok(())
    }

    fn row(&mut self, revision: Revision, row: Row) -> Result<(), String> {
        let restorer = match &mut self.restorer {
            Some(restorer) => restorer,
            None => {
                let meta = std::mem::take(&mut self.meta);
                self.restorer.insert(Restorer::new(meta).map_err(text)?)
            }
        };
        let mut header = RowHeader::of(&row);
        // The index keeps the key for long; it must not keep the value beside it in memory.
        header.key = Bytes::copy_from_slice(&header.key);
        restorer.row(revision, &header).map_err(text)
    }
}

fn text(error: RestoreError) -> String {
    error.to_string()
}
