//! A data directory made of a snapshot file: that of a member of a new cluster, before it starts.
//!
//! Every member of the cluster is restored from the same file on its own, and all come to the same state:
//! one membership, at one index, of one term.

use std::collections::BTreeMap;
use std::sync::Arc;

use detcd_machine::Import;
use openraft::vote::leader_id_std::{CommittedLeaderId, LeaderId};
use prost::Message;

use crate::config::InitialCluster;
use crate::etcd_format::{ImportError, SnapshotContent};
use crate::raft::{LogId, MemberNode, Membership, RaftVote, StoredMembership, codec};
use crate::runtime::{Disk, Runtime};
use crate::storage::{self, Mark, StateBuilder};
use crate::wal;

/// The term and the index that a restored state begins with.
const FIRST: u64 = 1;

/// Why a directory was not made.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file.
    #[error(transparent)]
    File(#[from] ImportError),
    /// The new database.
    #[error("database: {0}")]
    Storage(#[from] storage::Error),
    /// The new log.
    #[error("write-ahead log: {0}")]
    Log(#[from] wal::Error),
    /// The members.
    #[error("members: {0}")]
    Membership(String),
}

/// Makes the directory behind `disk` that of this member. `state` is that of `content`, perhaps changed;
/// both were verified before.
pub async fn restore<R: Runtime>(
    disk: Arc<dyn Disk>,
    cluster: &InitialCluster,
    content: &SnapshotContent<'_>,
    state: Import,
) -> Result<(), RestoreError> {
    restore_state(&*disk, cluster, content, state)?;
    restore_log::<R>(disk, cluster).await
}

/// The first half of [`restore`], which blocks: the database.
pub fn restore_state(
    disk: &dyn Disk,
    cluster: &InitialCluster,
    content: &SnapshotContent<'_>,
    state: Import,
) -> Result<(), RestoreError> {
    let identity = storage::Identity { cluster_id: cluster.id, member_id: cluster.local };
    let mut builder = StateBuilder::new(disk, identity)?;
    builder.meta(state.into_meta());
    content.rows(|revision, row| {
        builder.row(revision, row).map_err(|error| ImportError::Taken(error.to_string()))
    })?;
    Ok(builder.finish(&mark(cluster)?)?)
}

/// The second half of [`restore`]: a log that begins behind the database.
pub async fn restore_log<R: Runtime>(
    disk: Arc<dyn Disk>,
    cluster: &InitialCluster,
) -> Result<(), RestoreError> {
    // A member with a state and without a vote would be taken for one that has lost its log.
    let identity = wal::Identity { cluster_id: cluster.id, member_id: cluster.local };
    let (log, _) = wal::Log::<R>::open(disk, identity, wal::Options::default()).await?;
    let vote = RaftVote {
        leader_id: LeaderId { term: FIRST, voted_for: cluster.local },
        committed: false,
    };
    log.save_vote(codec::vote_to_peer(&vote).encode_to_vec().into()).await?;
    log.stop().await;
    Ok(())
}

fn mark(cluster: &InitialCluster) -> Result<Mark, RestoreError> {
    let nodes: BTreeMap<u64, MemberNode> = cluster
        .members
        .values()
        .map(|member| {
            (member.id, MemberNode { peer_urls: member.peer_urls.clone(), ..MemberNode::default() })
        })
        .collect();
    let voters = nodes.keys().copied().collect();
    let membership = Membership::new(vec![voters], nodes)
        .map_err(|error| RestoreError::Membership(error.to_string()))?;
    let log_id = LogId { leader_id: CommittedLeaderId::new(FIRST), index: FIRST };
    let stored = StoredMembership::new(Some(log_id), membership);
    let position = storage::Position { term: FIRST, node: 0, index: FIRST };
    Ok(Mark { position, membership: codec::encode_stored_membership(&stored) })
}
