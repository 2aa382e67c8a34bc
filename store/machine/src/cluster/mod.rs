//! What the members agree on about their cluster: what each told of itself, who is gone for ever, and
//! which version they speak.

mod version;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::command::MemberAttributes;
use crate::digest::Digest;
use crate::encoding::encode_member;
use crate::outcome::{Change, MetaKey, Rejection};

pub use version::{Version, VersionError};

/// A command about the cluster itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterCommand {
    /// The leader found the lowest version among the members.
    SetVersion(Version),
    /// A downgrade to this version begins, if it is allowed (G78).
    EnableDowngrade(Version),
    /// No downgrade goes on any longer.
    CancelDowngrade,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cluster {
    members: BTreeMap<u64, MemberAttributes>,
    removed: BTreeSet<u64>,
    version: Option<Version>,
    downgrade: Option<Version>,
}

impl Cluster {
    pub(crate) fn members(&self) -> &BTreeMap<u64, MemberAttributes> {
        &self.members
    }

    pub(crate) fn removed(&self) -> &BTreeSet<u64> {
        &self.removed
    }

    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    pub(crate) fn downgrade(&self) -> Option<Version> {
        self.downgrade
    }

    /// Takes what a member tells of itself. One that is gone does not come back by what it had sent
    /// before it went.
    pub(crate) fn set_member(
        &mut self,
        member: &MemberAttributes,
        digest: &mut Digest,
    ) -> Vec<Change> {
        let known = self.members.get(&member.id) == Some(member);
        if known || self.removed.contains(&member.id) {
            return Vec::new();
        }
        self.members.insert(member.id, member.clone());
        digest.member(member);
        vec![set(MetaKey::Member(member.id), encode_member(member))]
    }

    /// Forgets what these members told, and remembers that they are gone for ever (G65).
    pub(crate) fn remove(&mut self, ids: &[u64], digest: &mut Digest) -> Vec<Change> {
        let mut changes = Vec::new();
        for id in ids {
            if self.removed.insert(*id) {
                if self.members.remove(id).is_some() {
                    changes.push(Change::RemoveMeta { key: MetaKey::Member(*id) });
                }
                digest.removed_member(*id);
                changes.push(set(MetaKey::RemovedMember(*id), Bytes::new()));
            }
        }
        changes
    }

    pub(crate) fn apply(
        &mut self,
        command: ClusterCommand,
        digest: &mut Digest,
    ) -> Result<Vec<Change>, Rejection> {
        Ok(match command {
            ClusterCommand::SetVersion(version) if self.version == Some(version) => Vec::new(),
            ClusterCommand::SetVersion(version) => {
                self.version = Some(version);
                digest.cluster_version(version);
                vec![set(MetaKey::ClusterVersion, version.encode())]
            }
            ClusterCommand::EnableDowngrade(target) => {
                self.check_downgrade(target)?;
                self.set_downgrade(Some(target), digest)
            }
            ClusterCommand::CancelDowngrade => self.set_downgrade(None, digest),
        })
    }

    /// Whether a downgrade to `target` may begin, in the order in which etcd asks.
    pub(crate) fn check_downgrade(&self, target: Version) -> Result<Version, Rejection> {
        let version = self.version.ok_or(Rejection::ClusterVersionUnavailable)?;
        if Some(target) != version.before() {
            return Err(Rejection::InvalidDowngradeTarget);
        }
        if self.downgrade.is_some() {
            return Err(Rejection::DowngradeInProcess);
        }
        Ok(version)
    }

    fn set_downgrade(&mut self, target: Option<Version>, digest: &mut Digest) -> Vec<Change> {
        if self.downgrade == target {
            return Vec::new();
        }
        self.downgrade = target;
        digest.downgrade(target);
        vec![set(MetaKey::Downgrade, target.map_or_else(Bytes::new, Version::encode))]
    }

    /// Takes back what was kept under a name that is the cluster's, in any order.
    pub(crate) fn restore_member(&mut self, member: MemberAttributes) {
        if !self.removed.contains(&member.id) {
            self.members.insert(member.id, member);
        }
    }

    pub(crate) fn restore_removed(&mut self, id: u64) {
        self.members.remove(&id);
        self.removed.insert(id);
    }

    pub(crate) fn restore_version(&mut self, version: Version) {
        self.version = Some(version);
    }

    pub(crate) fn restore_downgrade(&mut self, target: Option<Version>) {
        self.downgrade = target;
    }
}

fn set(key: MetaKey, value: Bytes) -> Change {
    Change::SetMeta { key, value }
}
