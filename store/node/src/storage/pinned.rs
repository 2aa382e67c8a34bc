//! One consistent reading of the durable state, as often as it takes.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};

use super::error::Error;
use super::mark::Mark;
use super::shared::Shared;
use super::sum::Sum;
use super::view::View;
use crate::runtime::Runtime;

/// See the module. Commits go on meanwhile, in other pages: the file grows if it is kept for long.
pub struct Pinned<R: Runtime> {
    shared: Arc<Shared<R>>,
    mark: Mark,
    meta: Vec<(MetaKey, Bytes)>,
    /// Away while it is read from.
    view: Option<View>,
    passed: Passed,
}

/// What a pass over all rows has come to so far.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    rows: u64,
    sum: Sum,
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
        Ok(Self { shared, mark, meta, view: Some(view), passed: Passed::default() })
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
    ///
    /// Whoever asks from the beginning, and each time behind the last, has an error at the end if what was read is not
    /// what was written last.
    pub async fn rows(
        &mut self,
        after: Option<Revision>,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Revision, Row)>, Error> {
        let view = self.view.take().ok_or(Error::Interrupted)?;
        let shared = Arc::clone(&self.shared);
        let mut passed = if after.is_none() { self.begin() } else { self.passed };
        let (view, rows, passed) = R::blocking(move || {
            shared.guard(|| {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                let mut rows = Vec::new();
                let mut bytes = 0;
                for entry in view.rows_summed(from, Bound::Unbounded)?.take(rows_max) {
                    let (revision, row, sum) = entry?;
                    passed.rows += 1;
                    passed.sum.add(sum);
                    bytes += super::cache::row_size(&row);
                    rows.push((revision, row));
                    if bytes >= bytes_max {
                        break;
                    }
                }
                if rows.is_empty() {
                    view.verify_count(passed.rows)?;
                    view.verify_sum(passed.sum)?;
                }
                Ok((view, rows, passed))
            })
        })
        .await?;
        self.view = Some(view);
        self.passed = passed;
        Ok(rows)
    }

    fn begin(&self) -> Passed {
        let mut passed = Passed::default();
        self.meta.iter().for_each(|(key, value)| passed.sum.add(View::sum_of_meta(key, value)));
        passed
    }
}
