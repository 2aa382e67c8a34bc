//! The machine: its state, and what each command does to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::alarm::{AlarmCommand, Alarms};
use crate::auth::{Auth, AuthCommand, Requester};
use crate::cluster::{Cluster, ClusterCommand, Version};
use crate::command::{Command, Compact, DeleteRange, MemberAttributes, Put, Txn};
use crate::compaction::Compaction;
use crate::compaction_hash::{CompactionHashes, HashSpan};
use crate::digest::Digest;
use crate::encoding::{encode_digest, encode_revision};
use crate::index::{Index, Seen};
use crate::lease::LeaseTable;
use crate::outcome::{Applied, Change, Event, MetaKey, Outcome, Rejection, TxnOutcome};
use crate::row::{Revision, Rows};
use crate::txn;
use crate::write::{Effects, Write};

/// Revision of a store that nothing was written to (G4).
pub(crate) const REVISION_FIRST: i64 = 1;

/// The replicated state machine. See the crate.
#[derive(Debug)]
pub struct Machine {
    index: Index,
    revision: i64,
    pub(crate) compaction: Compaction,
    cluster: Cluster,
    leases: LeaseTable,
    digest: Digest,
    pub(crate) auth: Auth,
    pub(crate) hashes: CompactionHashes,
    pub(crate) alarms: Alarms,
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Machine {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::restored(
            Index::new(REVISION_FIRST),
            Compaction::never(),
            Cluster::default(),
            LeaseTable::default(),
            Digest::new(),
            Auth::default(),
        )
    }

    pub(crate) fn restored(
        index: Index,
        compaction: Compaction,
        cluster: Cluster,
        leases: LeaseTable,
        digest: Digest,
        auth: Auth,
    ) -> Self {
        Self {
            revision: index.newest(),
            index,
            compaction,
            cluster,
            leases,
            digest,
            auth,
            hashes: CompactionHashes::default(),
            alarms: Alarms::default(),
        }
    }

    /// Revision of the last write (G5, G6).
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// The oldest readable revision, or -1 if nothing was ever compacted.
    #[must_use]
    pub fn compact_revision(&self) -> i64 {
        self.compaction.revision()
    }

    /// Digest of everything applied: equal on all members at equal applied index, whatever was
    /// flushed, compacted or restored when.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// What the members told of themselves, by id.
    #[must_use]
    pub fn members(&self) -> &BTreeMap<u64, MemberAttributes> {
        self.cluster.members()
    }

    /// Who has been removed and never comes back (G65).
    #[must_use]
    pub fn removed_members(&self) -> &BTreeSet<u64> {
        self.cluster.removed()
    }

    /// The version that the cluster speaks, once somebody has found out (K38).
    #[must_use]
    pub fn cluster_version(&self) -> Option<Version> {
        self.cluster.version()
    }

    /// The version that a downgrade leads to, while one goes on (K37).
    #[must_use]
    pub fn downgrade(&self) -> Option<Version> {
        self.cluster.downgrade()
    }

    /// Whether a downgrade to `target` may begin; the cluster's version if so (G78).
    pub fn check_downgrade(&self, target: Version) -> Result<Version, Rejection> {
        self.cluster.check_downgrade(target)
    }

    /// Takes note that a change of the membership left these members out. What is to be kept.
    pub fn remove_members(&mut self, ids: &[u64]) -> Vec<Change> {
        let changes = self.cluster.remove(ids, &mut self.digest);
        self.applied(Outcome::Cluster, Vec::new(), changes).changes
    }

    /// Users, roles, and what they permit.
    #[must_use]
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The leases that there are.
    #[must_use]
    pub fn leases(&self) -> &LeaseTable {
        &self.leases
    }

