//! How much a leader may have proposed that is not answered yet (G94).
//!
//! What nobody answers piles up in memory: a leader whose disk stands still, or whose quorum is gone,
//! must refuse before that is too much. A client that gives up waiting frees nothing, because Raft still
//! holds what it asked for; so the count goes down when Raft answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::alias::{OneshotReceiverOf, OneshotSenderOf};
use openraft::raft::responder::Responder;
use openraft::type_config::TypeConfigExt as _;
use openraft_rt::OneshotSender as _;

use super::TypeConfig;
use crate::runtime::Runtime;

/// Most proposals at once: etcd's largest gap between what is committed and what is applied.
const PROPOSALS_MAX: usize = 5000;
/// Most bytes of them.
const BYTES_MAX: usize = 256 << 20;

/// What is proposed and not answered. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight {
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    proposals: usize,
    bytes: usize,
}

/// A proposal that counts until this is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    by: InFlight,
    bytes: usize,
}

impl InFlight {
    /// Counts a proposal, unless there are too many. One alone is never too large.
    pub(super) fn admit(&self, bytes: usize) -> Option<Admitted> {
        let mut held = self.held();
        let is_full =
            held.proposals >= PROPOSALS_MAX || held.bytes.saturating_add(bytes) > BYTES_MAX;
        if is_full && held.proposals > 0 {
            return None;
        }
        held.proposals += 1;
        held.bytes += bytes;
        Some(Admitted { by: self.clone(), bytes })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut held = self.by.held();
        held.proposals -= 1;
        held.bytes -= self.bytes;
    }
}

/// Takes Raft's answer to a proposal, and with it the proposal from the count.
pub struct Answering<R: Runtime, T: Send + 'static> {
    answer: OneshotSenderOf<TypeConfig<R>, T>,
    admitted: Option<Admitted>,
}

impl<R: Runtime, T: Send + 'static> Answering<R, T> {
    /// With the end on which the answer comes. What the member asks of itself is not counted.
    pub(super) fn new(admitted: Option<Admitted>) -> (Self, OneshotReceiverOf<TypeConfig<R>, T>) {
        let (answer, answered) = TypeConfig::<R>::oneshot();
        (Self { answer, admitted }, answered)
    }
}

impl<R: Runtime, T: Send + 'static> Responder<TypeConfig<R>, T> for Answering<R, T> {
    fn on_complete(self, result: T) {
        drop(self.admitted);
        // Whoever asked may have given up.
        let _ = self.answer.send(result);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g94_a_leader_takes_so_many_proposals_and_no_more_until_one_is_answered() {
        let in_flight = InFlight::default();
        let mut held: Vec<Admitted> = (0..PROPOSALS_MAX)
            .map(|number| in_flight.admit(100).unwrap_or_else(|| panic!("{number} is too many")))
            .collect();
        assert!(in_flight.admit(0).is_none());
        held.pop();
        assert!(in_flight.admit(0).is_some());
    }

    #[test]
    fn g94_large_proposals_fill_it_sooner() {
        let in_flight = InFlight::default();
        let half = in_flight.admit(BYTES_MAX / 2);
        assert!(half.is_some() && in_flight.admit(BYTES_MAX / 2 + 1).is_none());
        let rest = in_flight.admit(BYTES_MAX / 2);
        assert!(rest.is_some() && in_flight.admit(1).is_none());
        drop((half, rest));
        let huge = in_flight.admit(2 * BYTES_MAX);
        assert!(huge.is_some(), "one alone is never too large");
        assert!(in_flight.admit(1).is_none());
    }
}
