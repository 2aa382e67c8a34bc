//! Rebuilding the machine from what its owner kept, after a restart or from a snapshot.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::alarm::Alarms;
use crate::auth::{Auth, decode_auth, decode_role, decode_user};
use crate::cluster::{Cluster, Version};
use crate::compaction::Compaction;
use crate::compaction_hash::CompactionHashes;
use crate::digest::Digest;
use crate::encoding::{
    DecodeError, RowHeader, ValueHeader, decode_digest, decode_member, decode_revision,
};
use crate::index::{Direction, History, Index, Keys};
use crate::lease::{LeaseTable, decode_lease};
use crate::machine::{Machine, REVISION_FIRST};
use crate::outcome::MetaKey;
use crate::row::Revision;
use crate::span::Span;

/// What was kept cannot be of this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The value of a name means nothing.
    #[error("{key:?}: {source}")]
    Meta {
        /// The name.
        key: MetaKey,
        /// What is wrong with the value.
        source: DecodeError,
    },
    /// A name holds a number that cannot be.
    #[error("{key:?} is {value}, which contradicts a revision of {revision}")]
    Number {
        /// The name.
        key: MetaKey,
        /// Its value.
        value: i64,
        /// The store's revision.
        revision: i64,
    },
    /// Rows do not come in the order of their revisions, or twice.
    #[error("row {row:?} follows row {previous:?}")]
    Order {
        /// The row before.
        previous: Revision,
        /// The row that should not follow.
        row: Revision,
    },
    /// A row is newer than the store's revision: it was not kept together with it.
    #[error("row {row:?} is newer than revision {revision}")]
    Ahead {
        /// The row.
        row: Revision,
        /// The store's revision.
        revision: i64,
    },
    /// A row does not continue the history of its key.
    #[error("row {row:?} does not continue its key's history: {header:?}")]
    History {
        /// The row.
        row: Revision,
        /// What is in it.
        header: RowHeader,
    },
    /// A key is attached to a lease that was not kept.
    #[error("key {key:?} has lease {lease}, which is unknown")]
    Lease {
        /// The key.
        key: Bytes,
        /// The lease.
        lease: i64,
    },
}

/// Takes the rows in the order of their revisions and makes a machine of them.
#[derive(Debug)]
pub struct Restorer {
    index: Index,
    revision: i64,
    compaction: Compaction,
    cluster: Cluster,
    leases: LeaseTable,
    digest: Digest,
    auth: Auth,
    last: Revision,
    hashes: CompactionHashes,
    alarms: Alarms,
}

impl Restorer {
    /// Begins with everything that was kept by name.
    pub fn new(meta: impl IntoIterator<Item = (MetaKey, Bytes)>) -> Result<Self, RestoreError> {
        let (mut revision, mut promised, mut done) = (REVISION_FIRST, -1, -1);
        let mut digest = Digest::new();
        let mut auth = Auth::default();
        let mut hashes = CompactionHashes::default();
        let mut alarms = Alarms::default();
        let mut leases = LeaseTable::default();
        let mut cluster = Cluster::default();
        for (key, value) in meta {
            let broken = |source| RestoreError::Meta { key: key.clone(), source };
            match key {
                MetaKey::Revision => revision = decode_revision(&value).map_err(broken)?,
                MetaKey::Compacted => promised = decode_revision(&value).map_err(broken)?,
                MetaKey::CompactionDone => done = decode_revision(&value).map_err(broken)?,
                MetaKey::Digest => {
                    digest = Digest::restore(decode_digest(&value).map_err(broken)?);
                }
                MetaKey::Member(id) => {
                    cluster.restore_member(decode_member(id, &value).map_err(broken)?);
                }
                MetaKey::RemovedMember(id) => cluster.restore_removed(id),
                MetaKey::ClusterVersion => {
                    cluster.restore_version(Version::decode(&value).map_err(broken)?);
                }
                MetaKey::Downgrade if value.is_empty() => cluster.restore_downgrade(None),
                MetaKey::Downgrade => {
                    let target = Version::decode(&value).map_err(broken)?;
                    cluster.restore_downgrade(Some(target));
                }
                MetaKey::Auth => {
                    let (enabled, revision) = decode_auth(&value).map_err(broken)?;
                    auth.restore_state(enabled, revision);
                }
                MetaKey::AuthUser(ref name) => {
                    auth.restore_user(name.clone(), decode_user(&value).map_err(broken)?);
                }
                MetaKey::AuthRole(ref name) => {
                    auth.restore_role(name.clone(), decode_role(&value).map_err(broken)?);
                }
                MetaKey::CompactionHashes => {
                    hashes = CompactionHashes::decode(&value).map_err(broken)?;
                }
                MetaKey::Alarms => alarms = Alarms::decode(&value).map_err(broken)?,
                MetaKey::Lease(id) => leases.insert(id, decode_lease(&value).map_err(broken)?),
            }
        }
        for (key, value, least, most) in [
            (MetaKey::Revision, revision, REVISION_FIRST, i64::MAX - 1),
            (MetaKey::Compacted, promised, -1, revision),
            (MetaKey::CompactionDone, done, -1, promised),
        ] {
            if value < least || value > most {
                return Err(RestoreError::Number { key, value, revision });
            }
        }
        Ok(Self {
            index: Index::new(revision),
            revision,
            compaction: Compaction::restored(promised, done),
            cluster,
            leases,
            digest,
            auth: auth.restored(),
            last: Revision { main: REVISION_FIRST, sub: i64::MAX },
            hashes,
            alarms,
        })
    }

