//! One consistent reading of the durable state, as often as it takes.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};

use super::error::Error;
use super::mark::Mark;
use super::shared::Shared;
use super::view::View;
use crate::runtime::Runtime;

/// See the module. Commits go on meanwhile, in other pages: the file grows if it is kept for long.
pub struct Pinned<R: Runtime> {
    shared: Arc<Shared<R>>,
    mark: Mark,
    meta: Vec<(MetaKey, Bytes)>,
    /// Away while it is read from.
    view: Option<View>,
}

impl<R: Runtime> Pinned<R> {
    pub(super) async fn open(shared: Arc<Shared<R>>) -> Result<Self, Error> {
        let inner = Arc::clone(&shared);
        let (mark, meta, view) = R::blocking(move || {
            inner.guard(|| {
                let view = inner.view()?;
                let mark = view.mark()?.ok_or(Error::Empty)?;
                let meta = view.meta()?.collect::<Result<_, _>>()?;
                Ok((mark, meta, view))
            })
        })
        .await?;
        Ok(Self { shared, mark, meta, view: Some(view) })
    }

    /// What the state covers.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The named values.
    pub fn meta(&self) -> &[(MetaKey, Bytes)] {
        &self.meta
    }

    /// The next rows behind `after`, at most `rows_max`, and no more once they have `bytes_max` bytes;
    /// empty at the end.
    pub async fn rows(
        &mut self,
        after: Option<Revision>,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Revision, Row)>, Error> {
        let view = self.view.take().ok_or(Error::Interrupted)?;
        let shared = Arc::clone(&self.shared);
        let (view, rows) = R::blocking(move || {
            shared.guard(|| {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                let mut rows = Vec::new();
                let mut bytes = 0;
                for entry in view.rows(from, Bound::Unbounded)?.take(rows_max) {
                    let entry = entry?;
                    bytes += super::cache::row_size(&entry.1);
                    rows.push(entry);
                    if bytes >= bytes_max {
                        break;
                    }
                }
                Ok((view, rows))
            })
        })
        .await?;
        self.view = Some(view);
        Ok(rows)
    }
}
