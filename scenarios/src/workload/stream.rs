//! A range that is read as a stream, put together again.

use detcd_api::etcdserverpb::{RangeRequest, RangeResponse};
use jepsen_like::history::{self, SortOrder, SortTarget};
use tonic::Status;

use super::login::Caller;

/// Whether the members answer this range as a stream.
pub(super) fn can_be(range: &history::RangeRequest) -> bool {
    let in_key_order = range.sort_order == SortOrder::None && range.sort_target == SortTarget::Key;
    let filters = [
        range.min_mod_revision,
        range.max_mod_revision,
        range.min_create_revision,
        range.max_create_revision,
    ];
    in_key_order && filters.iter().all(|filter| *filter == 0)
}

/// All chunks as one answer.
pub(super) async fn range(client: &Caller, request: RangeRequest) -> Result<RangeResponse, Status> {
    let mut chunks = client.kv().range_stream(request).await?.into_inner();
    let mut kvs = Vec::new();
    loop {
        let chunk = chunks.message().await.map_err(|status| cut(status, kvs.is_empty()))?;
        let chunk = chunk.and_then(|chunk| chunk.range_response);
        let Some(chunk) = chunk else { return Err(Status::unavailable("no last chunk came")) };
        kvs.extend(chunk.kvs);
        if chunk.header.is_some() {
            return Ok(RangeResponse { kvs, ..chunk });
        }
    }
}

/// A compaction may end a stream: that says nothing of the revision at which it began.
fn cut(status: Status, is_first: bool) -> Status {
    if is_first { status } else { Status::unavailable(format!("cut: {}", status.message())) }
}
