//! The one place that names openraft's generics.
//!
//! openraft decides who leads, what is committed and who is sent what; this folder gives it a log
//! ([`log_store`], over [`wal`](crate::wal)), a state machine ([`applier`], over
//! [`detcd_machine`] and [`storage`](crate::storage)) and a network ([`network`] as a client,
//! [`inbound`] as a server, both over gRPC on the peer address).
//! Types that cross the wire or the disk are encoded in [`codec`] and nowhere else; openraft's own
//! types are never serialised, because they change between its releases.
//! Must never know: the client API.

pub mod applier;
pub mod codec;
mod exchange;
mod in_flight;
mod in_force;
pub mod inbound;
mod leader_of;
mod leadership;
pub mod local;
pub mod log_store;
pub mod network;
pub mod peers;
mod presence;
pub mod proposal;
pub(crate) mod readers;
mod revocable;
mod roll_call;
mod snapshot_chunks;
pub mod standing;
mod timing;

use std::marker::PhantomData;

use openraft::impls::InlineBatch;
use openraft::vote::leader_id_std;
use openraft::{EntryPayload, RaftTypeConfig, Vote};

use crate::runtime::Runtime;

pub use applier::Applier;
pub use leader_of::{leader_of, leads};
pub use presence::Presence;
pub use proposal::{Proposal, Reply};
pub use timing::config;

/// What the cluster knows of a member from its membership entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberNode {
    /// Where its peers reach it.
    pub peer_urls: Vec<String>,
    /// Whether it was added as a voter and gets its vote once it has the log. Of no meaning to one that
    /// votes.
    pub awaits_vote: bool,
}

/// openraft's types, as detcd uses them: standard leader ids (one leader per term).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeConfig<R> {
    runtime: PhantomData<R>,
}

impl<R: Runtime> RaftTypeConfig for TypeConfig<R> {
    type D = Proposal;
    type R = Reply;
    type NodeId = u64;
    type Node = MemberNode;
    type Term = u64;
    type LeaderId = leader_id_std::LeaderId<u64, u64>;
    type Vote = Vote<Self::LeaderId>;
    type Payload = EntryPayload<Proposal, u64, MemberNode>;
    type Entry = openraft::impls::Entry<leader_id_std::CommittedLeaderId<u64>, Self::Payload>;
    type AsyncRuntime = R;
    type Responder<T>
        = in_flight::Answering<R, T>
    where
        T: Send + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: Send + 'static;
    type ErrorSource = openraft::AnyError;
}

/// The Raft instance of a member.
pub type Raft<R> = openraft::Raft<TypeConfig<R>, Applier<R>>;
/// A log entry.
pub type Entry<R> = openraft::alias::EntryOf<TypeConfig<R>>;
/// A log id.
pub type LogId = openraft::LogId<leader_id_std::CommittedLeaderId<u64>>;
/// A vote.
pub type RaftVote = Vote<leader_id_std::LeaderId<u64, u64>>;
/// A membership with the log id of its entry.
pub type StoredMembership =
    openraft::StoredMembership<leader_id_std::CommittedLeaderId<u64>, u64, MemberNode>;
/// Whether a quorum of the membership, or of one of its two halves, counts the member.
pub fn is_voter(stored: &StoredMembership, id: u64) -> bool {
    stored.voter_ids().any(|voter| voter == id)
}

/// A membership.
pub type Membership = openraft::Membership<u64, MemberNode>;
/// What a snapshot covers.
pub type SnapshotMeta =
    openraft::SnapshotMeta<leader_id_std::CommittedLeaderId<u64>, u64, MemberNode>;
/// A snapshot with its data.
pub type Snapshot<R> = openraft::alias::SnapshotOf<TypeConfig<R>, applier::SnapshotData<R>>;
