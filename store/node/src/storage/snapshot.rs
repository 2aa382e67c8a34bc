//! Reading the durable state out, to be sent to another member.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::Revision;

use super::error::Error;
use super::mark::Mark;
use super::shared::Shared;
use super::stream::{self, Encoder};
use super::sum::Sum;
use super::view::View;
use crate::runtime::Runtime;

/// One consistent reading of the durable state as a stream of chunks.
///
/// It needs memory for a chunk and a row, whatever the state's size, and sees no commit made after it was
/// opened. The pages it reads are not reused meanwhile, so the file grows if it is kept for long.
pub struct SnapshotReader<R: Runtime> {
    shared: Arc<Shared<R>>,
    mark: Mark,
    /// Away while a chunk is being made.
    source: Option<Source>,
}

struct Source {
    view: View,
    encoder: Encoder,
    /// Of all that was read.
    sum: Sum,
    /// Where the rows go on; `None` once the end frame is written.
    next: Option<Bound<Revision>>,
}

impl<R: Runtime> SnapshotReader<R> {
    pub(super) async fn open(shared: Arc<Shared<R>>) -> Result<Self, Error> {
        let inner = Arc::clone(&shared);
        let (mark, source) = R::blocking(move || inner.guard(|| Source::open(&inner))).await?;
        Ok(Self { shared, mark, source: Some(source) })
    }

    /// What the snapshot covers, read in the same transaction as everything else in it.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The next chunk, of at most `bytes_max` bytes; `None` after the last.
    pub async fn next_chunk(&mut self, bytes_max: usize) -> Result<Option<Bytes>, Error> {
        let mut source = self.source.take().ok_or(Error::Interrupted)?;
        let shared = Arc::clone(&self.shared);
        let source = R::blocking(move || {
            shared.guard(|| {
                source.fill(bytes_max.max(1))?;
                Ok(source)
            })
        })
        .await?;
        let source = self.source.insert(source);
        Ok(source.encoder.chunk(bytes_max.max(1)))
    }
}

impl Source {
    fn open<R: Runtime>(shared: &Shared<R>) -> Result<(Mark, Self), Error> {
        let view = shared.view()?;
        let mark = view.mark()?.ok_or(Error::Empty)?;
        let mut encoder = Encoder::new(shared.identity.cluster_id);
        encoder.put(stream::MARK, &[], &mark.encode());
        // Named values are few and small.
        let mut sum = Sum::default();
        for entry in view.meta()? {
            let (key, value) = entry?;
            sum.add(View::sum_of_meta(&key, &value));
            encoder.put(stream::META, &key.encode(), &value);
        }
        Ok((mark, Self { view, encoder, sum, next: Some(Bound::Unbounded) }))
    }

    /// Encodes rows until `bytes` wait to be cut off, or there are no more.
    fn fill(&mut self, bytes: usize) -> Result<(), Error> {
        let Some(next) = self.next else { return Ok(()) };
        if self.encoder.len() >= bytes {
            return Ok(());
        }
        for entry in self.view.rows_summed(next, Bound::Unbounded)? {
            let (revision, row, sum) = entry?;
            self.sum.add(sum);
            let key = revision.to_bytes();
            self.encoder.put(stream::ROW, &key, &row.encode());
            self.next = Some(Bound::Excluded(revision));
            if self.encoder.len() >= bytes {
                return Ok(());
            }
        }
        self.view.verify_count(self.encoder.rows())?;
        self.view.verify_sum(self.sum)?;
        self.encoder.end();
        self.next = None;
        Ok(())
    }
}
