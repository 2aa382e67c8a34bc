//! What waits to be written, in order.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;

use super::frame::{ALIGN, HEAD_BYTES, entry_bytes};
use super::{Entry, Position};

/// Told once, when an operation is durable or never will be.
pub(super) type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// What is to be written. Decided already: nothing here can be refused any more.
#[derive(Debug)]
pub(super) enum Op {
    /// Entries that follow the last one; none at all, to be told when what is before is durable.
    Append(Vec<Entry>),
    Vote(Bytes),
    Truncate(Option<Position>),
    Purge(Position),
    Install(Position),
    /// A commit mark: it waits for something else to be written with.
    Commit(Position),
}

pub(super) struct Queued {
    pub op: Op,
    pub done: Done,
    bytes: usize,
}

/// What goes to disk with one sync.
pub(super) struct Batch {
    pub ops: Vec<Queued>,
    /// How long it will be, at most.
    pub bytes: usize,
}

/// Operations between the callers and the writing task.
#[derive(Default)]
pub(super) struct Queue {
    ops: VecDeque<Queued>,
    /// Bytes queued or being written.
    bytes: usize,
    /// Operations that drop entries, queued or being written.
    drops: usize,
}

impl Op {
    /// How many bytes it takes in the file, at most.
    fn bytes(&self) -> usize {
        match self {
            Self::Append(entries) => {
                entries.iter().map(|entry| entry_bytes(entry.payload.len())).sum()
            }
            Self::Vote(vote) => (HEAD_BYTES + vote.len()).next_multiple_of(ALIGN),
            Self::Truncate(_) | Self::Purge(_) | Self::Install(_) | Self::Commit(_) => {
                entry_bytes(0)
            }
        }
    }

    /// Whether entries go by it.
    pub(super) fn drops(&self) -> bool {
        matches!(self, Self::Truncate(_) | Self::Purge(_) | Self::Install(_))
    }
}

impl Queue {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether anything that drops entries is not durable yet.
    pub(super) fn has_drops(&self) -> bool {
        self.drops > 0
    }

    pub(super) fn push(&mut self, op: Op, done: Done) {
        let bytes = op.bytes();
        self.bytes += bytes;
        self.drops += usize::from(op.drops());
        self.ops.push_back(Queued { op, done, bytes });
    }

    /// Queues a commit mark; only the newest of several in a row is written.
    pub(super) fn push_commit(&mut self, position: Position) {
        match self.ops.back_mut() {
            Some(Queued { op: Op::Commit(mark), .. }) => *mark = position,
            _ => self.push(Op::Commit(position), Box::new(drop)),
        }
    }

    /// Whether there is more than a commit mark, which has time.
    pub(super) fn is_urgent(&self) -> bool {
        self.ops.iter().any(|queued| !matches!(queued.op, Op::Commit(_)))
    }

    /// What fits into a batch, and one operation in any case.
    pub(super) fn take(&mut self, bytes_max: usize) -> Option<Batch> {
        let mut batch = Batch { ops: Vec::new(), bytes: 0 };
        while let Some(next) = self.ops.front() {
            if !batch.ops.is_empty() && batch.bytes + next.bytes > bytes_max {
                break;
            }
            batch.bytes += next.bytes;
            batch.ops.extend(self.ops.pop_front());
        }
        (!batch.ops.is_empty()).then_some(batch)
    }

    /// Takes note that an operation which was taken is durable.
    pub(super) fn written(&mut self, queued: &Queued) {
        self.bytes -= queued.bytes;
        self.drops -= usize::from(queued.op.drops());
    }

    /// Gives up: hands out what waits.
    pub(super) fn give_up(&mut self) -> VecDeque<Queued> {
        std::mem::take(self).ops
    }
}
