//! The handle to a log.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use openraft_rt::Watch;
use tokio::sync::{Mutex, oneshot};

use super::commit::{self, Shared};
use super::frame::{BODY_BYTES_MAX, entry_bytes};
use super::outline::Installed;
use super::queue::{Done, Op};
use super::reach::Reached;
use super::read::Plan;
use super::recover::{identify, recover};
use super::state::State;
use super::writer::{self, Setting, Writer, Written};
use super::{Entry, Error, Identity, Options, Position, Recovered, Refusal};
use crate::runtime::{Disk, Runtime};

/// A segment has 32-bit offsets, and one batch may come on top of its size.
const SEGMENT_BYTES_LIMIT: u64 = 1 << 30;
const PAYLOAD_BYTES_MAX: usize = BODY_BYTES_MAX - 64;

/// A log that is open. Clones share it; when the last is dropped the log stops.
pub struct Log<R: Runtime> {
    handle: Arc<Handle<R>>,
}

struct Handle<R: Runtime> {
    shared: Arc<Shared<R>>,
    options: Options,
    /// The writing task, until somebody has seen its end.
    task: Mutex<Option<R::JoinHandle<()>>>,
}

impl<R: Runtime> Drop for Handle<R> {
    fn drop(&mut self) {
        self.shared.begin_stop();
    }
}

impl<R: Runtime> Clone for Log<R> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<R: Runtime> fmt::Debug for Log<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("last", &self.last()).finish_non_exhaustive()
    }
}

impl<R: Runtime> Log<R> {
    /// Whose log is on `disk`; nothing where there is none.
    pub async fn identify(disk: Arc<dyn Disk>) -> Result<Option<Identity>, Error> {
        R::blocking(move || identify(&*disk)).await
    }

    /// Reads back the log of `identity` from `disk`, or begins it where there is none, and starts
    /// the task that writes. What is reported is durable.
    pub async fn open(
        disk: Arc<dyn Disk>,
        identity: Identity,
        mut options: Options,
    ) -> Result<(Self, Recovered), Error> {
        options.segment_bytes_max = options.segment_bytes_max.min(SEGMENT_BYTES_LIMIT);
        options.batch_bytes_max = options.batch_bytes_max.min(BODY_BYTES_MAX);
        let setting = Setting { disk, identity, options, random: R::random_u64 };
        let opening = setting.clone();
        let (state, recovered, writer) = R::blocking(move || open_blocking(&opening)).await?;
        let shared = Arc::new(Shared::new(state));
        let task = R::spawn(commit::run(shared.clone(), writer, setting));
        let handle = Handle { shared, options, task: Mutex::new(Some(task)) };
        Ok((Self { handle: Arc::new(handle) }, recovered))
    }

    /// Adds entries behind the last one. Readers see them when this returns; `done` is called, in
    /// order, when they are durable or never will be. Whoever appends without waiting for `done`
    /// waits for [`Log::room`] instead.
    pub fn append(&self, entries: Vec<Entry>, done: impl FnOnce(io::Result<()>) + Send + 'static) {
        let refused = {
            let mut state = self.handle.shared.state();
            match check_append(&state, &entries) {
                Ok(()) => {
                    state.append(&entries);
                    enqueue_parts(
                        &mut state,
                        entries,
                        self.handle.options.batch_bytes_max,
                        Box::new(done),
                    );
                    None
                }
                Err(error) => Some((error, done)),
            }
        };
        match refused {
            None => self.handle.shared.wake.notify_one(),
            Some((error, done)) => done(Err(io::Error::other(error))),
        }
    }

    /// Waits until less is queued than the options allow, or the log has ended.
    pub async fn room(&self) {
        let shared = &self.handle.shared;
        loop {
            let drained = shared.drained.notified();
            {
                let state = shared.state();
                let full = state.queue.bytes() >= self.handle.options.queue_bytes_max;
                if !full || state.ended.is_some() {
                    return;
                }
            }
            drained.await;
        }
    }

    /// Replaces the vote; it is durable when this returns.
    pub async fn save_vote(&self, vote: Bytes) -> Result<(), Error> {
        self.submit(|_| {
            let bytes = vote.len();
            if bytes > PAYLOAD_BYTES_MAX {
                return Err(Refusal::TooLarge { bytes, bytes_max: PAYLOAD_BYTES_MAX });
            }
            Ok(Op::Vote(vote))
        })
        .await
    }

    /// Moves the commit mark, which never goes back. It becomes durable with whatever is written
    /// next, or when the log is stopped.
    pub fn save_committed(&self, position: Option<Position>) {
        if let Some(position) = position {
            self.handle.shared.state().commit(position);
        }
    }

    /// Drops the entries behind `last`; that is durable when this returns, and before anything that
    /// is appended afterwards. A `last` beyond the end is no error.
    pub async fn truncate_after(&self, last: Option<Position>) -> Result<(), Error> {
        self.submit(|state| {
            Ok(match state.outline.truncate(last)? {
                Some(keep) => {
                    state.truncated(keep);
                    Op::Truncate(last)
                }
                None => Op::Append(Vec::new()),
            })
        })
        .await
    }

    /// Drops the entries up to and with `upto`; that is durable when this returns. The files go
    /// afterwards, one whole segment at a time.
    pub async fn purge(&self, upto: Position) -> Result<(), Error> {
        self.submit(|state| {
            Ok(if state.outline.purge(upto)? {
                state.purged();
                Op::Purge(upto)
            } else {
                Op::Append(Vec::new())
            })
        })
        .await
    }

