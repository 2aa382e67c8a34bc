//! Waiting for keys to change, by watching them.

use bytes::Bytes;
use detcd_api::Error;
use detcd_api::etcdserverpb::range_request::{SortOrder, SortTarget};
use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{RangeRequest, WatchCreateRequest, WatchRequest, WatchResponse};
use detcd_api::mvccpb::event::EventType;
use futures_util::{StreamExt, stream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Client, prefix_end};
use crate::runtime::Runtime;

/// What a range of keys goes through.
pub(super) struct Changes {
    responses: ReceiverStream<Result<WatchResponse, Status>>,
}

impl Changes {
    /// The next response with events.
    pub(super) async fn next(&mut self) -> Result<WatchResponse, Status> {
        while let Some(response) = self.responses.next().await {
            let response = response?;
            if response.compact_revision != 0 {
                return Err(Error::Compacted.into());
            }
            if response.canceled {
                return Err(Status::unknown(response.cancel_reason));
            }
            if !response.events.is_empty() {
                return Ok(response);
            }
        }
        Err(Status::unknown("lost watcher waiting for delete"))
    }
}

impl<R: Runtime> Client<R> {
    /// Watches a key, or a range, from a revision on.
    pub(super) fn changes(
        &self,
        key: Bytes,
        range_end: Bytes,
        start_revision: i64,
    ) -> Result<Changes, Status> {
        let create = WatchCreateRequest { key, range_end, start_revision, ..Default::default() };
        let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        // The stream stays open for as long as somebody listens.
        let requests = stream::iter([Ok(request)]).chain(stream::pending());
        let responses = self.watch.open(self.caller.clone(), requests)?;
        Ok(Changes { responses })
    }

    /// Waits until no key below `prefix` is left that was created at `newest` or before. It watches one
    /// key at a time, the newest of them, so that whoever goes wakes only who comes next.
    pub(super) async fn wait_for_predecessors(
        &self,
        prefix: &Bytes,
        newest: i64,
    ) -> Result<(), Status> {
        loop {
            let found = self
                .range(RangeRequest {
                    key: prefix.clone(),
                    range_end: prefix_end(prefix),
                    limit: 1,
                    sort_order: SortOrder::Descend.into(),
                    sort_target: SortTarget::Create.into(),
                    max_create_revision: newest,
                    ..Default::default()
                })
                .await?;
            let Some(last) = found.kvs.into_iter().next() else { return Ok(()) };
            let revision = found.header.map_or(0, |header| header.revision);
            self.wait_for_deletion(last.key, revision).await?;
        }
    }

    async fn wait_for_deletion(&self, key: Bytes, revision: i64) -> Result<(), Status> {
        let mut changes = self.changes(key, Bytes::new(), revision)?;
        loop {
            let response = changes.next().await?;
            if response.events.iter().any(|event| event.r#type() == EventType::Delete) {
                return Ok(());
            }
        }
    }
}

/// The key below `prefix` that was created first.
pub(super) fn first_created(prefix: &Bytes) -> RangeRequest {
    RangeRequest {
        key: prefix.clone(),
        range_end: prefix_end(prefix),
        limit: 1,
        sort_order: SortOrder::Ascend.into(),
        sort_target: SortTarget::Create.into(),
        ..Default::default()
    }
}
