//! What the tests share: entries, and a look at files as the format describes them.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::wal::{Entry, Error, Identity, Log, Options, Position, Recovered};

use crate::disk::TestDisk;

pub(crate) type TestLog = Log<TokioRuntime>;

pub(crate) const IDENTITY: Identity = Identity { cluster_id: 0xc1, member_id: 0x11 };

/// Small enough that every few entries begin a segment.
pub(crate) const OPTIONS: Options = Options {
    segment_bytes_max: 1024,
    cache_bytes_max: 300,
    batch_bytes_max: 400,
    queue_bytes_max: 1000,
};

pub(crate) async fn open(disk: &TestDisk) -> Result<(TestLog, Recovered), Error> {
    open_with(disk, OPTIONS).await
}

pub(crate) async fn open_with(
    disk: &TestDisk,
    options: Options,
) -> Result<(TestLog, Recovered), Error> {
    Log::open(Arc::new(disk.clone()), IDENTITY, options).await
}

pub(crate) fn at(term: u64, index: u64) -> Position {
    Position { term, node: 3, index }
}

pub(crate) fn entry(term: u64, index: u64, payload_bytes: usize) -> Entry {
    let mut payload = format!("{term}/{index}/").into_bytes();
    payload.resize(payload.len().max(payload_bytes), b'.');
    Entry { position: at(term, index), payload: payload.into() }
}

/// Answers of an append, as they come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Vec<Result<u64, String>>>>);

impl Answers {
    pub(crate) fn expect(&self, tag: u64) -> impl FnOnce(io::Result<()>) + Send + 'static {
        let answers = self.0.clone();
        move |outcome| {
            let answer = outcome.map(|()| tag).map_err(|error| error.to_string());
            answers.lock().unwrap().push(answer);
        }
    }

    pub(crate) fn so_far(&self) -> Vec<Result<u64, String>> {
        self.0.lock().unwrap().clone()
    }

    /// The highest tag that was answered well.
    pub(crate) fn last_ok(&self) -> Option<u64> {
        self.so_far().into_iter().filter_map(Result::ok).max()
    }
}

/// Appends, and waits until that is durable.
pub(crate) async fn append(log: &TestLog, entries: Vec<Entry>) -> io::Result<()> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    log.append(entries, |outcome| drop(sender.send(outcome)));
    receiver.await.unwrap()
}

/// Everything that is in the log, in two ways.
pub(crate) async fn read_all(log: &TestLog) -> Vec<Entry> {
    let first = log.purged().map_or(0, |purged| purged.index + 1);
    let all = log.read(first..u64::MAX, usize::MAX).await.unwrap();
    let mut pieces = Vec::new();
    while let Some(piece) = log.read(first + pieces.len() as u64..u64::MAX, 1).await.unwrap().pop()
    {
        pieces.push(piece);
    }
    assert_eq!(all, pieces, "reading at once and one by one differ");
    all
}

/// The log's own files.
pub(crate) fn segments(disk: &TestDisk) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.starts_with("wal-")).collect()
}

/// A frame as the format describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) offset: usize,
    pub(crate) end: usize,
    pub(crate) crc: u32,
    pub(crate) batch: usize,
}

pub(crate) const HEADER_BYTES: usize = 512;
pub(crate) const CHECKPOINT: u32 = 1;

fn number(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

/// The frames of a sound segment.
pub(crate) fn frames(segment: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut offset = HEADER_BYTES;
    while offset + 20 <= segment.len() && number(segment, offset + 16) != 0 {
        let end = offset + (20 + number(segment, offset + 8) as usize).next_multiple_of(8);
        let (crc, batch) = (number(segment, offset), number(segment, offset + 12) as usize);
        frames.push(Frame { offset, end, crc, batch });
        offset = end;
    }
    frames
}

/// Puts a frame behind the last one of a segment, as a batch of its own.
pub(crate) fn forge(segment: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let last = *frames(segment).last().expect("every segment has a checkpoint");
    forge_behind(segment, last.crc, kind, body);
}

/// The same, as if it were written behind a frame with this checksum.
pub(crate) fn forge_behind(segment: &mut Vec<u8>, previous: u32, kind: u32, body: &[u8]) {
    let end = frames(segment).last().expect("every segment has a checkpoint").end;
    segment.truncate(end);
    let offset = u32::try_from(end).unwrap();
    let mut frame = previous.to_le_bytes().to_vec();
    frame.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    frame.extend(offset.to_le_bytes());
    frame.extend(kind.to_le_bytes());
    frame.extend(body);
    frame.resize((4 + frame.len()).next_multiple_of(8) - 4, 0);
    let seed = crc32c::crc32c_append(number(segment, HEADER_BYTES - 4), &offset.to_le_bytes());
    segment.extend(crc32c::crc32c_append(seed, &frame).to_le_bytes());
    segment.extend(frame);
}

/// A disk with these files, all durable.
pub(crate) fn disk_of(files: &[(String, Vec<u8>)]) -> TestDisk {
    let disk = TestDisk::new();
    for (name, bytes) in files {
        disk.put(name, bytes);
    }
    disk
}

/// All files.
pub(crate) fn files(disk: &TestDisk) -> Vec<(String, Vec<u8>)> {
    disk.names().into_iter().map(|name| (name.clone(), disk.bytes(&name))).collect()
}

/// Syncs do not end before this is dropped, which happens even when the test fails.
pub(crate) struct HeldSyncs(TestDisk);

impl HeldSyncs {
    pub(crate) fn of(disk: &TestDisk) -> Self {
        disk.hold_syncs();
        Self(disk.clone())
    }
}

impl Drop for HeldSyncs {
    fn drop(&mut self) {
        self.0.release_syncs();
    }
}

pub(crate) fn text(bytes: &'static str) -> Bytes {
    Bytes::from_static(bytes.as_bytes())
}
