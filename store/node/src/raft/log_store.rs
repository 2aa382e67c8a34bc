//! openraft's log storage over the write-ahead log.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex};

use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::vote::leader_id_std::{CommittedLeaderId, LeaderId};
use openraft::{EntryPayload, OptionalSend, RaftLogReader};
use prost::Message;
use tokio::sync::oneshot;

use super::in_force::InForce;
use super::{Entry, LogId, MemberNode, Membership, RaftVote, StoredMembership, TypeConfig, codec};
use crate::observer::{Observation, Observer, Vote};
use crate::runtime::Runtime;
use crate::wal;

/// The id that no member has.
const NOBODY: u64 = 0;
/// Entries kept decoded for the applier and the replication streams, which follow the log's end.
const RECENT_ENTRIES_MAX: usize = 4096;
/// Bytes of commands in them.
const RECENT_BYTES_MAX: usize = 16 << 20;
/// Payload bytes returned at once to a replication stream.
const READ_BYTES_MAX: usize = 1 << 20;

/// The log of a member. Clones share it.
#[derive(Clone)]
pub struct LogStore<R: Runtime> {
    log: wal::Log<R>,
    observer: Arc<dyn Observer>,
    shared: Arc<Mutex<Shared<R>>>,
}

struct Shared<R: Runtime> {
    vote: Option<RaftVote>,
    committed: Option<LogId>,
    /// The newest entries, contiguous, ending at the log's end.
    recent: VecDeque<Entry<R>>,
    recent_bytes: usize,
    in_force: InForce,
}

