//! The encoded forms of Raft's types, on the wire and on disk: protobuf messages of `detcd.peer.v1`.
//!
//! A log payload on disk is one [`peer::Entry`] without its log id, which the log's frame carries.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use detcd_api::peer;
use detcd_machine::{Command, Requester};
use openraft::entry::RaftEntry;
use openraft::vote::leader_id_std::{CommittedLeaderId, LeaderId};
use openraft::{EntryPayload, RaftTypeConfig};
use prost::Message;

use super::{
    Entry, LogId, MemberNode, Membership, Proposal, RaftVote, SnapshotMeta, StoredMembership,
};
use crate::api;
use crate::runtime::Runtime;
use crate::wal;

/// Why bytes from a peer or from the log are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No such protobuf message.
    #[error("malformed message: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A membership that no cluster can have.
    #[error("impossible membership: {0}")]
    Membership(String),
    /// A command that this version does not know.
    #[error("command: {0}")]
    Command(#[from] api::DecodeError),
}

/// The bytes of a command and of who asks for it.
pub fn encode_command(by: &Requester, command: &Command) -> Bytes {
    api::encode_command(by, command)
}

/// Who asks for a command, and the command, of such bytes.
pub fn decode_command(bytes: Bytes) -> Result<(Requester, Command), DecodeError> {
    Ok(api::decode_command(bytes)?)
}

/// A log id on the wire.
pub fn log_id_to_peer(id: LogId) -> peer::LogId {
    peer::LogId { term: id.leader_id.term, node_id: 0, index: id.index }
}

/// A log id from the wire.
pub fn log_id_from_peer(id: peer::LogId) -> LogId {
    LogId { leader_id: CommittedLeaderId::new(id.term), index: id.index }
}

/// A log id as the log stores it.
pub fn position(id: LogId) -> wal::Position {
    wal::Position { term: id.leader_id.term, node: 0, index: id.index }
}

/// A log id from the log.
pub fn log_id(position: wal::Position) -> LogId {
    LogId { leader_id: CommittedLeaderId::new(position.term), index: position.index }
}

/// A vote on the wire and in the log.
pub fn vote_to_peer(vote: &RaftVote) -> peer::Vote {
    peer::Vote {
        term: vote.leader_id.term,
        node_id: vote.leader_id.voted_for,
        committed: vote.committed,
    }
}

/// A vote from the wire or the log.
pub fn vote_from_peer(vote: peer::Vote) -> RaftVote {
    RaftVote {
        leader_id: LeaderId { term: vote.term, voted_for: vote.node_id },
        committed: vote.committed,
    }
}

/// A membership on the wire.
pub fn membership_to_peer(membership: &Membership) -> peer::Membership {
    let configs = membership
        .get_joint_config()
        .iter()
        .map(|voters| peer::VoterSet { ids: voters.iter().copied().collect() })
        .collect();
    let nodes = membership
        .nodes()
        .map(|(id, node)| peer::MemberNode {
            id: *id,
            peer_urls: node.peer_urls.clone(),
            awaits_vote: node.awaits_vote,
        })
        .collect();
    peer::Membership { configs, nodes }
}

/// A membership from the wire.
pub fn membership_from_peer(membership: peer::Membership) -> Result<Membership, DecodeError> {
    let configs: Vec<BTreeSet<u64>> =
        membership.configs.into_iter().map(|set| set.ids.into_iter().collect()).collect();
    let nodes: BTreeMap<u64, MemberNode> = membership
        .nodes
        .into_iter()
        .map(|node| {
            let awaits_vote = node.awaits_vote;
            (node.id, MemberNode { peer_urls: node.peer_urls, awaits_vote })
        })
        .collect();
    if configs.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    Membership::new(configs, nodes).map_err(|error| DecodeError::Membership(error.to_string()))
}

/// A membership and where it came from, as the database keeps it beside the applied index.
pub fn encode_stored_membership(stored: &StoredMembership) -> Bytes {
    peer::SnapshotMeta {
        last_log_id: None,
        membership_log_id: (*stored.log_id()).map(log_id_to_peer),
        membership: Some(membership_to_peer(stored.membership())),
        id: String::new(),
    }
    .encode_to_vec()
    .into()
}

