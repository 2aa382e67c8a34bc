//! The store as one would explain it: a map for every revision that ever was.
//!
//! Written from the rules of the API alone. Nothing of the machine is called: only its plain data
//! types appear, because programs and results are made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{
    Command, Compare, CompareResult, CompareTarget, DeleteRange, DeleteRangeOutcome, EventKind,
    KeyValue, LeaseCheckpoint, LeaseCommand, LeaseGrant, LeaseOutcome, MemberAttributes, Outcome,
    Put, PutOutcome, Range, RangeOutcome, Rejection, SortOrder, SortTarget, Txn, TxnOp, TxnOutcome,
};

type State = BTreeMap<Bytes, KeyValue>;

/// What watchers see of a change, with what was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) kind: EventKind,
    pub(crate) kv: KeyValue,
    /// Before the whole request.
    pub(crate) prev: Option<KeyValue>,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    /// `states[r]` is the store at revision `r`.
    states: Vec<State>,
    /// `events[r]` is what revision `r` did.
    events: Vec<Vec<Seen>>,
    pub(crate) compacted: i64,
    pub(crate) members: BTreeMap<u64, MemberAttributes>,
    /// Granted and remaining seconds of every lease.
    pub(crate) leases: BTreeMap<i64, (i64, i64)>,
}

/// A write request half done.
struct Request {
    before: State,
    state: State,
    revision: i64,
    events: Vec<Seen>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            states: vec![State::new(); 2],
            events: vec![Vec::new(); 2],
            compacted: -1,
            members: BTreeMap::new(),
            leases: BTreeMap::new(),
        }
    }

    pub(crate) fn revision(&self) -> i64 {
        number(self.states.len()) - 1
    }

    pub(crate) fn events(&self, revision: i64) -> &[Seen] {
        &self.events[position(revision)]
    }

    fn at(&self, revision: i64) -> &State {
        &self.states[position(revision)]
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Result<Outcome, Rejection> {
        let before = self.at(self.revision()).clone();
        let mut request = Request {
            state: before.clone(),
            before,
            revision: self.revision() + 1,
            events: Vec::new(),
        };
        let outcome = match command {
            Command::Put(put) => {
                self.lease_is_known(put.lease)?;
                Outcome::Put(request.put(put)?)
            }
            Command::DeleteRange(delete) => Outcome::DeleteRange(request.delete(delete)),
            Command::Txn(txn) => Outcome::Txn(self.txn(txn, &mut request)?),
            Command::Compact(compact) => {
                if compact.revision <= self.compacted {
                    return Err(Rejection::Compacted);
                }
                if compact.revision > self.revision() {
                    return Err(Rejection::FutureRevision);
                }
                self.compacted = compact.revision;
                Outcome::Compact
            }
            // Has a model of its own.
            Command::Auth(_) => unreachable!("programs are about keys"),
            Command::SetMember(member) => {
                self.members.insert(member.id, member.clone());
                Outcome::SetMember
            }
            Command::Alarm(_) => unreachable!("no program raises an alarm"),
            Command::Lease(lease) => Outcome::Lease(self.lease(lease, &mut request)?),
            Command::Cluster(_) => unreachable!("programs have none: they are told in a script"),
        };
        if !request.events.is_empty() {
            self.states.push(request.state);
            self.events.push(request.events);
        }
        Ok(outcome)
    }

    fn lease_is_known(&self, lease: i64) -> Result<(), Rejection> {
        let is_known = lease == 0 || self.leases.contains_key(&lease);
        is_known.then_some(()).ok_or(Rejection::LeaseNotFound)
    }

    fn lease(
        &mut self,
        command: &LeaseCommand,
        request: &mut Request,
    ) -> Result<LeaseOutcome, Rejection> {
        match command {
            LeaseCommand::Grant(LeaseGrant { id, ttl }) => {
                if self.leases.contains_key(id) {
                    return Err(Rejection::LeaseExists);
                }
                self.leases.insert(*id, (*ttl, 0));
                Ok(LeaseOutcome::Granted(LeaseGrant { id: *id, ttl: *ttl }))
            }
            LeaseCommand::Revoke { id } => {
                self.leases.remove(id).ok_or(Rejection::LeaseNotFound)?;
                for key in self.keys_of(*id) {
                    request.delete(&DeleteRange { key, ..DeleteRange::default() });
                }
                Ok(LeaseOutcome::Revoked { id: *id })
            }
            LeaseCommand::Checkpoint(checkpoints) => {
                for LeaseCheckpoint { id, remaining_ttl } in checkpoints {
                    self.leases.entry(*id).and_modify(|lease| lease.1 = *remaining_ttl);
                }
                Ok(LeaseOutcome::Checkpointed)
            }
        }
    }

    /// The keys that have the lease now.
    pub(crate) fn keys_of(&self, lease: i64) -> Vec<Bytes> {
        let state = self.at(self.revision());
        state.values().filter(|kv| kv.lease == lease).map(|kv| kv.key.clone()).collect()
    }

    /// The revision that a range is read at.
    pub(crate) fn readable(&self, revision: i64) -> Result<i64, Rejection> {
        let at = if revision <= 0 { self.revision() } else { revision };
        if at > self.revision() {
            Err(Rejection::FutureRevision)
        } else if at < self.compacted {
            Err(Rejection::Compacted)
        } else {
            Ok(at)
        }
    }

    pub(crate) fn range(&self, range: &Range) -> Result<RangeOutcome, Rejection> {
        Ok(read(self.at(self.readable(range.revision)?), range))
    }

    fn txn(&self, txn: &Txn, request: &mut Request) -> Result<TxnOutcome, Rejection> {
        // Comparisons see the store before the request, those of nested transactions too.
        let before = self.at(self.revision());
        let succeeded = txn.compare.iter().all(|compare| holds(before, compare));
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let mut responses = Vec::new();
        for op in ops {
            responses.push(match op {
                TxnOp::Put(put) => {
                    let keeps = put.ignore_value || put.ignore_lease;
                    if keeps && !request.state.contains_key(&put.key) {
                        return Err(Rejection::KeyNotFound);
                    }
                    self.lease_is_known(put.lease)?;
                    Outcome::Put(request.put(put)?)
                }
                TxnOp::DeleteRange(delete) => Outcome::DeleteRange(request.delete(delete)),
                TxnOp::Txn(nested) => Outcome::Txn(self.txn(nested, request)?),
                TxnOp::Range(range) if range.revision == 0 => {
                    Outcome::Range(read(&request.state, range))
                }
                TxnOp::Range(range) if range.revision < self.compacted => {
                    return Err(Rejection::Compacted);
                }
                TxnOp::Range(range) if range.revision > self.revision() => {
                    return Err(Rejection::FutureRevision);
                }
                TxnOp::Range(range) if range.revision < 0 => {
                    Outcome::Range(read(&request.state, range))
                }
                TxnOp::Range(range) => Outcome::Range(read(self.at(range.revision), range)),
            });
        }
        Ok(TxnOutcome { succeeded, responses })
    }
}

