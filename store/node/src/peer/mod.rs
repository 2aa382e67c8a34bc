//! What the other members of a cluster ask of this one, over gRPC on the peer address.
//!
//! Requests are checked for whom they are meant and from whom they come, and handed to Raft
//! ([`raft::inbound`](crate::raft::inbound)), to the leader's side of the member, or to the member itself.
//! Must never know: openraft, clients.

mod addressee;
mod service;
mod snapshot;

pub use self::service::{PeerService, Served};
