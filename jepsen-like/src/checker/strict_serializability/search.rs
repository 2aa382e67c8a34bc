//! Tries writes without a known outcome at revisions that nothing proves.
//!
//! A candidate was called before anybody saw the revision, changes something there, and contradicts
//! nothing that was seen. The latest called is tried first: a write takes effect near its call.
//! When an answer later disagrees, the search goes back to the last choice that could matter to it.
//! The number of trials is limited, so that no history can hang the checker.

use std::collections::BTreeSet;

use super::anchor::Anchors;
use super::committed::Owner;
use super::evidence::Evidence;
use super::quiet::Quiet;
use super::replay::{Conflict, Progress};
use crate::history::{Micros, Request, RequestOp, TxnRequest};
use crate::model::{Mark, Span};

/// A possible writer of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// A write without a known outcome, by its call and its position.
    Operation(Micros, usize),
    /// A lease that ended.
    Lease(i64),
}

/// A choice made, and what to go back to.
#[derive(Debug)]
struct Decision<'h> {
    revision: i64,
    choice: Choice,
    mark: Mark,
    next_reader: usize,
    /// What the conflicts depended on that ruled out the choices before this one at the revision. When the
    /// last choice is ruled out as well, all of that must be looked for further back.
    blame: Vec<Span<'h>>,
}

/// The choices made so far.
pub(super) struct Search<'a, 'h> {
    anchors: &'a Anchors<'h>,
    evidence: &'a Evidence<'h>,
    quiet: Quiet<'h>,
    /// Writes that have no revision yet, by their call.
    pool: BTreeSet<(Micros, usize)>,
    decisions: Vec<Decision<'h>>,
    /// The owners when the first answer disagreed.
    first: Option<Vec<Owner>>,
    settled: bool,
    steps_left: usize,
}

impl<'a, 'h> Search<'a, 'h> {
    pub(super) fn new(
        anchors: &'a Anchors<'h>,
        evidence: &'a Evidence<'h>,
        steps_max: usize,
    ) -> Self {
        let explained = anchors.writes.len() + evidence.writers().count() + evidence.ended_leases();
        let needed = anchors.highest() - 1 > i64::try_from(explained).unwrap_or(i64::MAX);
        let call = |index: usize| anchors.operations.get(index).map(|operation| operation.call);
        let mut pool: BTreeSet<(Micros, usize)> =
            anchors.unknown.iter().filter_map(|&index| Some((call(index)?, index))).collect();
        for (_, index) in evidence.writers() {
            pool.remove(&(call(index).unwrap_or_default(), index));
        }
        let quiet = if needed { Quiet::new(anchors) } else { Quiet::default() };
        Self {
            anchors,
            evidence,
            quiet,
            pool,
            decisions: Vec::new(),
            first: None,
            settled: false,
            steps_left: steps_max,
        }
    }

    /// Whether nothing can be chosen differently any more.
    pub(super) fn is_settled(&self) -> bool {
        self.settled || self.decisions.is_empty()
    }

    pub(super) fn is_out_of_steps(&self) -> bool {
        self.steps_left == 0
    }

    pub(super) fn chosen(&self) -> usize {
        self.decisions.len()
    }

    /// Gives up: from now on the first choices stand.
    pub(super) fn settle(&mut self) {
        self.settled = true;
        self.undo_all();
    }

    fn undo_all(&mut self) {
        for decision in std::mem::take(&mut self.decisions) {
            self.release(decision.choice);
        }
    }

    fn release(&mut self, choice: Choice) {
        if let Choice::Operation(call, index) = choice {
            self.pool.insert((call, index));
        }
    }