/// The inverse of [`encode_stored_membership`].
pub fn decode_stored_membership(bytes: Bytes) -> Result<StoredMembership, DecodeError> {
    let meta = peer::SnapshotMeta::decode(bytes)?;
    stored_membership(meta.membership_log_id, meta.membership)
}

fn stored_membership(
    log_id: Option<peer::LogId>,
    membership: Option<peer::Membership>,
) -> Result<StoredMembership, DecodeError> {
    let membership = membership_from_peer(membership.unwrap_or_default())?;
    Ok(StoredMembership::new(log_id.map(log_id_from_peer), membership))
}

/// What a snapshot covers, on the wire.
pub fn snapshot_meta_to_peer(meta: &SnapshotMeta) -> peer::SnapshotMeta {
    peer::SnapshotMeta {
        last_log_id: meta.last_log_id.map(log_id_to_peer),
        membership_log_id: (*meta.last_membership.log_id()).map(log_id_to_peer),
        membership: Some(membership_to_peer(meta.last_membership.membership())),
        id: String::new(),
    }
}

/// What a snapshot covers, from the wire.
pub fn snapshot_meta_from_peer(meta: peer::SnapshotMeta) -> Result<SnapshotMeta, DecodeError> {
    Ok(SnapshotMeta {
        last_log_id: meta.last_log_id.map(log_id_from_peer),
        last_membership: stored_membership(meta.membership_log_id, meta.membership)?,
    })
}

/// An entry on the wire; without `log_id` also in the log.
fn payload_to_peer<R: Runtime>(
    payload: &<super::TypeConfig<R> as RaftTypeConfig>::Payload,
) -> peer::entry::Payload {
    match payload {
        EntryPayload::Blank => peer::entry::Payload::Blank(peer::Empty {}),
        EntryPayload::Normal(proposal) => peer::entry::Payload::Command(proposal.bytes().clone()),
        EntryPayload::Membership(membership) => {
            peer::entry::Payload::Membership(membership_to_peer(membership))
        }
    }
}

fn entry<R: Runtime>(
    id: LogId,
    payload: Option<peer::entry::Payload>,
) -> Result<Entry<R>, DecodeError> {
    let payload = match payload.ok_or(DecodeError::Missing("an entry's payload"))? {
        peer::entry::Payload::Blank(_) => EntryPayload::Blank,
        peer::entry::Payload::Command(bytes) => EntryPayload::Normal(Proposal::from_bytes(bytes)),
        peer::entry::Payload::Membership(membership) => {
            EntryPayload::Membership(membership_from_peer(membership)?)
        }
    };
    Ok(RaftEntry::new(id, payload))
}

/// An entry on the wire.
pub fn entry_to_peer<R: Runtime>(entry: &Entry<R>) -> peer::Entry {
    peer::Entry {
        log_id: Some(log_id_to_peer(entry.log_id)),
        payload: Some(payload_to_peer::<R>(&entry.payload)),
    }
}

/// An entry from the wire.
pub fn entry_from_peer<R: Runtime>(message: peer::Entry) -> Result<Entry<R>, DecodeError> {
    let id = message.log_id.ok_or(DecodeError::Missing("an entry's log id"))?;
    entry::<R>(log_id_from_peer(id), message.payload)
}

/// An entry for the log.
pub fn entry_to_wal<R: Runtime>(entry: &Entry<R>) -> wal::Entry {
    let message = peer::Entry { log_id: None, payload: Some(payload_to_peer::<R>(&entry.payload)) };
    wal::Entry { position: position(entry.log_id), payload: message.encode_to_vec().into() }
}

/// An entry from the log.
pub fn entry_from_wal<R: Runtime>(stored: wal::Entry) -> Result<Entry<R>, DecodeError> {
    let message = peer::Entry::decode(stored.payload)?;
    entry::<R>(log_id(stored.position), message.payload)
}