    /// Makes the log go on behind a snapshot that is durable elsewhere. Entries behind `upto` stay
    /// if `upto` is in the log; otherwise all go, and the next entry follows `upto`, however far
    /// away that is. Durable when this returns.
    pub async fn install(&self, upto: Position) -> Result<(), Error> {
        self.submit(|state| {
            Ok(match state.outline.install(upto)? {
                Installed::Nothing => Op::Append(Vec::new()),
                Installed::Purged => {
                    state.purged();
                    Op::Purge(upto)
                }
                Installed::Reset => {
                    state.reset();
                    Op::Install(upto)
                }
            })
        })
        .await
    }

    /// The entries of `range`, in order, as many as fit into `bytes_max` of payload and one in any
    /// case; none behind the end. Purged entries are an error.
    pub async fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, Error> {
        let plan = {
            let state = self.handle.shared.state();
            state.check_open()?;
            Plan::new(&state, range, bytes_max)?
        };
        if plan.is_cached() { plan.fetch() } else { R::blocking(move || plan.fetch()).await }
    }

    /// The last entry, or the purged position where no entry follows it.
    pub fn last(&self) -> Option<Position> {
        self.handle.shared.state().outline.last()
    }

    /// The last position that is gone on purpose.
    pub fn purged(&self) -> Option<Position> {
        self.handle.shared.state().outline.purged()
    }

    /// The index up to which the entries that readers see are durable here; `None` before the first is.
    /// It goes back when entries are truncated.
    pub fn durable(&self) -> Option<u64> {
        self.handle.shared.state().durable()
    }

    /// Up to where in which file the log is durable. What lies behind that was never promised.
    pub fn reached(&self) -> Reached {
        self.handle.shared.state().reached.clone()
    }

    /// Follows [`Log::durable`].
    pub fn watch_durable(&self) -> <R::Watch as Watch>::Receiver<Option<u64>> {
        self.handle.shared.state().subscribe()
    }

    /// Writes what is queued, the commit mark too, and ends the writing task. Everything asked of
    /// the log afterwards fails.
    pub async fn stop(&self) {
        self.handle.shared.begin_stop();
        let mut task = self.handle.task.lock().await;
        if let Some(task) = task.take() {
            // The task ends by itself; if it panicked, that was reported where it happened.
            let _ended = task.await;
        }
    }

    /// Decides and queues in one step, and waits until the outcome is durable.
    async fn submit(
        &self,
        decide: impl FnOnce(&mut State<R>) -> Result<Op, Refusal>,
    ) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        let shared = &self.handle.shared;
        {
            let mut state = shared.state();
            state.check_open()?;
            let op = decide(&mut state)?;
            // Whoever does not wait any more need not be told.
            state.queue.push(op, Box::new(|outcome| drop(sender.send(outcome))));
        }
        shared.wake.notify_one();
        match receiver.await {
            Ok(Ok(())) => Ok(()),
            // Nobody is told of a failure before the log has ended by it.
            Ok(Err(_)) | Err(_) => shared.state().check_open().and(Err(Error::Stopped)),
        }
    }
}

fn check_append<R: Runtime>(state: &State<R>, entries: &[Entry]) -> Result<(), Error> {
    state.check_open()?;
    let largest = entries.iter().map(|entry| entry.payload.len()).max().unwrap_or(0);
    if largest > PAYLOAD_BYTES_MAX {
        let (bytes, bytes_max) = (largest, PAYLOAD_BYTES_MAX);
        return Err(Refusal::TooLarge { bytes, bytes_max }.into());
    }
    state.outline.check_append(entries.iter().map(|entry| entry.position))?;
    Ok(())
}

/// Queues entries in parts that fit into a batch; `done` belongs to the last.
fn enqueue_parts<R: Runtime>(
    state: &mut State<R>,
    entries: Vec<Entry>,
    bytes_max: usize,
    done: Done,
) {
    let mut part = Vec::new();
    let mut part_bytes = 0;
    for entry in entries {
        let bytes = entry_bytes(entry.payload.len());
        if !part.is_empty() && part_bytes + bytes > bytes_max {
            state.queue.push(Op::Append(std::mem::take(&mut part)), Box::new(drop));
            part_bytes = 0;
        }
        part_bytes += bytes;
        part.push(entry);
    }
    state.queue.push(Op::Append(part), done);
}

/// Everything about opening that touches the disk.
fn open_blocking<R: Runtime>(setting: &Setting) -> Result<(State<R>, Recovered, Writer), Error> {
    let recovery = recover(&setting.disk, setting.identity, &setting.options)?;
    let outline = &recovery.replay.outline;
    let recovered = Recovered {
        vote: recovery.replay.vote.clone(),
        committed: outline.reliable_committed(),
        purged: outline.purged(),
        last: outline.last(),
        torn_tail_bytes: recovery.torn_tail_bytes,
    };
    let written = Written {
        vote: recovered.vote.clone(),
        committed: outline.committed(),
        purged: outline.purged(),
        last: outline.last(),
    };
    let writer = match recovery.tail.clone() {
        Some((segment, tail)) => Writer::resume(setting.clone(), segment, tail, written),
        None => Writer::begin(setting.clone())?,
    };
    let mut state = State::new(recovery);
    state.reached.set(writer.reach());
    let segment = writer.segment().clone();
    state.segments.insert(segment.sequence, segment);
    // What a purge left behind when power was lost.
    let empty = state.take_empty_segments(writer.segment().sequence);
    writer::remove(setting.disk.as_ref(), &empty)?;
    Ok((state, recovered, writer))
}
