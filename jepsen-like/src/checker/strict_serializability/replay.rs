//! Replays the revisions on the model: every answer is the model's, field by field, and every revision is one that its
//! writer, or the end of its lease, makes there (the first half of strict serializability, a legal order; Papadimitriou
//! 1979; etcd's robustness tests, `model`).

use super::anchor::Anchors;
use super::committed::Owner;
use super::evidence::Evidence;
use super::search::Search;
use super::{Findings, Statistics, Violation, violation};
use crate::history::{LeaseId, LockRequest, Operation, Outcome, Request, Response};
use crate::model::{State, Unanswerable, difference};

/// How a replay ended.
pub(super) enum Ending {
    /// Every revision has an owner, or a violation says that it has none.
    Explained {
        /// The state at all revisions.
        state: State,
        /// The owners from revision 2 on.
        owners: Vec<Owner>,
    },
    /// The search was given up.
    OutOfSteps {
        /// Where.
        revision: i64,
    },
}

/// An answer that does not fit the owners chosen so far.
#[derive(Debug, Clone)]
pub(super) struct Conflict<'h> {
    pub(super) violation: Violation,
    /// Whose answer; `None` when a revision has no owner at all.
    pub(super) request: Option<&'h Request>,
}

/// Where a replay stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    pub(super) state: State,
    pub(super) owners: Vec<Owner>,
    pub(super) next_reader: usize,
}

/// A replay from the empty store on.
pub(super) struct Replay<'a, 'h> {
    anchors: &'a Anchors<'h>,
    evidence: &'a Evidence<'h>,
    search: Search<'a, 'h>,
    progress: Progress,
}

impl<'a, 'h> Replay<'a, 'h> {
    pub(super) fn new(
        anchors: &'a Anchors<'h>,
        evidence: &'a Evidence<'h>,
        steps_max: usize,
    ) -> Self {
        let search = Search::new(anchors, evidence, steps_max);
        Self { anchors, evidence, search, progress: Progress::default() }
    }

    pub(super) fn run(mut self, findings: &mut Findings, statistics: &mut Statistics) -> Ending {
        let highest = self.anchors.highest();
        let (mut revision, mut placed) = (1, true);
        while revision <= highest {
            let mut conflicts = Vec::new();
            if !placed {
                self.place(revision, &mut conflicts);
            }
            self.check_readers(revision, &mut conflicts);
            if self.search.is_out_of_steps() {
                return Ending::OutOfSteps { revision };
            }
            (revision, placed) = match conflicts.first() {
                None => (revision + 1, false),
                Some(_) if self.search.is_settled() => {
                    conflicts.into_iter().for_each(|conflict| findings.add(conflict.violation));
                    (revision + 1, false)
                }
                Some(conflict) => match self.search.retry(&mut self.progress, conflict) {
                    Some(earlier) => (earlier, true),
                    None if self.search.is_out_of_steps() => {
                        return Ending::OutOfSteps { revision };
                    }
                    None => self.start_again(),
                },
            };
        }
        statistics.filled_by_search = self.search.chosen();
        let Progress { state, owners, .. } = self.progress;
        Ending::Explained { state, owners }
    }

    /// No choice explains the history: replays it with the first choices, to tell what is wrong.
    fn start_again(&mut self) -> (i64, bool) {
        self.search.settle();
        self.progress = Progress::default();
        (1, true)
    }

    fn place(&mut self, revision: i64, conflicts: &mut Vec<Conflict<'h>>) {
        let owner = self.anchors.owner(revision).or_else(|| self.evidence.writer(revision));
        if let Some(operation) = owner.and_then(|index| self.anchors.operations.get(index)) {
            conflicts.extend(self.execute(revision, operation));
            self.progress.owners.push(owner.map_or(Owner::Nobody, Owner::Operation));
        } else if let Some(lease) = self.evidence.ended_lease(revision) {
            conflicts.extend(self.expire(revision, lease));
            self.progress.owners.push(Owner::Lease(lease));
        } else if !self.search.choose(&mut self.progress, revision)
            && !self.search.is_out_of_steps()
        {
            let text = format!(
                "revision {revision} was seen, but no operation explains it: \
                 none was acknowledged with it, and no write without a known outcome fits"
            );
            conflicts.push(Conflict { violation: violation("PHANTOM", text), request: None });
            self.progress.owners.push(Owner::Nobody);
        }
        self.progress.state.skip_to(revision);
    }