    /// Takes the next row.
    pub fn row(&mut self, revision: Revision, header: &RowHeader) -> Result<(), RestoreError> {
        if revision <= self.last || revision.sub < 0 {
            return Err(RestoreError::Order { previous: self.last, row: revision });
        }
        if revision.main > self.revision {
            return Err(RestoreError::Ahead { row: revision, revision: self.revision });
        }
        self.last = revision;
        let continues = self.index.restore(&header.key, |history| match header.value {
            Some(value) => take_value(history, revision, value),
            None => take_tombstone(history, revision),
        });
        if header.key.is_empty() || !continues {
            return Err(RestoreError::History { row: revision, header: header.clone() });
        }
        Ok(())
    }

    /// The machine as it was when the last of what was kept was kept.
    pub fn finish(mut self) -> Result<Machine, RestoreError> {
        self.attach_keys()?;
        let Self { index, compaction, cluster, leases, digest, auth, hashes, alarms, .. } = self;
        let mut machine = Machine::restored(index, compaction, cluster, leases, digest, auth);
        machine.hashes = hashes;
        machine.alarms = alarms;
        Ok(machine)
    }

    /// Which keys a lease has is told by the keys.
    fn attach_keys(&mut self) -> Result<(), RestoreError> {
        let (index, leases) = (&self.index, &mut self.leases);
        let mut unknown = None;
        let _ = index.walk(&Span::all(), Keys::Live, Direction::Ascending, &mut |key, history| {
            let lease = history.latest().and_then(|seen| seen.lease).unwrap_or(0);
            if lease != 0 && !leases.restore_key(lease, key) {
                unknown = Some(RestoreError::Lease { key: Bytes::copy_from_slice(key), lease });
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        unknown.map_or(Ok(()), Err)
    }
}

/// Whether the value continues the history.
fn take_value(history: &mut History, revision: Revision, value: ValueHeader) -> bool {
    let ValueHeader { create_revision, mod_revision, version, lease } = value;
    if mod_revision != revision.main {
        return false;
    }
    match history.latest() {
        Some(last) => {
            let continues = last.create_revision == create_revision
                && last.version.checked_add(1) == Some(version);
            if continues {
                history.put(revision, lease);
            }
            continues
        }
        // Only what compaction left of a first generation may begin in its middle.
        None => {
            let is_first = version == 1 && create_revision == revision.main;
            let is_rest = (2..i64::MAX / 2).contains(&version)
                && history.is_empty()
                && create_revision > REVISION_FIRST
                && create_revision <= revision.main;
            if is_first || is_rest {
                history.open_at(revision, create_revision, version, lease);
            }
            is_first || is_rest
        }
    }
}

/// Whether the tombstone continues the history.
fn take_tombstone(history: &mut History, revision: Revision) -> bool {
    if history.delete(revision).is_some() {
        return true;
    }
    let is_rest = history.is_empty();
    if is_rest {
        history.close_at(revision);
    }
    is_rest
}
