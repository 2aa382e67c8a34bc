//! What members, watches and read values prove about revisions that no answer owns: nothing is seen that nobody wrote,
//! or that was refused, and no write takes effect twice ("an operation either completes entirely or not at all": etcd's
//! API guarantees, atomicity).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::anchor::{Anchors, puts};
use super::windows::Windows;
use super::{Findings, Statistics, violation};
use crate::history::{
    Applied, Blob, Event, History, KeyValue, KvEventKind, LeaseChange, LeaseId, OpId, Outcome,
    Request, Response, ResponseOp, TxnResponse, WatchRecord,
};
use crate::model::Change;

/// A change that somebody saw.
#[derive(Debug, Clone, Copy)]
struct Seen<'h> {
    kind: KvEventKind,
    kv: &'h KeyValue,
}

impl Seen<'_> {
    fn is_telling(&self) -> bool {
        self.kind == KvEventKind::Put && !self.kv.value.is_empty()
    }
}

/// What is known of the revisions that no answer owns.
#[derive(Debug, Default)]
pub(super) struct Evidence<'h> {
    seen: BTreeMap<i64, Vec<Seen<'h>>>,
    windows: Windows<'h>,
    /// Proven writers.
    writers: BTreeMap<i64, usize>,
    /// The revisions of proven writers without a known outcome.
    placed: HashMap<usize, i64>,
    /// Leases whose end made a revision.
    leases: BTreeMap<i64, LeaseId>,
}

impl<'h> Evidence<'h> {
    pub(super) fn new(
        history: &'h History,
        anchors: &Anchors<'h>,
        findings: &mut Findings,
        statistics: &mut Statistics,
    ) -> Self {
        let mut evidence = Self::default();
        evidence.use_taps(history, anchors, findings, statistics);
        evidence.use_ends_of_leases(history, anchors, findings);
        let gaps = anchors.highest() - 1 > i64::try_from(anchors.writes.len()).unwrap_or(i64::MAX);
        if gaps {
            evidence.collect(history, anchors);
            evidence.use_values(anchors, findings, statistics);
        }
        evidence
    }

    /// The proven writer of a revision.
    pub(super) fn writer(&self, revision: i64) -> Option<usize> {
        self.writers.get(&revision).copied()
    }

    /// All proven writers, by revision.
    pub(super) fn writers(&self) -> impl Iterator<Item = (i64, usize)> {
        self.writers.iter().map(|(&revision, &index)| (revision, index))
    }

    /// The lease whose end made a revision, where that is proven.
    pub(super) fn ended_lease(&self, revision: i64) -> Option<LeaseId> {
        self.leases.get(&revision).copied()
    }

    /// How many revisions are proven to have been made by ends of leases.
    pub(super) fn ended_leases(&self) -> usize {
        self.leases.len()
    }

    /// Whether somebody saw a revision write a key: then no lease expired there.
    pub(super) fn saw_a_put(&self, revision: i64) -> bool {
        let seen = self.seen.get(&revision);
        seen.is_some_and(|seen| seen.iter().any(|seen| seen.kind == KvEventKind::Put))
    }

    /// What somebody saw at a revision that these changes do not contain.
    pub(super) fn contradiction(&self, revision: i64, changes: &[Change]) -> Option<String> {
        let seen = self.seen.get(&revision)?;
        let missing = seen.iter().find(|seen| {
            !changes.iter().any(|change| change.kind == seen.kind && change.kv == *seen.kv)
        });
        if let Some(missing) = missing {
            return Some(match missing.kind {
                KvEventKind::Put => format!("{} was seen", missing.kv),
                KvEventKind::Delete => format!("a deletion of {} was seen", missing.kv.key),
            });
        }
        let unseen = self.windows.unseen(revision, changes)?;
        Some(format!("a change of {} was not seen", unseen.kv.key))
    }

    /// Members told which operation they applied at which revision.
    fn use_taps(
        &mut self,
        history: &History,
        anchors: &Anchors<'h>,
        findings: &mut Findings,
        statistics: &mut Statistics,
    ) {
        let mut by_op: Option<HashMap<OpId, usize>> = None;
        for tap in makers(history) {
            let (Some(op), revision) = (tap.op, tap.revision) else { continue };
            let owner = anchors.owner(revision);
            let owner = owner.and_then(|index| anchors.operations.get(index));
            match owner {
                Some(owner) if owner.op == op => {}
                Some(owner) => {
                    let text = format!(
                        "member {} applied operation {op} at revision {revision} (index {}), \
                         but {} by operation {} was acknowledged with it",
                        tap.member, tap.index, owner.request, owner.op
                    );
                    findings
                        .add(violation("UNIQUE", text).at(op, tap.time).at(owner.op, owner.call));
                }
                None => {
                    let by_op = by_op.get_or_insert_with(|| {
                        let indexed = anchors.operations.iter().enumerate();
                        indexed.map(|(index, operation)| (operation.op, index)).collect()
                    });
                    let Some(&index) = by_op.get(&op) else { continue };
                    if self.assign(revision, index, anchors, findings) {
                        statistics.filled_by_tap += 1;
                    }
                }
            }
        }
    }

