//! Short appends: heartbeats, and the question whether a voter still follows.
//!
//! Opening a stream costs several times what such an append does, so a stream that has answered is kept for the next.
//! Who has taken a stream has it alone, and one that owes an answer is never given back: an answer belongs to the
//! request before it, and to no other.
//!
//! Must never know: what an answer means to Raft.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use detcd_api::peer;
use detcd_api::peer::peer_client::PeerClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::grpc::Channel;

/// A heartbeat and a question may be under way at the same time.
const KEPT_MAX: usize = 2;

/// A stream of appends with one request at a time.
pub(super) struct Exchange {
    requests: mpsc::Sender<peer::AppendRequest>,
    answers: Streaming<peer::AppendResponse>,
}

fn ended() -> Status {
    Status::unavailable("the stream of appends has ended")
}

impl Exchange {
    /// Opens a stream with its first request, whose answer is to be taken next.
    pub(super) async fn open(
        mut client: PeerClient<Channel>,
        request: peer::AppendRequest,
    ) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(1);
        requests.try_send(request).map_err(|_full| ended())?;
        let answers = client.append(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Self { requests, answers })
    }

    /// One more request, on a stream that owes nothing.
    pub(super) async fn ask(
        &mut self,
        request: peer::AppendRequest,
    ) -> Result<peer::AppendResponse, Status> {
        self.requests.send(request).await.map_err(|_closed| ended())?;
        self.answer().await
    }

    /// The answer to the last request.
    pub(super) async fn answer(&mut self) -> Result<peer::AppendResponse, Status> {
        self.answers.message().await?.ok_or_else(ended)
    }
}

/// Something that is over when its connection is.
pub(super) trait Perishable {
    /// Whether it is of no use any more.
    fn is_over(&self) -> bool;
}

impl Perishable for Exchange {
    fn is_over(&self) -> bool {
        self.requests.is_closed()
    }
}

/// What is kept for the next who needs it, by member.
pub(super) struct Kept<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    /// What was taken before the last [`Kept::give_up`] is not taken back: its connection may be the one given up.
    epoch: u64,
    by_member: BTreeMap<u64, Vec<T>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { epoch: 0, by_member: BTreeMap::new() }) }
    }
}

impl<T: Perishable> Kept<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One for this member, if there is one, and the epoch in which it was taken.
    pub(super) fn take(&self, member: u64) -> (u64, Option<T>) {
        let mut state = self.lock();
        let mut kept = state.by_member.remove(&member).unwrap_or_default();
        kept.retain(|one| !one.is_over());
        let one = kept.pop();
        if !kept.is_empty() {
            state.by_member.insert(member, kept);
        }
        (state.epoch, one)
    }

    /// Keeps one that was taken or opened in this epoch.
    pub(super) fn put_back(&self, member: u64, epoch: u64, one: T) {
        let mut state = self.lock();
        if epoch != state.epoch {
            return;
        }
        let kept = state.by_member.entry(member).or_default();
        if kept.len() < KEPT_MAX {
            kept.push(one);
        }
    }

    /// Gives up what is kept for these members, and what is out now.
    pub(super) fn give_up(&self, is_meant: impl Fn(u64) -> bool) {
        let mut state = self.lock();
        state.epoch += 1;
        state.by_member.retain(|member, _| !is_meant(*member));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbered(u64, bool);

    impl Perishable for Numbered {
        fn is_over(&self) -> bool {
            self.1
        }
    }

    fn taken(kept: &Kept<Numbered>, member: u64) -> Option<u64> {
        kept.take(member).1.map(|one| one.0)
    }

    #[test]
    fn what_is_kept_is_given_once_and_to_the_right_member() {
        let kept = Kept::default();
        let (epoch, none) = kept.take(1);
        assert!(none.is_none());
        kept.put_back(1, epoch, Numbered(7, false));
        assert_eq!(taken(&kept, 2), None);
        assert_eq!(taken(&kept, 1), Some(7));
        assert_eq!(taken(&kept, 1), None);
    }

    #[test]
    fn what_is_over_is_not_given() {
        let kept = Kept::default();
        kept.put_back(1, 0, Numbered(7, false));
        kept.put_back(1, 0, Numbered(8, true));
        assert_eq!(taken(&kept, 1), Some(7));
        assert_eq!(taken(&kept, 1), None);
    }

    #[test]
    fn no_more_are_kept_than_are_of_use() {
        let kept = Kept::default();
        (0..9).for_each(|number| kept.put_back(1, 0, Numbered(number, false)));
        assert_eq!([taken(&kept, 1), taken(&kept, 1), taken(&kept, 1)], [Some(1), Some(0), None]);
    }

    #[test]
    fn what_was_out_when_its_connection_was_given_up_is_not_taken_back() {
        let kept = Kept::default();
        let (epoch, _) = kept.take(1);
        kept.put_back(2, epoch, Numbered(5, false));
        kept.give_up(|member| member == 1);
        kept.put_back(1, epoch, Numbered(7, false));
        assert_eq!(taken(&kept, 1), None);
        assert_eq!(taken(&kept, 2), Some(5));
    }
}
