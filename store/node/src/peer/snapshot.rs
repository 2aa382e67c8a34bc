//! Receiving a snapshot, chunk by chunk.

use detcd_api::peer;
use tonic::{Status, Streaming};

use super::service::PeerService;
use crate::raft::inbound::{self, missing};
use crate::runtime::Runtime;
use crate::storage;

impl<R: Runtime> PeerService<R> {
    /// Takes a snapshot whole, or nothing of it.
    pub(super) async fn receive_snapshot(
        &self,
        mut chunks: Streaming<peer::SnapshotChunk>,
    ) -> Result<peer::SnapshotReply, Status> {
        let mut chunk = chunks.message().await?.ok_or_else(|| missing("first chunk"))?;
        let header = chunk.header.take().ok_or_else(|| missing("header"))?;
        self.local_ids.check(header.cluster_id, header.recipient)?;
        let _one_at_a_time = self
            .receiving
            .try_acquire()
            .map_err(|_| Status::resource_exhausted("a snapshot is being received already"))?;
        let member = self.member()?;
        let mut writer =
            member.replica.state().storage().install().await.map_err(storage_failed)?;
        let mut offset = 0;
        loop {
            if chunk.offset != offset || crc32c::crc32c(&chunk.data) != chunk.crc {
                return Err(Status::data_loss("a snapshot chunk was damaged on the way"));
            }
            offset += chunk.data.len() as u64;
            member.replica.presence().heard();
            writer.write(chunk.data).await.map_err(storage_failed)?;
            if chunk.last {
                break;
            }
            let next = chunks.message().await?;
            chunk =
                next.ok_or_else(|| Status::aborted("the snapshot ended before its last chunk"))?;
        }
        inbound::install(&member.raft, header, writer).await
    }
}

fn storage_failed(error: storage::Error) -> Status {
    Status::internal(error.to_string())
}