    /// Keys in the index, deleted ones included as long as history of them is left.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn leases_mut(&mut self) -> &mut LeaseTable {
        &mut self.leases
    }

    pub(crate) fn digest_mut(&mut self) -> &mut Digest {
        &mut self.digest
    }

    pub(crate) fn index_and_compaction(&mut self) -> (&mut Index, &mut Compaction) {
        (&mut self.index, &mut self.compaction)
    }

    /// The revision that a read asking for `revision` is pinned to (G10).
    pub(crate) fn readable(&self, revision: i64) -> Result<i64, Rejection> {
        if revision > self.revision {
            return Err(Rejection::FutureRevision);
        }
        let pinned = if revision <= 0 { self.revision } else { revision };
        if pinned < self.compact_revision() {
            return Err(Rejection::Compacted);
        }
        Ok(pinned)
    }

    /// Whether everything that a reader pinned at `revision` sees is still there.
    pub(crate) fn visible(&self, revision: i64) -> Result<(), Rejection> {
        if revision < self.compaction.oldest_complete() {
            return Err(Rejection::Compacted);
        }
        if revision > self.revision {
            return Err(Rejection::FutureRevision);
        }
        Ok(())
    }

    /// Where the key-value is stored that `key` had before the request that changed it at `revision`;
    /// `None` for a creation, and where compaction has given it up (G46).
    #[must_use]
    pub fn previous(&self, key: &[u8], revision: Revision) -> Option<Revision> {
        // Whether rows are removed already must not be seen, so the promise decides and not the
        // index.
        if revision.main - 1 < self.compact_revision() {
            return None;
        }
        let history = self.index.get(key)?;
        let creates = |seen: Seen| seen.create_revision == revision.main;
        if history.seen_at(revision).is_some_and(creates) {
            return None;
        }
        let before = Revision { main: revision.main - 1, sub: i64::MAX };
        history.seen_at(before).map(|seen| seen.revision)
    }

    /// Applies a committed command for whoever asked for it. `rows` must have the rows that
    /// [`rows_needed`](Self::rows_needed) names for this command in this state.
    pub fn apply(&mut self, by: &Requester, command: &Command, rows: &dyn Rows) -> Applied {
        if let Err(rejection) = self.check_permitted(by, command) {
            return self.rejected(rejection.into());
        }
        if let Err(rejection) = self.alarms.admit(command) {
            return self.rejected(rejection);
        }
        match command {
            Command::Put(put) => self.put(put, rows),
            Command::DeleteRange(delete) => self.delete_range(delete, rows),
            Command::Txn(txn) => self.txn(txn, rows),
            Command::Compact(compact) => self.compact(*compact),
            Command::SetMember(member) => self.set_member(member),
            Command::Auth(command) => self.change_auth(command),
            Command::Alarm(alarm) => self.alarm(*alarm),
            Command::Lease(lease) => self.apply_lease(lease, rows),
            Command::Cluster(command) => self.change_cluster(*command),
        }
    }

    /// Carries out a transaction that only reads, against the state as it is. `rows` as in
    /// [`apply`](Self::apply).
    pub fn read_txn(&self, txn: &Txn, rows: &dyn Rows) -> Result<TxnOutcome, Rejection> {
        assert!(txn.is_read_only(), "a transaction that writes has to be applied");
        let plan = txn::decide(txn, &self.index, rows);
        txn::check(self, &plan)?;
        Ok(txn::read(&plan, &self.index, rows))
    }

    fn put(&mut self, put: &Put, rows: &dyn Rows) -> Applied {
        if let Err(rejection) = self.check_put(put) {
            return self.rejected(rejection);
        }
        let mut write = self.write(rows);
        let outcome = write.put(put);
        let effects = write.into_effects();
        self.written(Outcome::Put(outcome), effects)
    }

    fn delete_range(&mut self, delete: &DeleteRange, rows: &dyn Rows) -> Applied {
        let mut write = self.write(rows);
        let outcome = write.delete_range(delete);
        let effects = write.into_effects();
        self.written(Outcome::DeleteRange(outcome), effects)
    }

    fn txn(&mut self, txn: &Txn, rows: &dyn Rows) -> Applied {
        let plan = txn::decide(txn, &self.index, rows);
        if let Err(rejection) = txn::check(self, &plan) {
            return self.rejected(rejection);
        }
        let mut write = self.write(rows);
        let outcome = txn::execute(&plan, &mut write);
        let effects = write.into_effects();
        self.written(Outcome::Txn(outcome), effects)
    }

    fn compact(&mut self, compact: Compact) -> Applied {
        if compact.revision <= self.compact_revision() {
            return self.rejected(Rejection::Compacted);
        }
        if compact.revision > self.revision {
            return self.rejected(Rejection::FutureRevision);
        }
        let span =
            HashSpan { compact_revision: self.compact_revision(), revision: compact.revision };
        let owed = self.hashes.owe(span);
        self.compaction.schedule(compact.revision);
        self.digest.compaction(compact.revision);
        let value = encode_revision(compact.revision);
        let changes = vec![Change::SetMeta { key: MetaKey::Compacted, value }, owed];
        self.applied(Outcome::Compact, Vec::new(), changes)
    }

    fn set_member(&mut self, member: &MemberAttributes) -> Applied {
        let changes = self.cluster.set_member(member, &mut self.digest);
        self.applied(Outcome::SetMember, Vec::new(), changes)
    }

    fn change_auth(&mut self, command: &AuthCommand) -> Applied {
        let changes = match self.auth.apply(command) {
            Ok(changes) => changes,
            Err(rejection) => return self.rejected(rejection.into()),
        };
        for change in &changes {
            match change {
                Change::SetMeta { key, value } => self.digest.meta(&key.encode(), Some(value)),
                Change::RemoveMeta { key } => self.digest.meta(&key.encode(), None),
                Change::Put { .. } | Change::Remove { .. } => unreachable!("no rows: {change:?}"),
            }
        }
        self.applied(Outcome::Auth(self.auth.revision()), Vec::new(), changes)
    }

    fn change_cluster(&mut self, command: ClusterCommand) -> Applied {
        match self.cluster.apply(command, &mut self.digest) {
            Ok(changes) => self.applied(Outcome::Cluster, Vec::new(), changes),
            Err(rejection) => self.rejected(rejection),
        }
    }

    /// What a put outside a transaction needs. The lease is looked at before the key, as etcd does;
    /// inside a transaction it is the other way round.
    fn check_put(&self, put: &Put) -> Result<(), Rejection> {
        self.check_lease(put.lease)?;
        let keeps_something = put.ignore_value || put.ignore_lease;
        if keeps_something && self.index.latest(&put.key).is_none() {
            return Err(Rejection::KeyNotFound);
        }
        Ok(())
    }

    /// Whether a key may be attached to the lease (G22).
    pub(crate) fn check_lease(&self, lease: i64) -> Result<(), Rejection> {
        if lease == 0 || self.leases.get(lease).is_some() {
            Ok(())
        } else {
            Err(Rejection::LeaseNotFound)
        }
    }

    pub(crate) fn write<'a>(&'a mut self, rows: &'a dyn Rows) -> Write<'a> {
        Write::new(&mut self.index, &mut self.leases, rows, self.revision)
    }

    pub(crate) fn written(&mut self, outcome: Outcome, effects: Effects) -> Applied {
        let Effects { events, mut changes, others } = effects;
        if !changes.is_empty() {
            self.revision += 1;
            assert_eq!(self.index.newest(), self.revision, "one write is one revision");
            self.digest.revision(self.revision);
            for change in &changes {
                if let Change::Put { row, .. } = change {
                    self.digest.row(row);
                }
            }
            let value = encode_revision(self.revision);
            changes.push(Change::SetMeta { key: MetaKey::Revision, value });
        }
        changes.extend(others);
        self.applied(outcome, events, changes)
    }

    pub(crate) fn digest_alarm(&mut self, command: AlarmCommand) {
        let (is_active, alarm) = match command {
            AlarmCommand::Activate(alarm) => (true, alarm),
            AlarmCommand::Deactivate(alarm) => (false, alarm),
        };
        self.digest.alarm(is_active, alarm.kind.tag(), alarm.member);
    }

    /// Whatever changes anything changes the digest, and only that.
    pub(crate) fn applied(
        &self,
        outcome: Outcome,
        events: Vec<Event>,
        mut changes: Vec<Change>,
    ) -> Applied {
        if !changes.is_empty() {
            let value = encode_digest(self.digest());
            changes.push(Change::SetMeta { key: MetaKey::Digest, value });
        }
        Applied { revision: self.revision, outcome: Ok(outcome), events, changes }
    }

    pub(crate) fn rejected(&self, rejection: Rejection) -> Applied {
        Applied {
            revision: self.revision,
            outcome: Err(rejection),
            events: Vec::new(),
            changes: Vec::new(),
        }
    }
}