fn fatal(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

impl<R: Runtime> LogStore<R> {
    /// Takes over a log and what its recovery found.
    pub fn new(
        log: wal::Log<R>,
        recovered: &wal::Recovered,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, codec::DecodeError> {
        let vote = match &recovered.vote {
            Some(bytes) => {
                Some(codec::vote_from_peer(detcd_api::peer::Vote::decode(bytes.clone())?))
            }
            None => None,
        };
        let committed = recovered.committed.map(codec::log_id);
        let shared = Shared {
            vote,
            committed,
            recent: VecDeque::new(),
            recent_bytes: 0,
            in_force: InForce::default(),
        };
        Ok(Self { log, observer, shared: Arc::new(Mutex::new(shared)) })
    }

    fn shared(&self) -> std::sync::MutexGuard<'_, Shared<R>> {
        self.shared.lock().expect("no panic happens while the lock is held")
    }

    /// The vote that recovery found, for whoever observes.
    pub fn found_vote(&self) -> Option<Vote> {
        let vote = codec::vote_to_peer(&self.shared().vote?);
        Some(Vote { term: vote.term, candidate: vote.node_id, committed: vote.committed })
    }

    /// Takes the memberships with which the member starts: the last that is committed, and that in force.
    pub fn begin_with(&self, committed: StoredMembership, in_force: StoredMembership) {
        let observation = self.shared().in_force.begin(committed, in_force);
        self.observer.observe(observation);
    }

    /// Takes the membership that a snapshot brought.
    pub fn installed(&self, membership: StoredMembership) {
        let observation = self.shared().in_force.install(membership);
        self.observer.observe(observation);
    }

    /// Begins the log of a founder that comes when others have reached a term: with the entry that all founders
    /// begin with, and with its vote of that term given to nobody, because it may have given it before it lost
    /// its disk. To be called before Raft takes the log over.
    pub async fn begin_late(
        &mut self,
        founders: BTreeMap<u64, MemberNode>,
        reached: u64,
    ) -> io::Result<()> {
        let voters = vec![founders.keys().copied().collect()];
        let membership = Membership::new(voters, founders).map_err(fatal)?;
        let log_id = LogId { leader_id: CommittedLeaderId::new(0), index: 0 };
        let entry = Entry::<R>::new(log_id, EntryPayload::Membership(membership));
        // The vote first: who has the entry and not the vote would take part in that term again.
        let leader_id = LeaderId { term: reached, voted_for: NOBODY };
        self.save_vote(&RaftVote { leader_id, committed: false }).await?;
        let (flushed, is_flushed) = oneshot::channel();
        self.log.append(vec![codec::entry_to_wal::<R>(&entry)], move |result| {
            // Nobody waits any more if the member is stopping.
            let _ = flushed.send(result);
        });
        is_flushed.await.map_err(fatal)?
    }

    fn tell_appended(&self, frames: &[wal::Entry]) {
        if let (Some(from), Some(last)) = (frames.first(), frames.last()) {
            let (from, last) = (from.position, last.position);
            self.observer.observe(Observation::Appended {
                from: from.index,
                from_term: from.term,
                last: last.index,
                last_term: last.term,
            });
        }
    }

    /// The entries `start..end`, as long as they fit `bytes_max`; at least one where there is one, and
    /// none if the first was purged.
    ///
    /// openraft may look for entries behind a follower that it is about to send a snapshot to: it holds
    /// a purge back for the end of what it sends, not for the beginning.
    async fn read(&self, start: u64, end: u64, bytes_max: usize) -> io::Result<Vec<Entry<R>>> {
        if let Some(entries) = self.shared().read_recent(start, end, bytes_max) {
            return Ok(entries);
        }
        let mut entries = Vec::new();
        let read = match self.log.read(start..end, bytes_max).await {
            Err(wal::Error::Refused(wal::Refusal::Purged { .. })) => return Ok(entries),
            read => read.map_err(fatal)?,
        };
        for stored in read {
            entries.push(codec::entry_from_wal::<R>(stored).map_err(fatal)?);
        }
        Ok(entries)
    }
}

/// Bytes of the command in an entry; what carries none is small.
fn command_bytes<R: Runtime>(entry: &Entry<R>) -> usize {
    match &entry.payload {
        EntryPayload::Normal(proposal) => proposal.bytes().len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

impl<R: Runtime> Shared<R> {
    fn read_recent(&self, start: u64, end: u64, bytes_max: usize) -> Option<Vec<Entry<R>>> {
        let first = self.recent.front()?.index();
        let skip = usize::try_from(start.checked_sub(first)?).ok()?;
        let count = usize::try_from(end.saturating_sub(start)).ok()?;
        let mut left = bytes_max;
        let mut entries = Vec::new();
        for entry in self.recent.iter().skip(skip).take(count) {
            let bytes = command_bytes::<R>(entry);
            if bytes > left && !entries.is_empty() {
                break;
            }
            left = left.saturating_sub(bytes);
            entries.push(entry.clone());
        }
        Some(entries)
    }

    fn push_recent(&mut self, entry: Entry<R>) {
        if self.recent.back().is_some_and(|last| last.index() + 1 != entry.index()) {
            self.clear_recent();
        }
        self.recent_bytes += command_bytes::<R>(&entry);
        self.recent.push_back(entry);
        while self.recent.len() > RECENT_ENTRIES_MAX || self.recent_bytes > RECENT_BYTES_MAX {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let dropped = self.recent.pop_front();
        self.recent_bytes -= dropped.as_ref().map_or(0, command_bytes::<R>);
    }

    fn clear_recent(&mut self) {
        self.recent.clear();
        self.recent_bytes = 0;
    }

    fn truncate_recent(&mut self, keep_through: Option<u64>) {
        while self.recent.back().is_some_and(|last| keep_through.is_none_or(|k| last.index() > k)) {
            let dropped = self.recent.pop_back();
            self.recent_bytes -= dropped.as_ref().map_or(0, command_bytes::<R>);
        }
    }
}

impl<R: Runtime> RaftLogReader<TypeConfig<R>> for LogStore<R> {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry<R>>> {
        let first = self.log.purged().map_or(0, |purged| purged.index + 1);
        let mut start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => first,
        }
        .max(first);
        let next = self.log.last().map_or(0, |last| last.index + 1);
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => next,
        }
        .min(next);
        let mut entries = Vec::new();
        while start < end {
            let part = self.read(start, end, READ_BYTES_MAX).await?;
            let Some(last) = part.last() else { break };
            start = last.index() + 1;
            entries.extend(part);
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry<R>>> {
        self.read(start, end, READ_BYTES_MAX).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<RaftVote>> {
        Ok(self.shared().vote)
    }
}

impl<R: Runtime> RaftLogStorage<TypeConfig<R>> for LogStore<R> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig<R>>> {
        let purged = self.log.purged().map(codec::log_id);
        let last = self.log.last().map(codec::log_id).or(purged);
        Ok(LogState { last_purged_log_id: purged, last_log_id: last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &RaftVote) -> io::Result<()> {
        // Term and vote are one frame: half of it can never be what a restart finds (Raft 5.2).
        let message = codec::vote_to_peer(vote);
        self.log.save_vote(message.encode_to_vec().into()).await.map_err(fatal)?;
        self.shared().vote = Some(*vote);
        // A vote that a quorum has given is the leader's: whoever keeps it need not have given it.
        if !message.committed && message.node_id != NOBODY {
            let (term, candidate) = (message.term, message.node_id);
            self.observer.observe(Observation::Voted { term, candidate });
        } else if message.committed {
            let (term, leader) = (message.term, message.node_id);
            self.observer.observe(Observation::Acknowledged { term, leader });
        }
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.shared().committed = committed;
        if let Some(committed) = committed {
            let (index, term) = (committed.index, committed.leader_id.term);
            self.observer.observe(Observation::Committed { index, term });
        }
        self.log.save_committed(committed.map(codec::position));
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.shared().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig<R>>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry<R>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        // While the disk is slow the queue grows: then openraft waits here, and proposers behind it.
        self.log.room().await;
        let mut frames = Vec::new();
        {
            let mut shared = self.shared();
            for entry in entries {
                frames.push(codec::entry_to_wal::<R>(&entry));
                if let Some(observation) = shared.in_force.append::<R>(&entry) {
                    self.observer.observe(observation);
                }
                shared.push_recent(entry);
            }
        }
        self.tell_appended(&frames);
        let last = frames.last().map(|frame| frame.position);
        let (observer, reached) = (self.observer.clone(), self.log.reached());
        self.log.append(frames, move |result| {
            if let (Ok(()), Some(last)) = (&result, last) {
                let (index, term, reach) = (last.index, last.term, reached.now());
                observer.observe(Observation::Durable { index, term, reach });
            }
            callback.io_completed(result);
        });
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let observation = {
            let mut shared = self.shared();
            shared.truncate_recent(last.map(|id| id.index));
            shared.in_force.truncate(last)
        };
        if let Some(observation) = observation {
            self.observer.observe(observation);
        }
        let end = last.map(codec::position);
        self.observer.observe(Observation::Truncated {
            index: end.map_or(0, |end| end.index),
            term: end.map_or(0, |end| end.term),
        });
        self.log.truncate_after(end).await.map_err(fatal)
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        {
            let mut shared = self.shared();
            while shared.recent.front().is_some_and(|first| first.index() <= upto.index) {
                shared.drop_oldest();
            }
        }
        // After a snapshot was installed the log may end before what it covers, or hold a tail of an
        // older term there: only then does it begin anew behind the snapshot.
        let upto_position = codec::position(upto);
        if self.log.last().is_none_or(|last| codec::log_id(last) < upto) {
            self.shared().clear_recent();
            self.log.install(upto_position).await.map_err(fatal)?;
        } else {
            self.log.purge(upto_position).await.map_err(fatal)?;
        }
        let (index, term) = (upto.index, upto.leader_id.term);
        self.observer.observe(Observation::Purged { index, term });
        Ok(())
    }
}
