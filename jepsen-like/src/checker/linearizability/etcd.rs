//! The whole store as a model for the search: slow, but it takes nothing for granted.

use std::hash::{Hash, Hasher};

use super::{Call, Model};
use crate::history::{Operations, Outcome, Request, Response};
use crate::model::{State, difference};

/// The reference model.
#[derive(Debug, Clone, Copy, Default)]
pub struct EtcdModel;

/// The reference model's state, with its past: old revisions can be read.
#[derive(Debug, Clone, Default)]
pub struct EtcdState(State);

impl PartialEq for EtcdState {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        a.revision() == b.revision() && a.compacted() == b.compacted() && a.changes() == b.changes()
    }
}

impl Eq for EtcdState {}

impl Hash for EtcdState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.revision().hash(hasher);
        self.0.changes().iter().for_each(|change| change.kv.hash(hasher));
    }
}

impl Model for EtcdModel {
    type State = EtcdState;
    type Input = Request;
    type Output = Response;

    fn initial(&self) -> EtcdState {
        EtcdState::default()
    }

    fn step(
        &self,
        state: &EtcdState,
        input: &Request,
        output: Option<&Response>,
    ) -> Option<EtcdState> {
        let mut next = state.clone();
        match (next.0.step(input), output) {
            (Ok(right), Some(given)) => difference(&right, given).is_none().then_some(next),
            (Err(_), Some(_)) => None,
            // A refusal changes nothing.
            (Ok(_) | Err(_), None) => Some(next),
        }
    }
}

impl EtcdModel {
    /// The answered and the unknown operations of a history; refused ones took no effect.
    pub fn calls(operations: &Operations<'_>) -> Vec<Call<Request, Response>> {
        let calls = operations.list.iter().filter_map(|operation| {
            let (end, output) = match operation.outcome {
                Outcome::Ok(response) => (operation.end, Some(response.clone())),
                Outcome::Info(_) => (None, None),
                Outcome::Fail(_) => return None,
            };
            let (op, call, input) = (operation.op, operation.call, operation.request.clone());
            Some(Call { op, call, end, input, output })
        });
        calls.collect()
    }
}
