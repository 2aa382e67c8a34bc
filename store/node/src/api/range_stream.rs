//! A range as a stream of chunks (G19): what a range would answer, cut so that no message is much larger
//! than a request may be, whatever the whole comes to.
//!
//! All chunks are of one revision. Nothing is read before the client has taken what came before it, so
//! a stream costs the member one chunk. A compaction past its revision ends it: a client that is that
//! slow has to begin anew.

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::range_request::{SortOrder, SortTarget};
use detcd_api::etcdserverpb::{RangeRequest, RangeResponse, RangeStreamResponse, ResponseHeader};
use detcd_machine::{Range, Requester};
use futures_util::{Stream, stream};
use prost::Message;
use tonic::Status;

use super::{Limits, convert, header, status, validate};
use crate::replica::Replica;
use crate::runtime::Runtime;

/// Keys in the first chunk, as in etcd; the next ones grow or shrink towards the largest request.
const FIRST_CHUNK_KEYS: i64 = 10;

/// What can be said without looking at the state. Only key order can be streamed; naming no order means
/// that one, whatever the target is (E76, E77).
pub(super) fn check(request: &RangeRequest) -> Result<(), Error> {
    validate::range(request)?;
    let in_key_order = match request.sort_order() {
        SortOrder::None => true,
        SortOrder::Ascend => request.sort_target() == SortTarget::Key,
        SortOrder::Descend => false,
    };
    if !in_key_order {
        return Err(Error::RangeStreamSortOrder);
    }
    let filters = [
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ];
    if filters.iter().any(|filter| *filter != 0) {
        return Err(Error::RangeStreamRevisionFilter);
    }
    Ok(())
}

/// The chunks of a request that was checked.
pub(super) fn chunks<R: Runtime>(
    replica: Replica<R>,
    by: Requester,
    request: RangeRequest,
    limits: Limits,
) -> impl Stream<Item = Result<RangeStreamResponse, Status>> {
    let reading = Reading::new(replica, by, request, limits.max_request_bytes);
    stream::try_unfold(Some(reading), async |reading| match reading {
        Some(reading) => reading.next().await.map(Some),
        None => Ok(None),
    })
}

/// A stream between two chunks.
struct Reading<R: Runtime> {
    replica: Replica<R>,
    /// Must be permitted to read what is left, as it was to read the whole.
    by: Requester,
    /// What is left to be read; its limit is that of the whole.
    range: Range,
    chunk_keys: i64,
    chunk_bytes: usize,
    /// What the first chunk has found of the whole.
    whole: Option<Whole>,
}

#[derive(Clone, Copy)]
struct Whole {
    header: ResponseHeader,
    count: i64,
}

impl<R: Runtime> Reading<R> {
    fn new(replica: Replica<R>, by: Requester, request: RangeRequest, chunk_bytes: usize) -> Self {
        let mut range = convert::range(request);
        range.sort_order = detcd_machine::SortOrder::None;
        range.sort_target = detcd_machine::SortTarget::Key;
        Self { replica, by, range, chunk_keys: FIRST_CHUNK_KEYS, chunk_bytes, whole: None }
    }

    async fn next(mut self) -> Result<(RangeStreamResponse, Option<Self>), Status> {
        let limited = self.range.limit > 0;
        let limit = if limited { self.chunk_keys.min(self.range.limit) } else { self.chunk_keys };
        let chunk = Range { limit, ..self.range.clone() };
        let answer = self.replica.range(&self.by, chunk).await.map_err(status::range)?;
        let whole = *self.whole.get_or_insert_with(|| Whole {
            header: header::at(&self.replica, answer.revision).unwrap_or_default(),
            count: answer.outcome.count,
        });
        if self.range.revision <= 0 {
            self.range.revision = answer.revision;
        }
        let mut response = convert::range_response(&answer.outcome, None);
        let sent = i64::try_from(response.kvs.len()).unwrap_or(i64::MAX);
        let is_full = limited && sent >= self.range.limit;
        match response.kvs.last() {
            Some(last) if response.more && !is_full => self.range.key = behind(&last.key),
            _ => {
                response.header = Some(whole.header);
                response.count = whole.count;
                return Ok((wrap(response), None));
            }
        }
        self.range.limit -= if limited { sent } else { 0 };
        self.adapt(response.encoded_len());
        (response.count, response.more) = (0, false);
        Ok((wrap(response), Some(self)))
    }

    /// Brings the next chunk nearer to the wanted size.
    fn adapt(&mut self, bytes: usize) {
        if bytes < self.chunk_bytes / 2 {
            self.chunk_keys = self.chunk_keys.saturating_mul(2);
        } else if bytes > self.chunk_bytes.saturating_mul(2) {
            self.chunk_keys = (self.chunk_keys / 2).max(1);
        }
    }
}

/// The first key after `key`.
fn behind(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

fn wrap(response: RangeResponse) -> RangeStreamResponse {
    RangeStreamResponse { range_response: Some(response) }
}