    /// Members told which revision the end of a lease made.
    fn use_ends_of_leases(
        &mut self,
        history: &History,
        anchors: &Anchors<'h>,
        findings: &mut Findings,
    ) {
        let ends = history.events.iter().filter_map(|event| match event {
            Event::Lease(line) if line.change != LeaseChange::Granted => Some((line.index, line)),
            _ => None,
        });
        let ends: HashMap<u64, _> = ends.collect();
        if ends.is_empty() {
            return;
        }
        for tap in makers(history) {
            let Some(line) = ends.get(&tap.index) else { continue };
            self.leases.insert(tap.revision, line.lease);
            let owner = anchors.owner(tap.revision).or_else(|| self.writer(tap.revision));
            if let Some(owner) = owner.and_then(|index| anchors.operations.get(index)) {
                let text = format!(
                    "{} by operation {} and the end of lease {} both made revision {}",
                    owner.request, owner.op, line.lease, tap.revision
                );
                findings.add(violation("UNIQUE", text).at(owner.op, owner.call));
            }
        }
    }

    /// Collects what watches and answers show of revisions without an owner.
    fn collect(&mut self, history: &'h History, anchors: &Anchors<'h>) {
        // The highest revision is bounded by the number of writes.
        let mut open =
            vec![true; usize::try_from(anchors.highest()).map_or(0, |highest| highest + 1)];
        for (revision, _) in &anchors.writes {
            if let Some(open) = usize::try_from(*revision).ok().and_then(|at| open.get_mut(at)) {
                *open = false;
            }
        }
        let is_gap = |revision: i64| {
            let open = usize::try_from(revision).ok().and_then(|at| open.get(at));
            revision >= 2 && open == Some(&true)
        };
        self.windows = Windows::new(history, &is_gap);
        let mut note = |kind, kv: &'h KeyValue| {
            let revision = kv.mod_revision;
            if is_gap(revision) {
                let seen = self.seen.entry(revision).or_default();
                if !seen.iter().any(|seen| seen.kind == kind && seen.kv == kv) {
                    seen.push(Seen { kind, kv });
                }
            }
        };
        for event in &history.events {
            match event {
                Event::Watch(line) => {
                    if let WatchRecord::Events { events, .. } = &line.record {
                        events.iter().for_each(|event| note(event.kind, &event.kv));
                    }
                }
                Event::Ok { response, .. } => {
                    each_whole_kv(response, &mut |kv| note(KvEventKind::Put, kv));
                }
                Event::Invoke { .. }
                | Event::Fail { .. }
                | Event::Info { .. }
                | Event::Leader(_)
                | Event::Access(_)
                | Event::Upkeep(_)
                | Event::Applied(_)
                | Event::Lease(_)
                | Event::CompactedAt { .. }
                | Event::Observed(_)
                | Event::Healed { .. } => {}
            }
        }
    }

    /// Finds writers by values that only one operation wrote. An empty value, as the lock service writes,
    /// proves nothing.
    fn use_values(
        &mut self,
        anchors: &Anchors<'h>,
        findings: &mut Findings,
        statistics: &mut Statistics,
    ) {
        let mut wanted: HashMap<(&Blob, &Blob), Wrote> = HashMap::new();
        for seen in self.seen.values().flatten().filter(|seen| seen.is_telling()) {
            wanted.insert((&seen.kv.key, &seen.kv.value), Wrote::Nobody);
        }
        let mut repeated: HashSet<&Blob> = HashSet::new();
        for (index, operation) in anchors.operations.iter().enumerate() {
            for put in puts(operation.request) {
                if put.ignore_value {
                    repeated.insert(&put.key);
                } else if let Some(wrote) = wanted.get_mut(&(&put.key, &put.value)) {
                    wrote.add(index);
                }
            }
        }
        // A put that keeps the value repeats it, so the values of that key prove nothing.
        wanted.retain(|(key, _), _| !repeated.contains(key));
        let revisions: Vec<(i64, Vec<Seen<'h>>)> =
            self.seen.iter().map(|(revision, seen)| (*revision, seen.clone())).collect();
        for (revision, seen) in revisions {
            for seen in seen.iter().filter(|seen| seen.is_telling()) {
                match wanted.get(&(&seen.kv.key, &seen.kv.value)) {
                    Some(Wrote::Nobody) => {
                        let text =
                            format!("{} was seen, but no operation wrote that value", seen.kv);
                        findings.add(violation("PHANTOM", text));
                    }
                    Some(Wrote::One(index)) if self.writer(revision) != Some(*index) => {
                        if self.assign(revision, *index, anchors, findings) {
                            statistics.filled_by_value += 1;
                        }
                    }
                    Some(Wrote::One(_) | Wrote::Several) | None => {}
                }
            }
        }
    }

    /// Gives a revision to its proven writer, unless that has another one or cannot have any.
    fn assign(
        &mut self,
        revision: i64,
        index: usize,
        anchors: &Anchors<'h>,
        findings: &mut Findings,
    ) -> bool {
        let Some(operation) = anchors.operations.get(index) else { return false };
        let (op, request) = (operation.op, operation.request);
        let twice = |first: i64| {
            format!(
                "{request} by operation {op} took effect twice, at revisions {first} and {revision}"
            )
        };
        let elsewhere = match operation.outcome {
            // It may write its key, and take it back.
            Outcome::Ok(_) | Outcome::Info(_) if matches!(request, Request::Lock(_)) => None,
            Outcome::Ok(response) => Some(response.header().revision),
            Outcome::Info(_) => self.placed.get(&index).copied(),
            Outcome::Fail(error) => {
                let kind = error.kind;
                let text = format!(
                    "{request} by operation {op} was refused ({kind:?}) and yet took effect at \
                        revision {revision}"
                );
                findings.add(violation("PHANTOM", text).at(op, operation.call));
                return false;
            }
        };
        if let Some(first) = elsewhere {
            findings.add(violation("DUPLICATE_APPLY", twice(first)).at(op, operation.call));
            return false;
        }
        if let Some(&other) = self.writers.get(&revision)
            && let Some(other) = anchors.operations.get(other)
        {
            let text = format!(
                "{} by operation {} and {request} by operation {op} both made revision {revision}",
                other.request, other.op
            );
            findings.add(violation("UNIQUE", text).at(op, operation.call).at(other.op, other.call));
            return false;
        }
        self.writers.insert(revision, index);
        self.placed.insert(index, revision);
        true
    }
}