impl Request {
    fn put(&mut self, put: &Put) -> Result<PutOutcome, Rejection> {
        let old = self.state.get(&put.key).cloned();
        if (put.ignore_value || put.ignore_lease) && old.is_none() {
            return Err(Rejection::KeyNotFound);
        }
        let mut new = KeyValue {
            key: put.key.clone(),
            value: put.value.clone(),
            create_revision: self.revision,
            mod_revision: self.revision,
            version: 1,
            lease: put.lease,
        };
        if let Some(old) = &old {
            new.create_revision = old.create_revision;
            new.version = old.version + 1;
            if put.ignore_value {
                new.value = old.value.clone();
            }
            if put.ignore_lease {
                new.lease = old.lease;
            }
        }
        self.state.insert(put.key.clone(), new.clone());
        let is_new = new.create_revision == self.revision;
        let prev = self.before.get(&put.key).filter(|_| !is_new).cloned();
        self.events.push(Seen { kind: EventKind::Put, kv: new, prev });
        Ok(PutOutcome { prev_kv: old.filter(|_| put.prev_kv).map(Arc::new) })
    }

    fn delete(&mut self, delete: &DeleteRange) -> DeleteRangeOutcome {
        let is_hit = |key: &Bytes| within(key, &delete.key, &delete.range_end);
        let deleted: Vec<KeyValue> =
            self.state.values().filter(|kv| is_hit(&kv.key)).cloned().collect();
        self.state.retain(|key, _| !is_hit(key));
        for old in &deleted {
            let kv = KeyValue {
                key: old.key.clone(),
                mod_revision: self.revision,
                ..KeyValue::default()
            };
            let prev = self.before.get(&old.key).cloned();
            self.events.push(Seen { kind: EventKind::Delete, kv, prev });
        }
        DeleteRangeOutcome {
            deleted: number(deleted.len()),
            prev_kvs: if delete.prev_kv {
                deleted.into_iter().map(Arc::new).collect()
            } else {
                Vec::new()
            },
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).expect("a count fits")
}

fn position(revision: i64) -> usize {
    usize::try_from(revision).expect("revisions are not negative")
}

fn within(candidate: &[u8], key: &[u8], range_end: &[u8]) -> bool {
    match range_end {
        b"" => candidate == key,
        b"\0" => candidate >= key,
        _ => candidate >= key && candidate < range_end,
    }
}

fn read(state: &State, range: &Range) -> RangeOutcome {
    let mut found: Vec<KeyValue> = state
        .values()
        .filter(|kv| within(&kv.key, &range.key, &range.range_end))
        .cloned()
        .collect();
    let count = number(found.len());
    if range.count_only {
        return RangeOutcome { kvs: Vec::new(), more: false, count };
    }
    let off = 0;
    found.retain(|kv| {
        (range.min_mod_revision == off || kv.mod_revision >= range.min_mod_revision)
            && (range.max_mod_revision == off || kv.mod_revision <= range.max_mod_revision)
            && (range.min_create_revision == off || kv.create_revision >= range.min_create_revision)
            && (range.max_create_revision == off || kv.create_revision <= range.max_create_revision)
    });
    let filters = [
        range.min_mod_revision,
        range.max_mod_revision,
        range.min_create_revision,
        range.max_create_revision,
    ];
    // Without an order and without filters etcd fetches one more than the limit, and sorts only that.
    if let Ok(limit @ 1..) = usize::try_from(range.limit)
        && range.sort_order == SortOrder::None
        && filters == [off; 4]
    {
        found.truncate(limit.saturating_add(1));
    }
    found.sort_by(|a, b| {
        let ascending = match range.sort_target {
            SortTarget::Key => a.key.cmp(&b.key),
            SortTarget::Version => a.version.cmp(&b.version),
            SortTarget::Create => a.create_revision.cmp(&b.create_revision),
            SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
            SortTarget::Value => a.value.cmp(&b.value),
        };
        if range.sort_order == SortOrder::Descend { ascending.reverse() } else { ascending }
    });
    let mut more = false;
    if let Ok(limit @ 1..) = usize::try_from(range.limit) {
        more = found.len() > limit;
        found.truncate(limit);
    }
    if range.keys_only {
        found.iter_mut().for_each(|kv| kv.value = Bytes::new());
    }
    RangeOutcome { kvs: found.into_iter().map(Arc::new).collect(), more, count }
}

fn holds(state: &State, compare: &Compare) -> bool {
    let is_right = |ordering: std::cmp::Ordering| match compare.result {
        CompareResult::Equal => ordering.is_eq(),
        CompareResult::Greater => ordering.is_gt(),
        CompareResult::Less => ordering.is_lt(),
        CompareResult::NotEqual => ordering.is_ne(),
    };
    let missing = KeyValue::default();
    let is_so = |kv: &KeyValue| match &compare.target {
        CompareTarget::Version(version) => is_right(kv.version.cmp(version)),
        CompareTarget::CreateRevision(revision) => is_right(kv.create_revision.cmp(revision)),
        CompareTarget::ModRevision(revision) => is_right(kv.mod_revision.cmp(revision)),
        CompareTarget::Lease(lease) => is_right(kv.lease.cmp(lease)),
        CompareTarget::Value(value) => kv.version > 0 && is_right(kv.value.cmp(value)),
    };
    let found: Vec<&KeyValue> =
        state.values().filter(|kv| within(&kv.key, &compare.key, &compare.range_end)).collect();
    if found.is_empty() { is_so(&missing) } else { found.into_iter().all(is_so) }
}
