//! A snapshot on its way to another member, chunk by chunk.

use bytes::Bytes;
use detcd_api::peer;
use futures_util::Stream;
use futures_util::stream::unfold;

use crate::runtime::Runtime;
use crate::storage::SnapshotReader;

/// Bytes of a snapshot in one message.
const SNAPSHOT_CHUNK_BYTES_MAX: usize = 256 << 10;

/// The messages of a snapshot: a header with the first, an offset and a checksum with each.
pub(super) fn snapshot_chunks<R: Runtime>(
    header: peer::SnapshotHeader,
    reader: SnapshotReader<R>,
) -> impl Stream<Item = peer::SnapshotChunk> + Send + 'static {
    struct Sending<R: Runtime> {
        header: Option<peer::SnapshotHeader>,
        reader: SnapshotReader<R>,
        offset: u64,
        ended: bool,
    }
    let sending = Sending { header: Some(header), reader, offset: 0, ended: false };
    unfold(sending, |mut sending| async move {
        if sending.ended {
            return None;
        }
        let data = match sending.reader.next_chunk(SNAPSHOT_CHUNK_BYTES_MAX).await {
            Ok(data) => data,
            Err(error) => {
                // Without its last chunk the receiver drops what it has.
                tracing::warn!(%error, "reading a snapshot failed");
                return None;
            }
        };
        sending.ended = data.is_none();
        let data: Bytes = data.unwrap_or_default();
        let chunk = peer::SnapshotChunk {
            header: sending.header.take(),
            offset: sending.offset,
            crc: crc32c::crc32c(&data),
            last: sending.ended,
            data,
        };
        sending.offset += chunk.data.len() as u64;
        Some((chunk, sending))
    })
}