/// Which operation writes a value to a key.
enum Wrote {
    Nobody,
    One(usize),
    Several,
}

impl Wrote {
    fn add(&mut self, index: usize) {
        *self = match self {
            Self::Nobody => Self::One(index),
            Self::One(other) if *other == index => Self::One(index),
            Self::One(_) | Self::Several => Self::Several,
        };
    }
}

/// The entries that made a revision: those before which a member was at the revision before.
fn makers(history: &History) -> Vec<&Applied> {
    let mut entries: BTreeMap<u64, &Applied> = BTreeMap::new();
    for event in &history.events {
        if let Event::Applied(tap) = event {
            entries.entry(tap.index).or_insert(tap);
        }
    }
    let mut before = 1;
    let made = entries.into_values().filter(|tap| {
        let made = tap.revision.checked_sub(1) == Some(before);
        before = tap.revision;
        made
    });
    made.collect()
}

/// Visits the key-values of an answer that carry all their fields.
fn each_whole_kv<'h>(response: &'h Response, visit: &mut impl FnMut(&'h KeyValue)) {
    match response {
        Response::Range(range) => whole(&range.kvs, visit),
        Response::Put(put) => put.prev_kv.iter().for_each(visit),
        Response::DeleteRange(delete) => delete.prev_kvs.iter().for_each(visit),
        Response::Txn(txn) => each_in_txn(txn, visit),
        Response::Compact(_) | Response::Lease(_) | Response::Lock(_) => {}
    }
}

fn each_in_txn<'h>(txn: &'h TxnResponse, visit: &mut impl FnMut(&'h KeyValue)) {
    for response in &txn.responses {
        match response {
            ResponseOp::Range(range) => whole(&range.kvs, visit),
            ResponseOp::Put(put) => put.prev_kv.iter().for_each(&mut *visit),
            ResponseOp::DeleteRange(delete) => delete.prev_kvs.iter().for_each(&mut *visit),
            ResponseOp::Txn(inner) => each_in_txn(inner, visit),
        }
    }
}

/// Keys without a value may come from a read of keys only, so they are left out.
fn whole<'h>(kvs: &'h [KeyValue], visit: &mut impl FnMut(&'h KeyValue)) {
    kvs.iter().filter(|kv| !kv.value.is_empty()).for_each(visit);
}