    /// Chooses an owner of a revision; false if nothing fits.
    pub(super) fn choose(&mut self, progress: &mut Progress, revision: i64) -> bool {
        let known = self.first.as_ref().filter(|_| self.settled);
        let known = known.and_then(|first| first.get(usize::try_from(revision - 2).ok()?));
        let choice = match known {
            Some(Owner::Operation(index)) => {
                let call = self.anchors.operations.get(*index).map(|operation| operation.call);
                Some(Choice::Operation(call.unwrap_or_default(), *index))
            }
            Some(Owner::Lease(lease)) => Some(Choice::Lease(*lease)),
            Some(Owner::Nobody) | None => None,
        };
        if let Some(choice) = choice
            && self.try_choice(progress, revision, choice)
        {
            return true;
        }
        self.choose_after(progress, revision, None)
    }

    /// Chooses the next candidate after one that has been tried.
    fn choose_after(
        &mut self,
        progress: &mut Progress,
        revision: i64,
        tried: Option<Choice>,
    ) -> bool {
        let mut tried = tried;
        while let Some(choice) = self.next_candidate(progress, revision, tried) {
            if self.steps_left == 0 {
                return false;
            }
            self.steps_left -= 1;
            if self.try_choice(progress, revision, choice) {
                return true;
            }
            tried = Some(choice);
        }
        false
    }

    fn next_candidate(
        &self,
        progress: &Progress,
        revision: i64,
        tried: Option<Choice>,
    ) -> Option<Choice> {
        let seen = self.anchors.sightings.reaching(revision).map_or(Micros::MAX, |step| step.time);
        let operation = match tried {
            None => self.pool.range(..=(seen, usize::MAX)).next_back(),
            Some(Choice::Operation(call, index)) => self.pool.range(..(call, index)).next_back(),
            Some(Choice::Lease(_)) => None,
        };
        if let Some(&(call, index)) = operation {
            return Some(Choice::Operation(call, index));
        }
        if self.anchors.leased_puts == 0 || self.evidence.saw_a_put(revision) {
            return None;
        }
        let after = match tried {
            Some(Choice::Lease(lease)) => lease,
            Some(Choice::Operation(..)) | None => 0,
        };
        let whole = Span::everything();
        let leases = progress.state.span_at(&whole, i64::MAX).map(|kv| kv.lease);
        leases.filter(|lease| *lease > after).min().map(Choice::Lease)
    }

    /// Executes a candidate; takes it back if it does not fit.
    fn try_choice(&mut self, progress: &mut Progress, revision: i64, choice: Choice) -> bool {
        let mark = progress.state.mark();
        let length = progress.state.changes().len();
        let owner = match choice {
            Choice::Operation(_, index) => {
                if let Some(operation) = self.anchors.operations.get(index) {
                    // A refusal changes nothing, and that is found below.
                    progress.state.step(operation.request).ok();
                }
                Owner::Operation(index)
            }
            Choice::Lease(lease) => {
                progress.state.expire(lease);
                Owner::Lease(lease)
            }
        };
        let changes = progress.state.changes().get(length..).unwrap_or(&[]);
        let fits = progress.state.revision() == revision
            && self.evidence.contradiction(revision, changes).is_none()
            && !self.quiet.refutes(changes);
        if !fits {
            progress.state.undo_to(mark);
            return false;
        }
        if let Choice::Operation(call, index) = choice {
            self.pool.remove(&(call, index));
        }
        progress.owners.push(owner);
        let next_reader = progress.next_reader;
        self.decisions.push(Decision { revision, choice, mark, next_reader, blame: Vec::new() });
        true
    }

    /// Goes back to a choice that may matter to a conflict and makes another one. Returns its
    /// revision, or nothing when no other choice is left.
    pub(super) fn retry(
        &mut self,
        progress: &mut Progress,
        conflict: &Conflict<'h>,
    ) -> Option<i64> {
        if self.first.is_none() {
            self.first = Some(progress.owners.clone());
        }
        let mut seen = self.involved(conflict);
        while let Some(decision) = self.decisions.pop() {
            if self.steps_left == 0 {
                return None;
            }
            self.steps_left -= 1;
            let relevant = self.matters(&decision, progress, &seen);
            progress.state.undo_to(decision.mark);
            progress.owners.truncate(usize::try_from(decision.revision - 2).unwrap_or(0));
            progress.next_reader = decision.next_reader;
            self.release(decision.choice);
            if !relevant {
                continue;
            }
            add(&mut seen, decision.blame);
            if self.choose_after(progress, decision.revision, Some(decision.choice)) {
                if let Some(next) = self.decisions.last_mut() {
                    next.blame = seen;
                }
                return Some(decision.revision);
            }
        }
        None
    }

