//! Linearizability of any model: each operation seems to take effect at one moment between its call and its answer
//! (Herlihy and Wing 1990), found by search, for histories that carry no revisions.
//!
//! The algorithm is Wing and Gong's (1993) as Lowe (2017) made it fast: a depth-first search over a
//! linked list of calls and ends, with a cache of (operations placed, state) as in Horn and
//! Kroening (2015). It is exponential in the worst case, so the number of steps is limited.

mod etcd;
mod register;

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

pub use etcd::{EtcdModel, EtcdState};
pub use register::{Register, RegisterOp};

use super::{Verdict, Violation};
use crate::history::{Micros, OpId};

/// A sequential specification.
pub trait Model {
    /// Its state.
    type State: Clone + Eq + Hash;
    /// What is asked.
    type Input;
    /// What is answered.
    type Output;

    /// The state at first.
    fn initial(&self) -> Self::State;

    /// The state after an operation, if its answer is right; an unknown answer always is.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State>;
}

/// One operation; without an end and an output it may take effect at any later time, or never.
#[derive(Debug, Clone)]
pub struct Call<I, O> {
    /// Its id.
    pub op: OpId,
    /// When it was called.
    pub call: Micros,
    /// When it was answered.
    pub end: Option<Micros>,
    /// What was asked.
    pub input: I,
    /// What was answered.
    pub output: Option<O>,
}

/// The calls of a model.
pub type Calls<M> = Vec<Call<<M as Model>::Input, <M as Model>::Output>>;

/// Splits calls that cannot influence each other, such as those on different keys: a history is
/// linearizable if and only if each part is (Herlihy and Wing 1990, locality).
pub fn partition<I, O, K: Ord>(
    calls: Vec<Call<I, O>>,
    key: impl Fn(&I) -> K,
) -> BTreeMap<K, Vec<Call<I, O>>> {
    let mut parts: BTreeMap<K, Vec<Call<I, O>>> = BTreeMap::new();
    for call in calls {
        parts.entry(key(&call.input)).or_default().push(call);
    }
    parts
}

/// Searches for an order of the calls that the model accepts.
pub fn check<M: Model>(
    model: &M,
    calls: &[Call<M::Input, M::Output>],
    steps_max: usize,
) -> Verdict {
    Search::new(model, calls).run(steps_max)
}

/// Position of the list's head; also the mark of its end.
const HEAD: usize = 0;

/// A call or an end in the list, in the order of time.
#[derive(Debug, Clone, Copy)]
struct Entry {
    previous: usize,
    next: usize,
    call: usize,
    is_end: bool,
}

struct Search<'a, M: Model> {
    model: &'a M,
    calls: &'a [Call<M::Input, M::Output>],
    entries: Vec<Entry>,
    /// For each call the position of its end in `entries`.
    ends: Vec<Option<usize>>,
    placed: Vec<u64>,
    unfinished: usize,
    seen: HashSet<(Vec<u64>, M::State)>,
    /// How many calls were placed at best, and the end that stood in the way then.
    best: (usize, Option<usize>),
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, calls: &'a [Call<M::Input, M::Output>]) -> Self {
        // An end and a call at the same time are concurrent, so calls sort first.
        let mut times: Vec<(Micros, bool, usize)> = Vec::new();
        for (number, call) in calls.iter().enumerate() {
            times.push((call.call, false, number));
            times.extend(call.end.map(|end| (end.max(call.call), true, number)));
        }
        times.sort_unstable();
        let count = times.len();
        let mut ends = vec![None; calls.len()];
        let mut entries =
            vec![Entry { previous: count, next: usize::from(count > 0), call: 0, is_end: false }];
        for (position, (_, is_end, call)) in times.into_iter().enumerate() {
            let next = if position + 1 == count { HEAD } else { position + 2 };
            entries.push(Entry { previous: position, next, call, is_end });
            if is_end && let Some(end) = ends.get_mut(call) {
                *end = Some(position + 1);
            }
        }
        let unfinished = calls.iter().filter(|call| call.end.is_some()).count();
        let placed = vec![0; calls.len().div_ceil(64)];
        let seen = HashSet::new();
        Self { model, calls, entries, ends, placed, unfinished, seen, best: (0, None) }
    }

    fn run(mut self, steps_max: usize) -> Verdict {
        let mut state = self.model.initial();
        let mut stack: Vec<(usize, M::State)> = Vec::new();
        let mut at = self.entry(HEAD).next;
        for _ in 0..steps_max {
            if self.unfinished == 0 {
                return Verdict::Pass;
            }
            let entry = self.entry(at);
            if at == HEAD || entry.is_end {
                if at != HEAD && (stack.len() >= self.best.0) {
                    self.best = (stack.len(), Some(entry.call));
                }
                let Some((position, earlier)) = stack.pop() else { return self.violation() };
                state = earlier;
                self.take_back(position);
                at = self.entry(position).next;
                continue;
            }
            match self.place(at, &state) {
                Some(next) => {
                    stack.push((at, std::mem::replace(&mut state, next)));
                    at = self.entry(HEAD).next;
                }
                None => at = entry.next,
            }
        }
        Verdict::inconclusive(format!("no order was found in {steps_max} steps"))
    }

    fn entry(&self, position: usize) -> Entry {
        let end = Entry { previous: HEAD, next: HEAD, call: 0, is_end: true };
        self.entries.get(position).copied().unwrap_or(end)
    }

    /// Places a call next, if the model accepts it and this was not tried before.
    fn place(&mut self, position: usize, state: &M::State) -> Option<M::State> {
        let number = self.entry(position).call;
        let call = self.calls.get(number)?;
        let next = self.model.step(state, &call.input, call.output.as_ref())?;
        self.flip(number);
        if !self.seen.insert((self.placed.clone(), next.clone())) {
            self.flip(number);
            return None;
        }
        self.unlink(position);
        if let Some(end) = self.ends.get(number).copied().flatten() {
            self.unlink(end);
            self.unfinished -= 1;
        }
        Some(next)
    }

    fn take_back(&mut self, position: usize) {
        let number = self.entry(position).call;
        self.flip(number);
        if let Some(end) = self.ends.get(number).copied().flatten() {
            self.link(end);
            self.unfinished += 1;
        }
        self.link(position);
    }

    fn flip(&mut self, number: usize) {
        if let Some(word) = self.placed.get_mut(number / 64) {
            *word ^= 1 << (number % 64);
        }
    }

    fn unlink(&mut self, position: usize) {
        let Entry { previous, next, .. } = self.entry(position);
        self.connect(previous, next);
    }

    fn link(&mut self, position: usize) {
        let Entry { previous, next, .. } = self.entry(position);
        self.connect(previous, position);
        self.connect(position, next);
    }

    fn connect(&mut self, before: usize, after: usize) {
        if let Some(entry) = self.entries.get_mut(before) {
            entry.next = after;
        }
        if let Some(entry) = self.entries.get_mut(after) {
            entry.previous = before;
        }
    }

    fn violation(&self) -> Verdict {
        let (placed, blocked) = self.best;
        let call = blocked.and_then(|number| self.calls.get(number));
        let all = self.calls.len();
        let text = match call {
            Some(call) => format!(
                "no order of the operations is legal: at best {placed} of {all} fit, and then \
                    operation {} does not",
                call.op
            ),
            None => "no order of the operations is legal".to_owned(),
        };
        let violation = Violation::new("linearizability", "LINEARIZABLE", text);
        Verdict::Violation(match call {
            Some(call) => violation.at(call.op, call.call),
            None => violation,
        })
    }
}