    /// Ends a lease that is known to have made a revision.
    fn expire(&mut self, revision: i64, lease: LeaseId) -> Option<Conflict<'h>> {
        let state = &mut self.progress.state;
        let length = state.changes().len();
        let problem = if state.expire(lease) && state.revision() == revision {
            let changes = state.changes().get(length..).unwrap_or(&[]);
            self.evidence.contradiction(revision, changes)?
        } else {
            "but no key was attached to it".to_owned()
        };
        let text = format!("the end of lease {lease} made revision {revision}: {problem}");
        Some(Conflict { violation: violation("LEASE_KEYS", text), request: None })
    }

    /// Executes a known owner and compares its answer.
    fn execute(&mut self, revision: i64, operation: &Operation<'h>) -> Option<Conflict<'h>> {
        let state = &mut self.progress.state;
        let length = state.changes().len();
        let given = match operation.outcome {
            Outcome::Ok(_) if matches!(operation.request, Request::Lock(_)) => None,
            Outcome::Ok(response) => Some(response),
            Outcome::Fail(_) | Outcome::Info(_) => None,
        };
        let problem = match state.step(operation.request) {
            Err(kind) => Some(format!("it must be refused ({kind:?})")),
            Ok(_) if state.revision() != revision => Some("it must change nothing".to_owned()),
            Ok(right) => given.and_then(|given| difference(&right, given)).or_else(|| {
                let changes = state.changes().get(length..).unwrap_or(&[]);
                self.evidence.contradiction(revision, changes)
            }),
        }?;
        Some(conflict(operation, revision, given, &problem))
    }

    fn check_readers(&mut self, revision: i64, conflicts: &mut Vec<Conflict<'h>>) {
        while let Some(&(at, index)) = self.anchors.readers.get(self.progress.next_reader) {
            if at > revision {
                return;
            }
            self.progress.next_reader += 1;
            let Some(operation) = self.anchors.operations.get(index) else { continue };
            let Outcome::Ok(given) = operation.outcome else { continue };
            let problem = match self.progress.state.answer_at(operation.request, at) {
                Ok(right) => difference(&right, given),
                Err(Unanswerable::Refused(kind)) => Some(format!("it must be refused ({kind:?})")),
                Err(Unanswerable::Changes) => Some("it must change something".to_owned()),
                Err(Unanswerable::NotOwner) => Some(not_owner(operation.request)),
            };
            if let Some(problem) = problem {
                conflicts.push(conflict(operation, at, Some(given), &problem));
            }
        }
    }
}

fn not_owner(request: &Request) -> String {
    match request {
        Request::Lock(LockRequest::Unlock { .. }) => "its key is still there".to_owned(),
        _ => "its key is not the first of the lock".to_owned(),
    }
}

fn conflict<'h>(
    operation: &Operation<'h>,
    revision: i64,
    given: Option<&Response>,
    problem: &str,
) -> Conflict<'h> {
    let Operation { op, client, member, request, call, end, .. } = operation;
    let time = end.unwrap_or(*call);
    let (guarantee, ended) = match given {
        Some(_) => ("ANSWER", format!("answered at {time} us with")),
        None => ("PHANTOM", "never answered but found at".to_owned()),
    };
    let text = format!(
        "{request} by client {client} at member {member}, {ended} revision {revision}: {problem}"
    );
    Conflict { violation: violation(guarantee, text).at(*op, time), request: Some(request) }
}