    /// The keys that a conflict may depend on: those of its request, or when a revision has no
    /// owner those of the candidates that did not fit, and those of every candidate that shares a
    /// key with them, because what it does to one key may depend on another.
    fn involved(&self, conflict: &Conflict<'h>) -> Vec<Span<'h>> {
        let mut others: Vec<Vec<Span<'h>>> = self
            .anchors
            .unknown
            .iter()
            .filter_map(|&index| Some(spans(self.anchors.operations.get(index)?.request)))
            .collect();
        let mut involved = match conflict.request {
            Some(request) => spans(request),
            None => {
                let candidates = self.pool.iter().filter_map(|&(_, index)| {
                    Some(spans(self.anchors.operations.get(index)?.request))
                });
                candidates.flatten().collect()
            }
        };
        // Candidates of a single key link nothing.
        others.retain(|spans| spans.len() > 1 || spans.iter().any(|span| span.single().is_none()));
        loop {
            let before = others.len();
            let (linked, apart) = others.into_iter().partition(|spans| touch(spans, &involved));
            others = apart;
            involved.extend(linked.into_iter().flatten());
            if others.len() == before {
                return involved;
            }
        }
    }

    /// Whether a decision, or another one in its place, can change what a conflict depends on.
    fn matters(&self, decision: &Decision<'_>, progress: &Progress, seen: &[Span<'_>]) -> bool {
        let by_change = progress.state.changes_at(decision.revision).iter();
        let mut chosen = by_change.map(|change| change.kv.key.as_bytes());
        if chosen.any(|key| seen.iter().any(|span| span.contains(key))) {
            return true;
        }
        let Choice::Operation(..) = decision.choice else { return true };
        // Those that were tried before count as well: what ruled them out may change further back.
        self.anchors.leased_puts > 0
            || self.pool.iter().any(|(_, index)| {
                let other = self.anchors.operations.get(*index);
                other.is_some_and(|other| touch(&spans(other.request), seen))
            })
    }
}

/// Adds spans that are not there yet.
fn add<'h>(spans: &mut Vec<Span<'h>>, more: Vec<Span<'h>>) {
    for span in more {
        if !spans.contains(&span) {
            spans.push(span);
        }
    }
}

fn touch(some: &[Span<'_>], others: &[Span<'_>]) -> bool {
    some.iter().any(|span| others.iter().any(|other| other.overlaps(span)))
}

/// Everything that a request reads, compares or writes.
fn spans(request: &Request) -> Vec<Span<'_>> {
    fn of_txn<'r>(txn: &'r TxnRequest, found: &mut Vec<Span<'r>>) {
        found.extend(txn.compare.iter().map(|compare| Span::new(&compare.key, &compare.range_end)));
        for operation in txn.success.iter().chain(&txn.failure) {
            match operation {
                RequestOp::Range(range) => found.push(Span::new(&range.key, &range.range_end)),
                RequestOp::Put(put) => found.push(Span::of_key(&put.key)),
                RequestOp::DeleteRange(delete) => {
                    found.push(Span::new(&delete.key, &delete.range_end));
                }
                RequestOp::Txn(inner) => of_txn(inner, found),
            }
        }
    }
    match request {
        Request::Range(range) => vec![Span::new(&range.key, &range.range_end)],
        Request::Put(put) => vec![Span::of_key(&put.key)],
        Request::DeleteRange(delete) => vec![Span::new(&delete.key, &delete.range_end)],
        Request::Txn(txn) => {
            let mut found = Vec::new();
            of_txn(txn, &mut found);
            found
        }
        Request::Compact(_) | Request::Lease(_) => Vec::new(),
        // All that wait for a lock depend on each other.
        Request::Lock(_) => vec![Span::everything()],
    }
}
