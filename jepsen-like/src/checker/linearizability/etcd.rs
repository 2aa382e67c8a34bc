//! The whole store as a model for the search: slow, but it takes nothing for granted.

use std::hash::{Hash, Hasher};

use super::{Call, Model};
use crate::history::{KeyValue, Operations, Outcome, Request, Response};
use crate::model::{Span, State, difference};

/// The reference model.
#[derive(Debug, Clone, Copy, Default)]
pub struct EtcdModel;

/// The reference model's state; equal when the present is, whatever the past.
#[derive(Debug, Clone, Default)]
pub struct EtcdState(State);

impl EtcdState {
    fn live(&self) -> impl Iterator<Item = &KeyValue> {
        self.0.span_at(&Span::everything(), i64::MAX)
    }
}

impl PartialEq for EtcdState {
    fn eq(&self, other: &Self) -> bool {
        self.0.revision() == other.0.revision() && self.live().eq(other.live())
    }
}

impl Eq for EtcdState {}

impl Hash for EtcdState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.revision().hash(hasher);
        self.live().for_each(|kv| kv.hash(hasher));
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
